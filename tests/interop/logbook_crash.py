#!/usr/bin/env python3
"""The server is killed again and again while people and programs write entries with images, changes and files: what was
acknowledged is there, the chains of records are whole, every attachment's file has its SHA-256, and files that no entry has
go with the next sweep, while those that somebody refers to stay.

    tests/interop/logbook_crash.py [--kills N]
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import random
import threading
import time

from logbook_facility import KEY, Facility, check_chains

WRITERS = 6
GUARD_SECONDS = 60
HOURS_AGO = 2 * 3600


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


def check(facility, writers):
    """Everything that must hold after any kill; files by what their names say."""
    database = facility.database()
    records, books = check_chains(database)
    bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM record WHERE kind IN ('created', 'changed')")]
    seen = {text for body in bodies for text in (body["event"]["title"], body["event"]["machine"]) if text}
    acknowledged = {text for writer in writers for text in writer.acknowledged}
    attempted = {text for writer in writers for text in writer.attempted}
    assert acknowledged <= seen <= attempted, (acknowledged - seen, seen - attempted)
    present = {body["entry"]: (0, None) for body in bodies}
    for body in bodies:
        present[body["entry"]] = max(present[body["entry"]], (body["version"], body["event"]["title"]))
    for id, version, body in database.execute("SELECT id, version, body FROM entry"):
        assert present.pop(id) == (version, json.loads(body)["title"]), id
    assert not present, "every entry with a record is there"
    root = facility.dir / "databases" / "attachments"
    rows = dict(database.execute("SELECT sha256, bytes FROM attachment").fetchall())
    for sha256, size in rows.items():
        # A sweep that was killed may have it aside; the next one brings it back.
        path, aside = root / sha256[:2] / sha256, root / f".swept-{sha256}"
        content = (path if path.exists() else aside).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size)
    listed = {id for body in bodies for id in body["event"]["files"]}
    stored = {id for (id,) in database.execute("SELECT id FROM attachment")}
    assert listed == stored, "an entry's files have rows, and no row is without its entry"
    return records, books, rows, len(acknowledged), len(attempted)


def files(facility):
    root = facility.dir / "databases" / "attachments"
    return {path.name: path for path in root.rglob("*") if path.is_file()}


def sweep(facility, rows):
    """Old files without a row go, be they whole or not; young ones stay, and so do those that writers come back to."""
    root = facility.dir / "databases" / "attachments"
    orphans = []
    for n in range(40):
        content = b"\x89PNG\r\n\x1a\norphan %d" % n
        sha256 = hashlib.sha256(content).hexdigest()
        path = root / sha256[:2] / sha256
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        orphans.append((sha256, content))
    (root / ".5b0c1c8e.part").write_bytes(b"half")
    # A sweep that was killed had set this one aside.
    kept = next(sha256 for sha256 in rows if (root / sha256[:2] / sha256).exists())
    (root / kept[:2] / kept).rename(root / f".swept-{kept}")
    before = files(facility)
    for path in before.values():
        os.utime(path, (time.time() - HOURS_AGO,) * 2)
    young = root / orphans[0][0][:2] / orphans[0][0]
    os.utime(young)
    facility.start()
    # While it sweeps, programs send the very bytes that it is about to remove.
    again = orphans[1:21]
    for sha256, content in again:
        body = {"base64": f"data:image/png;base64,{base64.b64encode(content).decode()}"}
        status, answer = facility.post_json(f"/dataacquisition/{KEY}/base64?instrumentName=BL07", body, {"Content-Type": "application/json"})
        assert status == 200, answer
    wanted = {*rows, orphans[0][0], *(sha256 for sha256, _ in again)}
    until("only files that somebody has are left", lambda: files(facility).keys() == wanted)
    for sha256, path in files(facility).items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    return len(before) - len(wanted)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=12)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = options.parse_args()
    print(f"seed {options.seed}")
    chance = random.Random(options.seed)
    with Facility() as facility:
        facility.up = threading.Event()
        facility.up.set()
        alice = facility.login("simple/alice")
        writers = [Writer(facility, n, alice, options.seed) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        total = lambda: sum(len(writer.acknowledged) for writer in writers)  # noqa: E731
        for _ in range(options.kills):
            # At a moment that depends on how far they are.
            wanted = total() + chance.randrange(20, 60)
            until("writers go on", lambda: total() >= wanted or not all(writer.is_alive() for writer in writers))
            assert all(writer.is_alive() for writer in writers), "a writer was refused"
            facility.up.clear()
            facility.kill()
            # So that the sweep at the start finds what killed writers left, while others send the same bytes.
            for path in files(facility).values():
                os.utime(path, (time.time() - HOURS_AGO,) * 2)
            facility.start()
            facility.up.set()
        for writer in writers:
            writer.ended.set()
        for writer in writers:
            writer.join()
        facility.kill()
        records, books, rows, acknowledged, attempted = check(facility, writers)
        print(
            f"{options.kills} kills: {acknowledged} acknowledged of {attempted} attempted are there; {records} records in "
            f"{books} logbooks are whole; {len(rows)} files have their SHA-256"
        )
        orphans = len([name for name in files(facility) if name.removeprefix(".swept-") not in rows])
        removed = sweep(facility, rows)
        facility.kill()
        check_chains(facility.database())
        print(f"{orphans} files of killed writers and {removed - orphans} others were swept, and none that an entry has")


if __name__ == "__main__":
    main()
