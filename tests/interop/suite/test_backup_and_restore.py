#!/usr/bin/env python3
"""The commands of docs/src/backup.md, run as they stand there while entries and attachments are written: restored into
another directory, everything that was acknowledged before is there, and every attachment that an entry names.

    tests/interop/suite/test_backup_and_restore.py
"""

# seconds: 18

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from logbook_facility import Facility, check_chains
from logbook_requests import upload_file
from servers import Postgres
from suite import ROOT, wait_until

WRITERS = 3
# So many are there before the copy begins, and so many come while it runs and after.
BEFORE, AFTER = 60, 20
GUARD_SECONDS = 120


def read_commands(heading):
    """The blocks of commands below a heading of the page."""
    page = (ROOT / "docs/src/backup.md").read_text()
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.M | re.S).group(1)
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S)
    assert len(blocks) == 2, (heading, len(blocks))
    return blocks


def run_commands(commands, **variables):
    env = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], env=env, text=True, capture_output=True)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)


class Writer(threading.Thread):
    """Writes entries and attachments until it is told to stop; `acknowledged` has what it got an answer for."""

    def __init__(self, facility, session, number):
        super().__init__(daemon=True)
        self.facility, self.session, self.number = facility, session, number
        self.acknowledged, self.failure = [], None
        self.stopping = threading.Event()

    def run(self):
        try:
            for n in itertools.count():
                if self.stopping.is_set():
                    return
                self.acknowledged.append(self.write(n))
        except BaseException as e:
            self.failure = e

    def write(self, n):
        place = f"investigationId={self.facility.embargo}"
        if n % 3 == 0:
            content = hashlib.sha512(f"{self.number} {n}".encode()).digest() * (1 + n % 50)
            entry = upload_file(self.facility, f"/resource/{self.session}/file/upload?{place}", f"{self.number}-{n}.bin", content)
            return entry["_id"], hashlib.sha256(content).hexdigest()
        body = {"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": f"{self.number} {n}"}]}
        status, answer = self.facility.send("POST", f"/logbook/{self.session}/event?{place}", body)
        assert status == 200, (status, answer)
        return json.loads(answer)["_id"], None


def read_entries(facility, session):
    """All entries by their ids."""
    query = {"investigationId": facility.embargo, "limit": 100_000}
    status, _, body = facility.request("GET", f"/logbook/{session}/event", query)
    assert status == 200, (status, body)
    return {entry["_id"]: entry for entry in json.loads(body)}


def count_attachments(facility, session, found):
    """How many files the entries name; each of them is there."""
    count = 0
    for entry in found.values():
        for resource in entry["file"] or []:
            status, _, content = facility.request("GET", f"/resource/{session}/file/download", {"resourceId": resource})
            assert status == 200, (entry["_id"], status, content)
            entry["sha256"] = hashlib.sha256(content).hexdigest()
            count += 1
    return count


def check_restored_data(facility, session, acknowledged):
    found = read_entries(facility, session)
    files = count_attachments(facility, session, found)
    missing = [id for id, _ in acknowledged if id not in found]
    assert not missing, f"{len(missing)} acknowledged entries are not in the backup"
    for id, sha256 in acknowledged:
        assert found[id].get("sha256") == sha256, f"the attachment of {id} has other bytes"
    return len(found), files


def back_up(facility, backup, commands, **variables):
    """Runs the commands while everybody writes; what was acknowledged before they began."""
    session = facility.login("simple/alice")
    writers = [Writer(facility, session, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()

    def has_written(least):
        for writer in writers:
            if writer.failure:
                raise writer.failure
        return all(len(writer.acknowledged) >= least for writer in writers)

    wait_until("entries before the copy", lambda: has_written(BEFORE), GUARD_SECONDS)
    acknowledged = [entry for writer in writers for entry in list(writer.acknowledged)]
    run_commands(commands, DATA=facility.dir / "databases", BACKUP=backup, **variables)
    counts = [len(writer.acknowledged) for writer in writers]
    wait_until("entries after the copy", lambda: has_written(max(counts) + AFTER), GUARD_SECONDS)
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(GUARD_SECONDS)
    assert has_written(0)
    # The control: after the copy there is more than before, so that an empty copy would be seen.
    later = sum(len(writer.acknowledged) for writer in writers)
    assert later > len(acknowledged), (later, len(acknowledged))
    return session, acknowledged, later


def check_restored_facility(facility, session, acknowledged):
    facility.start()
    # The session is in the copy, and the account's password too.
    found, files = check_restored_data(facility, session, acknowledged)
    again = facility.login("simple/alice")
    records, books = check_chains(facility.rows)
    status, answer = facility.send(
        "POST",
        f"/logbook/{again}/event?investigationId={facility.embargo}",
        {"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": "after the restore"}]},
    )
    assert status == 200, (status, answer)
    facility.kill()
    return found, files, records, books


def check_sqlite(tmp):
    save, restore = read_commands("With SQLite")
    with Facility() as facility:
        session, acknowledged, later = back_up(facility, tmp / "sqlite", save)
        facility.kill()
        open_to_others = [path for path in (tmp / "sqlite").rglob("*.db") if path.stat().st_mode & 0o077]
        assert not open_to_others, open_to_others
        new = facility.dir / "restored"
        run_commands(restore, DATA=new, BACKUP=tmp / "sqlite")
        (facility.dir / "databases").rename(facility.dir / "gone")
        new.rename(facility.dir / "databases")
        # The control: what was written later is not in it.
        found, files, records, books = check_restored_facility(facility, session, acknowledged)
        assert len(acknowledged) <= found < later, (len(acknowledged), found, later)
    return len(acknowledged), found, later, files, records


def check_postgresql(tmp):
    save, restore = read_commands("With PostgreSQL")
    with Postgres() as old, Postgres() as new:
        with Facility(postgres=old) as facility:
            session, acknowledged, later = back_up(facility, tmp / "postgres", save, DATABASE=old.url)
            facility.kill()
            target = facility.dir / "restored"
            run_commands(restore, DATA=target, BACKUP=tmp / "postgres", DATABASE=new.url)
            (facility.dir / "databases").rename(facility.dir / "gone")
            target.rename(facility.dir / "databases")
            facility.postgres = new
            facility.env |= new.env
            found, files, records, books = check_restored_facility(facility, session, acknowledged)
            assert len(acknowledged) <= found < later, (len(acknowledged), found, later)
    return len(acknowledged), found, later, files, records


def main():
    with tempfile.TemporaryDirectory(prefix="undulator-backup-") as tmp:
        for name, run in [("SQLite", check_sqlite), ("PostgreSQL", check_postgresql)]:
            before, found, later, files, records = run(Path(tmp))
            print(
                f"{name}: {before} entries were acknowledged before the copy, it has {found} of {later} with {files} files, "
                f"{records} records in whole chains"
            )


if __name__ == "__main__":
    main()
