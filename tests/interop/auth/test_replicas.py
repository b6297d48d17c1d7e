#!/usr/bin/env python3
"""Two replicas on one PostgreSQL: a login on one is refreshed on the other; a logout on one ends it on the other; a copy of a refresh
token, used after the grace, ends the login on both; an account that is locked is refused by both; keys that are rotated are
used by both, and nobody notices.

    tests/interop/auth/test_replicas.py
"""

# needs: token_verifiers
# seconds: 40
# mostly-waits: keys are read again every half a minute

import datetime
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from auth_facility import AuthFacility, decode_part, read_cookie
from auth_replica import AuthReplica, post_json, write_signing_key
from servers import Nats, Postgres
from suite import wait_until

GRACE_SECONDS = 3


class Pair:
    """The replicas, of which each test uses either as the first."""

    def __init__(self, facility, other):
        self.facility, self.replicas = facility, [facility, other]

    def list_orders(self):
        return [self.replicas, self.replicas[::-1]]

    def log_in(self, replica, name="alice"):
        password = self.facility.passwords[f"simple/{name}"]
        return post_json(replica, "/auth/v1/token", {"plugin": "simple", "username": name, "password": password, "refresh_token": "body"})

    def require_login(self, replica, name="alice"):
        status, answer = self.log_in(replica, name)
        assert status == 200, (status, answer)
        return answer

    def log_in_to_portal(self, replica, name="alice"):
        """The token and the cookie."""
        status, headers, body = replica.request("POST", "/auth/login", body=self.facility.credentials(name))
        assert status == 200, (status, body)
        return json.loads(body), read_cookie(headers)


def refresh(replica, login):
    return post_json(replica, "/auth/v1/token/refresh", {"refresh_token": login["refresh_token"]})


def refresh_portal(replica, token, cookie):
    """Status, token and cookie."""
    headers = {"Cookie": f"scigateway:refresh_token={cookie}"}
    status, headers, body = replica.request("POST", "/auth/refresh", body={"token": token}, headers=headers)
    return status, json.loads(body), read_cookie(headers)


def is_alive(replica, access):
    """What other services ask."""
    status, _, body = replica.request("POST", "/sessions/resolve", headers={"Authorization": f"Bearer {access}"}, internal=True)
    assert status in (200, 401), (status, body)
    return status == 200


def is_valid_for_portals(replica, token):
    status, _, body = replica.request("POST", "/auth/verify", body={"token": token})
    assert status in (200, 403), (status, body)
    return status == 200


def is_listed(replica, access):
    """Whether verifiers are told that the login has ended."""
    _, _, body = replica.request("GET", "/auth/v1/revoked")
    id = hashlib.sha256(json.loads(decode_part(access, 1))["sid"].encode()).hexdigest()[:32]
    return any(entry["id"] == id for entry in json.loads(body)["revoked"])


def check_refreshes(pair):
    for one, other in pair.list_orders():
        login, (token, cookie) = pair.require_login(one), pair.log_in_to_portal(one)
        for replica in (other, one, other):
            status, answer = refresh(replica, login)
            assert status == 200, (status, answer)
            login = answer
            status, token, cookie = refresh_portal(replica, token, cookie)
            assert status == 200, (status, token)
            assert is_alive(one, login["access_token"]) and is_alive(other, login["access_token"])
            assert is_valid_for_portals(one, token) and is_valid_for_portals(other, token)


def check_logouts(pair):
    for one, other in pair.list_orders():
        left, kept, (token, cookie) = pair.require_login(one), pair.require_login(one), pair.log_in_to_portal(one)
        assert post_json(one, "/auth/v1/logout", {"refresh_token": left["refresh_token"]})[0] == 204
        assert one.request("POST", "/auth/logout", body={"token": token})[0] == 200
        # At once, because the end is a row.
        assert refresh(other, left)[0] == 401 and not is_alive(other, left["access_token"])
        assert refresh_portal(other, token, cookie)[0] == 403 and not is_valid_for_portals(other, token)
        # A list may be five seconds old.
        wait_until("both replicas list the end", lambda: is_listed(one, left["access_token"]) and is_listed(other, left["access_token"]))
        assert refresh(other, kept)[0] == 200 and not is_listed(other, kept["access_token"])


def check_replays(pair):
    for one, other in pair.list_orders():
        token, cookie = pair.log_in_to_portal(one)
        kept = pair.require_login(one)
        status, next_token, next_cookie = refresh_portal(other, token, cookie)
        assert status == 200, next_token
        wait_until("the copy is refused", lambda: refresh_portal(one, token, cookie)[0] == 403, 10 * GRACE_SECONDS)
        for replica in (one, other):
            assert refresh_portal(replica, next_token, next_cookie)[0] == 403
            assert not is_valid_for_portals(replica, token) and not is_valid_for_portals(replica, next_token)
            assert is_alive(replica, kept["access_token"])


def check_locks(pair):
    for one, other in pair.list_orders():
        logins = [(replica, pair.require_login(replica, "bob")) for replica in (one, other)]
        token, _ = pair.log_in_to_portal(other, "bob")
        session = pair.facility.login("simple/bob")
        one.run("auth", "user", "lock", "simple/bob")
        for replica in (one, other):
            status, answer = pair.log_in(replica, "bob")
            assert status == 401, (status, answer)
            for _, login in logins:
                assert refresh(replica, login)[0] == 401 and not is_alive(replica, login["access_token"])
            assert not is_valid_for_portals(replica, token)
        # The catalogue ends what it has when it hears of the lock, and would end a login that begins before.
        wait_until("the catalogue has ended the sessions", lambda: pair.facility.request("GET", f"/icat/session/{session}")[0] == 403)
        other.run("auth", "user", "unlock", "simple/bob")
        for replica in (one, other):
            pair.require_login(replica, "bob")
            for _, login in logins:
                assert refresh(replica, login)[0] == 401, "an ended login does not come back"


class KeyRotation:
    """Two steps of `undulator auth keys rotate`, a day apart: the file that says since when the next key is published is changed."""

    def __init__(self, facility):
        self.facility, self.directory = facility, facility.dir / "keys"
        assert facility.json("auth", "keys", "rotate")["step"] == "prepared"
        name, since = (self.directory / "next").read_text().split()
        before = datetime.datetime.fromisoformat(since) - datetime.timedelta(hours=25)
        (self.directory / "next").write_text(f"{name} {before.strftime('%Y-%m-%dT%H:%M:%SZ')}\n")
        rotated = facility.json("auth", "keys", "rotate")
        assert (rotated["step"], rotated["active"]) == ("rotated", name), rotated

    def check(self, pair, login):
        """Both replicas sign with the new key, and accept what either key has signed."""
        def read_kid(token):
            return json.loads(decode_part(token, 0))["kid"]

        def list_published(replica):
            return sorted(key["kid"] for key in json.loads(replica.request("GET", "/.well-known/jwks.json")[2])["keys"])

        # The old one, the new one, and the one after it.
        wait_until("both replicas know the new keys", lambda: all(len(list_published(replica)) == 3 for replica in pair.replicas))
        published = [list_published(replica) for replica in pair.replicas]
        tokens = [pair.require_login(replica)["access_token"] for replica in pair.replicas] + [login["access_token"]]
        assert published[0] == published[1] and {*map(read_kid, tokens)} <= {*published[0]}, published
        assert len({read_kid(token) for token in tokens}) == 2, "both sign with the same key"
        for replica in pair.replicas:
            assert all(is_alive(replica, token) for token in tokens)
            assert replica.request("GET", "/auth/v1/logins", headers={"Authorization": f"Bearer {login['access_token']}"})[0] == 200
        for replica in pair.replicas:
            status, login = refresh(replica, login)
            assert status == 200, "a login does not end with a key"


def main():
    with Postgres() as postgres, Nats() as nats:
        facility = AuthFacility(postgres=postgres, **nats.env, UNDULATOR_AUTH__REFRESH_GRACE=f"{GRACE_SECONDS}s")
        write_signing_key(facility.dir / "keys")
        facility.env["UNDULATOR_AUTH__KEYS_DIR"] = str(facility.dir / "keys")
        with facility, AuthReplica(facility) as other:
            other.start()
            pair = Pair(facility, other)
            before = pair.require_login(other)
            # Replicas read the keys again within half a minute.
            rotation = KeyRotation(facility)
            for check in (check_refreshes, check_logouts, check_replays, check_locks):
                check(pair)
                print(check.__name__.removeprefix("check_").replace("_", " "), flush=True)
            rotation.check(pair, before)
            print("keys")


if __name__ == "__main__":
    main()
