#!/usr/bin/env python3
"""An entry with a long text and an image is edited again and again: each edit costs as many bytes as those before it, the
image is stored once, and a list shows every former version.

    tests/interop/logbook/test_database_growth.py [--doublings N]      PostgreSQL too where TESTKIT_POSTGRES names a server
"""

# seconds: 20
# long: --doublings 6

import argparse
import base64
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from logbook_facility import Facility

SEED = 7
TEXT_BYTES = 200_000
IMAGE_BYTES = 150_000
FIRST = 10
# How far the bytes of an edit may be from those before.
TOLERANCE = 0.2


def make_page(chance):
    """Words, which a database cannot make much smaller, and an image among them."""
    words, size = [], 0
    while size < TEXT_BYTES:
        words.append("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randrange(3, 12))))
        size += len(words[-1]) + 1
    image = b"\x89PNG\r\n\x1a\n" + chance.randbytes(IMAGE_BYTES - 8)
    return words, f'<img src="data:image/png;base64,{base64.b64encode(image).decode()}">'


class Sqlite(Facility):
    engine = "SQLite"

    def stored(self):
        """Bytes of the file once the server has stopped cleanly and the journal is in it, without pages that are free."""
        path = self.dir / "databases" / "logbook.db"
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
            (free,), (page,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_size"))
        return path.stat().st_size - free * page


class Postgres(Facility):
    engine = "PostgreSQL"

    def __init__(self, server):
        self.server_url, self.name = server.rsplit("/", 1)[0], f"growth_{os.getpid()}"
        self.psql("postgres", f"CREATE DATABASE {self.name}")
        super().__init__(UNDULATOR_DATABASE__URL=f"{self.server_url}/{self.name}")

    def __exit__(self, *reason):
        super().__exit__(*reason)
        self.psql("postgres", f"DROP DATABASE {self.name} WITH (FORCE)")

    def psql(self, database, sql):
        command = ["psql", "--no-psqlrc", "-qAtc", sql, f"{self.server_url}/{database}"]
        return subprocess.run(command, check=True, text=True, capture_output=True).stdout.strip()

    def stored(self):
        """Bytes of the tables with their indexes and what is stored beside the rows, without what is dead."""
        self.psql(self.name, "VACUUM FULL")
        sizes = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        return int(self.psql(self.name, f"{sizes} WHERE n.nspname = 'logbook' AND c.relkind = 'r'"))


def measure_sizes(facility):
    """Bytes of the database and of the attachments, and how many those are; the server is stopped meanwhile."""
    assert facility.kill(signal.SIGTERM) == 0, "a stop on request is no failure"
    database = facility.stored()
    root = facility.dir / "databases" / "attachments"
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
    facility.start()
    return database, sum(sizes), len(sizes)


def make_entry(words, image, n):
    """The same text with one word in its middle changed."""
    middle = len(words) // 2
    text = " ".join([*words[:middle], f"edit{n}", *words[middle:]])
    content = [{"format": "html", "text": f"<p>{text}</p>{image}"}]
    return {"type": "annotation", "category": "comment", "title": f"edit {n}", "content": content}


def send_json(facility, method, path, body=None):
    status, _, answer = facility.request(method, path, body=body)
    assert status == 200, (method, path, status, answer[:300])
    return json.loads(answer)


def count_versions(event):
    while event:
        yield event
        event = event["previousVersionEvent"]


def check_growth(facility, doublings):
    words, image = make_page(random.Random(SEED))
    alice = facility.login("simple/alice")
    path = f"/logbook/{alice}/event?investigationId={facility.embargo}"
    id = send_json(facility, "POST", path, make_entry(words, image, 0))["_id"]
    done, before, costs = 0, measure_sizes(facility), []
    print(f"{facility.engine}: with one version {before[0]:,} bytes of database, {before[1]:,} of attachments")
    for total in (FIRST << n for n in range(doublings)):
        alice = facility.login("simple/alice")
        path = f"/logbook/{alice}/event?investigationId={facility.embargo}"
        for n in range(done + 1, total + 1):
            send_json(facility, "PUT", path, {"event": {"_id": id, **make_entry(words, image, n)}})
        now = measure_sizes(facility)
        cost = (now[0] + now[1] - before[0] - before[1]) / (total - done)
        print(f"{facility.engine}: {total} edits, {now[0]:,} + {now[1]:,} bytes, {cost:,.0f} for each of the last {total - done}")
        assert now[1:] == before[1:] == (IMAGE_BYTES, 1), f"the image is stored once: {before} {now}"
        costs.append(cost)
        done, before = total, now
    for cost, later in zip(costs, costs[1:]):
        assert abs(later / cost - 1) <= TOLERANCE, f"bytes of an edit do not stay the same: {costs}"
    alice = facility.login("simple/alice")
    (listed,) = send_json(facility, "GET", f"/logbook/{alice}/event?investigationId={facility.embargo}")
    titles = [version["title"] for version in count_versions(listed)]
    assert titles == [f"edit {n}" for n in range(done, -1, -1)], titles
    for n, version in zip(range(done, -1, -1), count_versions(listed)):
        (content,) = version["content"]
        assert f" edit{n} " in content["text"] and words[-1] in content["text"] and 'src="/resource/' in content["text"]
        assert "data:" not in content["text"], "the image stands beside the text"
    print(f"{facility.engine}: a list shows all {len(titles)} versions")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--doublings", type=int, default=2)
    doublings = options.parse_args().doublings
    print(f"seed {SEED}", flush=True)
    with Sqlite() as facility:
        check_growth(facility, doublings)
    server = os.environ.get("TESTKIT_POSTGRES")
    if server is None:
        print("PostgreSQL: TESTKIT_POSTGRES names no server")
        return
    with Postgres(server) as facility:
        check_growth(facility, doublings)


if __name__ == "__main__":
    main()
