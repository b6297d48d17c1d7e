#!/usr/bin/env python3
"""The server is killed again and again while people and programs write entries with images, changes and files, on SQLite and
on PostgreSQL: what was acknowledged is there, the chains of records are whole, every attachment's file has its SHA-256, and
files that no entry has go with the next sweep, while those that somebody refers to stay.

    tests/interop/logbook_crash.py [--kills N] [--sqlite | --postgres]
"""

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from logbook_facility import KEY, Facility, check_chains
from servers import Postgres

WRITERS = 6
GUARD_SECONDS = 60


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


def until(what, look):
    deadline = time.monotonic() + GUARD_SECONDS
    while not look():
        assert time.monotonic() < deadline, f"not within {GUARD_SECONDS} s: {what}"
        time.sleep(0.05)


class Attachments:
    """The directory of attachments' bytes: how files lie in it, and what a sweep takes for old."""

    # Longer than bytes stay that no entry has.
    OLD_SECONDS = 2 * 3600

    def __init__(self, facility):
        self.root = facility.dir / "databases" / "attachments"

    def files(self):
        """By name: the SHA-256, or that of something unfinished."""
        return {path.name: path for path in self.root.rglob("*") if path.is_file()}

    def place(self, sha256):
        return self.root / sha256[:2] / sha256

    def aside(self, sha256):
        return self.root / f".swept-{sha256}"

    def content(self, sha256):
        """A sweep that was killed may have it aside; the next one brings it back."""
        path = self.place(sha256)
        return (path if path.exists() else self.aside(sha256)).read_bytes()

    def without_row(self, rows):
        """Files that no entry has."""
        return {name for name in self.files() if name.removeprefix(".swept-") not in rows}

    def make_all_old(self):
        for path in self.files().values():
            os.utime(path, (time.time() - self.OLD_SECONDS,) * 2)

    def make_young(self, sha256):
        os.utime(self.place(sha256))

    def leave(self, content):
        """As a writer that was killed before its row."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.place(sha256).parent.mkdir(exist_ok=True)
        self.place(sha256).write_bytes(content)
        return sha256

    def leave_half(self):
        """As a writer that was killed in the midst."""
        (self.root / ".5b0c1c8e.part").write_bytes(b"half")

    def set_aside(self, sha256):
        """As a sweep that was killed."""
        self.place(sha256).rename(self.aside(sha256))


def check(facility, writers):
    """Everything that must hold after any kill; files by what their names say."""
    if facility.postgres:
        # What the killed process had sent is still being done.
        of_services = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'undulator-%'"
        until("nobody is connected to the database", lambda: not facility.rows(of_services))
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
    attachments, rows = Attachments(facility), dict(facility.rows("SELECT sha256, bytes FROM attachment"))
    for sha256, size in rows.items():
        content = attachments.content(sha256)
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size)
    listed = {id for body in bodies for id in body["event"]["files"]}
    stored = {id for (id,) in facility.rows("SELECT id FROM attachment")}
    assert listed == stored, "an entry's files have rows, and no row is without its entry"
    return records, books, rows, len(acknowledged), len(attempted)


def sweep(facility, rows):
    """Old files without a row go, be they whole or not; young ones stay, and so do those that writers come back to."""
    attachments = Attachments(facility)
    contents = [b"\x89PNG\r\n\x1a\norphan %d" % n for n in range(40)]
    orphans = [attachments.leave(content) for content in contents]
    attachments.leave_half()
    attachments.set_aside(next(sha256 for sha256 in rows if attachments.place(sha256).exists()))
    before = len(attachments.files())
    attachments.make_all_old()
    attachments.make_young(orphans[0])
    facility.start()
    # While it sweeps, programs send the very bytes that it is about to remove.
    for content in contents[1:21]:
        body = {"base64": f"data:image/png;base64,{base64.b64encode(content).decode()}"}
        status, answer = facility.post_json(f"/dataacquisition/{KEY}/base64?instrumentName=BL07", body, {"Content-Type": "application/json"})
        assert status == 200, answer
    wanted = {*rows, *orphans[:21]}
    until("only files that somebody has are left", lambda: attachments.files().keys() == wanted)
    for sha256, path in attachments.files().items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    return before - len(wanted)


def crash(engine, facility, kills, seed):
    chance = random.Random(seed)
    facility.up = threading.Event()
    facility.up.set()
    alice = facility.login("simple/alice")
    writers = [Writer(facility, n, alice, seed) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    total = lambda: sum(len(writer.acknowledged) for writer in writers)  # noqa: E731
    for _ in range(kills):
        # At a moment that depends on how far they are.
        wanted = total() + chance.randrange(20, 60)
        until("writers go on", lambda: total() >= wanted or not all(writer.is_alive() for writer in writers))
        assert all(writer.is_alive() for writer in writers), "a writer was refused"
        facility.up.clear()
        facility.kill()
        # So that the sweep at the start finds what killed writers left, while others send the same bytes.
        Attachments(facility).make_all_old()
        facility.start()
        facility.up.set()
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join()
    facility.kill()
    records, books, rows, acknowledged, attempted = check(facility, writers)
    print(
        f"{engine}: {kills} kills: {acknowledged} acknowledged of {attempted} attempted are there; {records} records in "
        f"{books} logbooks are whole; {len(rows)} files have their SHA-256",
        flush=True,
    )
    orphans = len(Attachments(facility).without_row(rows))
    removed = sweep(facility, rows)
    facility.kill()
    check_chains(facility.rows)
    swept = f"{orphans} files of killed writers and {removed - orphans} others"
    print(f"{engine}: {swept} were swept, and none that an entry has", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=6)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    engines = options.add_mutually_exclusive_group()
    engines.add_argument("--sqlite", dest="engines", action="store_const", const=["SQLite"], default=["SQLite", "PostgreSQL"])
    engines.add_argument("--postgres", dest="engines", action="store_const", const=["PostgreSQL"])
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)

    def run(engine):
        with Postgres() if engine == "PostgreSQL" else contextlib.nullcontext() as postgres, Facility(postgres) as facility:
            crash(engine, facility, options.kills, options.seed)

    # At the same time, because a sweep waits for the lease of one that was killed.
    with ThreadPoolExecutor() as pool:
        list(pool.map(run, options.engines))


if __name__ == "__main__":
    main()
