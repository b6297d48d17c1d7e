#!/usr/bin/env python3
"""100,000 logins have ended while their tokens are still valid. The list of them comes in pages, compressed, and says shortly that
nothing is new. Another service, which hears no events, knows them all: it refuses the token of each and no other, in little
memory; and it refuses the token of a logout that nobody tells it of.

    tests/interop/auth/test_many_revoked.py [--logins N]
"""

# needs: token_verifiers
# seconds: 40
# mostly-waits: a service asks for the list every 20 seconds
# long: --logins 250000

import argparse
import contextlib
import gzip
import hashlib
import json
import random
import re
import sqlite3
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import jwt

from auth_facility import AuthFacility
from auth_replica import post_json, write_signing_key
from suite import Suite, wait_until

# Of an answer.
PAGE = 50_000
COMPRESSED_BYTES = 2_500_000
# What a service may need for 100,000 logins beside the 4 MB that it keeps: two answers as texts and as values.
MEMORY_BYTES = 96 << 20
TOKEN_SECONDS = 600
LOOKUPS = 300


class Verifier(Suite):
    """The catalogue in a process of its own. It hears no events and asks nobody about a token: it knows the keys and the list."""

    def __init__(self, facility):
        super().__init__()
        self.services = ["icat"]
        self.env |= {
            "UNDULATOR_PUBLIC_URL": facility.url, "UNDULATOR_HTTP__LIMITS__RATE": "0", "UNDULATOR_IDENTITY__AUTH_URL": "",
            "UNDULATOR_IDENTITY__JWKS_URL": f"{facility.url}/.well-known/jwks.json",
        }  # fmt: skip

    def accepts(self, token):
        query = {"query": "SELECT COUNT(f) FROM Facility f"}
        status, _, body = self.request("GET", "/icat/entityManager", query, headers={"Authorization": f"Bearer {token}"})
        assert status in (200, 403), (status, body)
        return status == 200

    def count_known(self):
        _, _, body = self.request("GET", "/metrics", internal=True)
        return int(re.search(r"^undulator_revoked_logins (\d+)", body.decode(), re.M)[1])

    def read_memory(self, name="VmHWM"):
        """The most that it has used so far, in bytes."""
        text = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) << 10


class Signer:
    """Signs tokens of any login, as auth does."""

    def __init__(self, facility, key):
        self.issuer, self.key = facility.url, key
        (published,) = json.loads(facility.request("GET", "/.well-known/jwks.json")[2])["keys"]
        self.header = {"typ": "at+jwt", "kid": published["kid"]}

    def sign(self, sid):
        now = int(time.time())
        claims = {
            **{"iss": self.issuer, "aud": "undulator", "sub": "simple/alice", "client_id": "tests", "jti": str(uuid.uuid4())},
            **{"sid": sid, "iat": now, "nbf": now, "exp": now + TOKEN_SECONDS},
        }
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers=self.header)


def hash_sid(sid):
    return hashlib.sha256(sid.encode()).hexdigest()


def insert_ended_logins(facility, count):
    """As if so many people had logged in and out within the last minutes; by `id`, when the last token of each ends."""
    now, rows, ends = int(time.time()), [], {}
    for number in range(count):
        sid_hash, tokens_end_at = hash_sid(f"sid {number}"), now + TOKEN_SECONDS + number % TOKEN_SECONDS
        started, ended = (now - 600) * 10**6, (now - 300) * 10**6 + number
        rows.append((sid_hash, f"session {number}", started, started, started, tokens_end_at * 10**6, tokens_end_at * 10**6, tokens_end_at * 10**6, ended))
        ends[sid_hash[:32]] = tokens_end_at
    assert facility.server is None, "somebody else writes"
    insert = (
        "INSERT INTO login (sid_hash, user_name, mechanism, client, sealed, session_hash, amr, session_ends_at, started_at, last_used_at,"
        " tokens_end_at, ends_at, idle_ends_at, ended_at, end_reason)"
        " VALUES (?1, 'simple/alice', 'simple', 'tests', x'00', ?2, '[]', ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'logged_out')"
    )
    with contextlib.closing(sqlite3.connect(facility.dir / "databases" / "auth.db")) as database, database:
        database.executemany(insert, rows)
    return ends


def fetch(facility, after=None, etag=None):
    """Status, headers, JSON and the size on the way."""
    headers = {"Accept-Encoding": "gzip"} | ({"If-None-Match": etag} if etag else {})
    status, headers, body = facility.request("GET", "/auth/v1/revoked", {"after": after} if after else None, headers=headers)
    text = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
    return status, headers, json.loads(text) if text else None, len(body)


def check_list(facility, ends):
    """All pages from the beginning; sizes of pages and bytes."""
    found, after, pages, bytes = {}, None, [], 0
    while True:
        status, headers, page, size = fetch(facility, after)
        assert status == 200 and headers["content-encoding"] == "gzip", (status, headers)
        assert size < COMPRESSED_BYTES, f"{size} bytes"
        found |= {entry["id"]: entry["exp"] for entry in page["revoked"]}
        pages.append(len(page["revoked"]))
        bytes += size
        last, after = after, page["next"]
        if not page["more"]:
            break
    assert found == ends, (len(found), len(ends))
    assert pages == [PAGE] * (len(ends) // PAGE) + [len(ends) % PAGE] * (len(ends) % PAGE > 0), pages
    # The same question again.
    status, _, _, size = fetch(facility, last, headers["etag"])
    assert (status, size) == (304, 0), (status, size)
    # What ended in the last minutes is in the next answer again, because clocks differ; what ended before is not.
    assert fetch(facility, after)[2]["revoked"] == []
    return pages, bytes


def check_lookups(verifier, signer, count, chance):
    """The token of each ended login is refused, and no other one."""
    for _ in range(LOOKUPS):
        number = chance.randrange(count)
        assert not verifier.accepts(signer.sign(f"sid {number}")), f"the token of an ended login {number} is accepted"
        other = f"sid {count + number}"
        assert verifier.accepts(signer.sign(other)), f"the token of {other} is refused"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--logins", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    facility = AuthFacility()
    key = write_signing_key(facility.dir / "keys")
    facility.env["UNDULATOR_AUTH__KEYS_DIR"] = str(facility.dir / "keys")
    with facility, Verifier(facility) as verifier:
        signer = Signer(facility, key)
        verifier.start()
        assert verifier.accepts(signer.sign("sid 0"))
        before = verifier.read_memory()
        verifier.kill()
        facility.kill()
        ends = insert_ended_logins(facility, options.logins)
        facility.start()
        idle = Verifier.read_memory(facility)
        pages, size = check_list(facility, ends)
        grown = Verifier.read_memory(facility) - idle
        print(f"{len(ends)} ended logins in pages of {pages}, {size:,} bytes; auth has grown by {grown >> 20} MiB", flush=True)

        body = {"plugin": "simple", "username": "alice", "password": facility.passwords["simple/alice"]}
        token = post_json(facility, "/auth/v1/token", body)[1]["access_token"]
        verifier.start()
        wait_until("the service knows them all", lambda: verifier.count_known() == len(ends))
        assert verifier.accepts(token)
        bearer = {"Authorization": f"Bearer {token}"}
        assert facility.request("DELETE", "/auth/v1/token", headers=bearer)[0] == 204
        logged_out = time.monotonic()
        check_lookups(verifier, signer, options.logins, random.Random(options.seed))
        grown = verifier.read_memory() - before
        print(f"a service knows them all and has grown by {grown >> 20} MiB; {LOOKUPS} of them were refused, and none of {LOOKUPS} others", flush=True)
        assert grown < MEMORY_BYTES * max(1, options.logins / 100_000), f"{grown} bytes"
        wait_until("the service refuses the token of a logout", lambda: not verifier.accepts(token))
        wait_until("it counts one more", lambda: verifier.count_known() == len(ends) + 1)
        print(f"it refused the token of a logout after {time.monotonic() - logged_out:.0f} s")


if __name__ == "__main__":
    main()
