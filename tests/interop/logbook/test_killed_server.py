#!/usr/bin/env python3
"""The server is killed again and again while people and programs write entries with images, changes and files, on SQLite and
on PostgreSQL: what was acknowledged is there, the chains of records are whole, every attachment's file has its SHA-256, and
contents that no entry has go with the next sweep, also with one that is killed, while those that somebody refers to stay.

    tests/interop/logbook/test_killed_server.py [--kills N] [--sqlite | --postgres]
"""

# seconds: 25
# long: --kills 200

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from logbook_facility import KEY, Facility, check_chains, wait_for_killed_connections
from servers import Postgres
from suite import wait_until

WRITERS = 6
# So many that a sweep can be killed in their midst.
ORPHANS = 1500
OLD_FIRST = (
    "SELECT key FROM content c WHERE NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = c.sha256) ORDER BY touched_at"
)


class Writer(threading.Thread):
    """Writes until told to end, through every kill; keeps what was acknowledged and what was tried."""

    def __init__(self, facility, number, session, seed):
        super().__init__(daemon=True)
        self.facility, self.number, self.session = facility, number, session
        self.random = random.Random(f"{seed}/{number}")
        self.acknowledged, self.attempted, self.ended = {}, set(), threading.Event()
        self.counter = 0

    def run(self):
        connection = None
        while not self.ended.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.facility.public, timeout=30)
                self.random.choice([self.entry, self.entry, self.change, self.file, self.message])(connection)
            except (OSError, http.client.HTTPException):
                connection = None
                # The server is down; it says when it is up again.
                self.facility.up.wait()

    def text(self):
        self.counter += 1
        text = f"crash {self.number} {self.counter}"
        self.attempted.add(text)
        return text

    def bytes(self):
        """An image or not; sometimes one that others have too."""
        tail = b"%d" % self.random.randrange(20) if self.random.random() < 0.3 else self.random.randbytes(3000)
        return b"\x89PNG\r\n\x1a\n" + tail

    def send(self, connection, method, path, body):
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (method, path, answer.status, text)
        return json.loads(text)

    def html(self, text):
        image = base64.b64encode(self.bytes()).decode()
        return [{"format": "html", "text": f'<p>{text} <img src="data:image/png;base64,{image}"></p>'}]

    def entry(self, connection):
        text = self.text()
        new = {"type": "annotation", "category": "comment", "title": text, "tag": [{"name": f"t{self.number}"}]}
        path = f"/logbook/{self.session}/event?investigationId={self.facility.embargo}"
        made = self.send(connection, "POST", path, {**new, "content": self.html(text)})
        assert len(made["file"]) == 1
        self.acknowledged[text] = made["_id"]

    def change(self, connection):
        known = [id for text, id in self.acknowledged.items() if id]
        if not known:
            return self.entry(connection)
        id, text = self.random.choice(known), self.text()
        new = {"_id": id, "type": "annotation", "category": "comment", "title": text, "content": self.html(text)}
        path = f"/logbook/{self.session}/event?investigationId={self.facility.embargo}"
        self.send(connection, "PUT", path, {"event": new})
        self.acknowledged[text] = None

    def file(self, connection):
        text = self.text()
        body = {"base64": f"data:image/png;base64,{base64.b64encode(self.bytes()).decode()}", "machine": text}
        self.send(connection, "POST", f"/dataacquisition/{KEY}/base64?investigationName=ZZ%2F123&instrumentName=BL07", body)
        self.acknowledged[text] = None

    def message(self, connection):
        text = self.text()
        body = {"type": "notification", "category": "info", "title": text, "content": []}
        self.send(connection, "POST", f"/dataacquisition/{KEY}/notification?instrumentName=BL07", body)
        self.acknowledged[text] = None


class Attachments:
    """What is stored: rows of contents and their files, what is being received, and what is to go."""

    # Longer than contents stay that no entry has.
    OLD_SECONDS = 2 * 3600

    def __init__(self, facility):
        self.facility = facility
        self.root = facility.dir / "databases" / "attachments"

    def keys(self):
        """By SHA-256."""
        return dict(self.facility.rows("SELECT sha256, key FROM content"))

    def doomed(self):
        return {key for (key,) in self.facility.rows("SELECT key FROM doomed_content")}

    def unused(self):
        """Keys of contents that no entry has."""
        query = "SELECT key FROM content c WHERE NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = c.sha256)"
        return {key for (key,) in self.facility.rows(query)}

    def files(self):
        """Names of files that are finished."""
        return {path.name for path in self.root.glob("??/*")}

    def parts(self):
        return {path.name for path in self.root.iterdir() if path.is_file()}

    def place(self, key):
        return self.root / key[:2] / key

    def check(self, sha256, size, key):
        content = self.place(key).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size), key
        assert key.startswith(f"{sha256}-"), key

    def make_all_old(self):
        """While nobody is at it."""
        self.facility.change(f"UPDATE content SET touched_at = touched_at - {self.OLD_SECONDS * 1_000_000}")
        for name in self.parts():
            self.make_old(self.root / name)

    def make_old(self, path):
        os.utime(path, (time.time() - self.OLD_SECONDS,) * 2)

    def leave(self, contents):
        """As writers that were killed between the file and the row of their entry; every tenth even before the file."""
        rows, now = [], time.time_ns() // 1000
        for number, content in enumerate(contents):
            sha256 = hashlib.sha256(content).hexdigest()
            # Of numbers that nobody gets.
            key = f"{sha256}-{10**15 + number}"
            rows.append(f"('{sha256}', '{key}', {now + number})")
            self.place(key).parent.mkdir(exist_ok=True)
            if number % 10:
                self.place(key).write_bytes(content)
        self.facility.change(f"INSERT INTO content (sha256, key, touched_at) VALUES {', '.join(rows)}")

    def leave_half(self, name):
        """As a writer that was killed in the midst."""
        path = self.root / f".{name}.part"
        path.write_bytes(b"half")
        return path


def check_everything(facility, writers):
    """Everything that must hold after any kill."""
    wait_for_killed_connections(facility)
    records, books = check_chains(facility.rows)
    bodies = [json.loads(body) for (body,) in facility.rows("SELECT body FROM record WHERE kind IN ('created', 'changed')")]
    seen = {text for body in bodies for text in (body["event"]["title"], body["event"]["machine"]) if text}
    acknowledged = {text for writer in writers for text in writer.acknowledged}
    attempted = {text for writer in writers for text in writer.attempted}
    assert acknowledged <= seen <= attempted, (acknowledged - seen, seen - attempted)
    present = {body["entry"]: (0, None) for body in bodies}
    for body in bodies:
        present[body["entry"]] = max(present[body["entry"]], (body["version"], body["event"]["title"]))
    for id, version, body in facility.rows("SELECT id, version, body FROM entry"):
        assert present.pop(id) == (version, json.loads(body)["title"]), id
    assert not present, "every entry with a record is there"
    files = check_files(facility)
    listed = {id for body in bodies for id in body["event"]["files"]}
    stored = {id for (id,) in facility.rows("SELECT id FROM attachment")}
    assert listed == stored, "an entry's files have rows, and no row is without its entry"
    return records, books, files, len(acknowledged), len(attempted)


def check_files(facility):
    """Every attachment has its bytes, and every file its row; how many contents attachments have."""
    attachments = Attachments(facility)
    keys, rows = attachments.keys(), dict(facility.rows("SELECT sha256, bytes FROM attachment"))
    for sha256, size in rows.items():
        attachments.check(sha256, size, keys[sha256])
    lost = attachments.files() - {*keys.values(), *attachments.doomed()}
    assert not lost, f"no row says anything about {lost}"
    return len(rows)


def check_sweeps(facility):
    """Old contents that no entry has go, also when the sweep is killed in their midst; young ones stay, and so do those that
    writers come back to while they are on their way out."""
    attachments, contents = Attachments(facility), {}
    for n in range(ORPHANS):
        content = b"\x89PNG\r\n\x1a\norphan %d" % n
        contents[hashlib.sha256(content).hexdigest()] = content
    attachments.leave(contents.values())
    attachments.make_old(attachments.leave_half("old"))
    attachments.make_all_old()
    young = b"\x89PNG\r\n\x1a\nfirst", b"\x89PNG\r\n\x1a\nyoung"
    attachments.leave(young)
    young = {key for sha256, key in attachments.keys().items() if sha256 in {hashlib.sha256(one).hexdigest() for one in young}}
    half = attachments.leave_half("young").name
    kills = 0
    while not attachments.doomed():
        assert kills < 9, "no sweep was killed in its midst"
        facility.start()
        wait_until("the sweep is in the midst", attachments.doomed)
        facility.kill()
        wait_for_killed_connections(facility)
        kills += 1
    check_files(facility)
    doomed, before = attachments.doomed(), attachments.files()
    facility.start()
    carol, sent, counts = facility.login("simple/carol"), {}, {True: 0, False: 0}

    def send_content(key, is_doomed):
        """By a program, in the very moment."""
        sha256 = key.split("-")[0]
        if sha256 in sent or sha256 not in contents:
            return
        body = {"base64": f"data:image/png;base64,{base64.b64encode(contents[sha256]).decode()}"}
        path = f"/dataacquisition/{KEY}/base64?instrumentName=BL07"
        status, answer = facility.post_json(path, body, {"Content-Type": "application/json"})
        assert status == 200, answer
        (sent[sha256],) = json.loads(answer)["file"]
        counts[is_doomed] += 1

    def is_swept():
        now = attachments.doomed()
        for key in sorted(now)[-5:]:
            send_content(key, True)
        # Few as long as the killed sweep has its lease.
        if now - doomed or counts[False] < 20:
            for (key,) in facility.rows(f"{OLD_FIRST} LIMIT 2"):
                send_content(key, False)
        return not attachments.doomed() and attachments.unused() == young

    # What was on its way out when the sweep was killed comes anew.
    for key in sorted(doomed)[: len(doomed) // 2]:
        send_content(key, True)
    wait_until("only contents that somebody has are left", is_swept)
    for sha256, id in sent.items():
        status, _, answer = facility.request("GET", f"/resource/{carol}/file/download?resourceId={id}")
        assert (status, answer) == (200, contents[sha256]), (sha256, status, answer)
    keys = attachments.keys()
    assert not doomed & {*keys.values()}, "who comes back gets another file"
    # The first of the young has only a row.
    has_file = {key for key in keys.values() if attachments.place(key).exists()}
    assert {*keys.values()} - has_file <= young and attachments.files() == has_file
    assert attachments.parts() == {half}
    check_files(facility)
    return len(before - attachments.files()), kills, counts


def kill_repeatedly(engine, facility, kills, seed):
    chance = random.Random(seed)
    facility.up = threading.Event()
    facility.up.set()
    alice = facility.login("simple/alice")
    writers = [Writer(facility, n, alice, seed) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    total = lambda: sum(len(writer.acknowledged) for writer in writers)  # noqa: E731
    attachments, orphans, parts = Attachments(facility), set(), set()
    for _ in range(kills):
        # At a moment that depends on how far they are.
        wanted = total() + chance.randrange(20, 60)
        wait_until("writers go on", lambda: total() >= wanted or not all(writer.is_alive() for writer in writers))
        assert all(writer.is_alive() for writer in writers), "a writer was refused"
        facility.up.clear()
        facility.kill()
        wait_for_killed_connections(facility)
        orphans |= attachments.unused()
        parts |= attachments.parts()
        # So that the sweep at the start finds what killed writers left, while others send the same bytes.
        attachments.make_all_old()
        facility.start()
        facility.up.set()
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join()
    facility.kill()
    records, books, files, acknowledged, attempted = check_everything(facility, writers)
    print(
        f"{engine}: {kills} kills: {acknowledged} acknowledged of {attempted} attempted are there; {records} records in "
        f"{books} logbooks are whole; {files} contents of attachments have their SHA-256; killed writers left {len(orphans)} "
        f"contents and {len(parts)} half-received files",
        flush=True,
    )
    removed, kills, sent = check_sweeps(facility)
    facility.kill()
    wait_for_killed_connections(facility)
    check_chains(facility.rows)
    print(
        f"{engine}: {removed} files were swept after {kills} killed sweeps, and none that an entry has; {sent[True]} "
        f"came back while they were on their way out and {sent[False]} shortly before",
        flush=True,
    )


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    engines = options.add_mutually_exclusive_group()
    engines.add_argument("--sqlite", dest="engines", action="store_const", const=["SQLite"], default=["SQLite", "PostgreSQL"])
    engines.add_argument("--postgres", dest="engines", action="store_const", const=["PostgreSQL"])
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)

    def run_engine(engine):
        with Postgres() if engine == "PostgreSQL" else contextlib.nullcontext() as postgres, Facility(postgres) as facility:
            kill_repeatedly(engine, facility, options.kills, options.seed)

    # At the same time, because a sweep waits for the lease of one that was killed.
    with ThreadPoolExecutor() as pool:
        list(pool.map(run_engine, options.engines))


if __name__ == "__main__":
    main()
