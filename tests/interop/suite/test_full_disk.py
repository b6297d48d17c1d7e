#!/usr/bin/env python3
"""The disk of the databases is full, of either engine, or fails: logins, the catalogue and the logbook refuse with the reason, readiness says so,
reading goes on, and everything works as soon as there is room or the disk is well. Nothing acknowledged is lost.

    tests/interop/suite/test_full_disk.py
"""

# seconds: 36

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from logbook_facility import Facility, check_chains
from servers import Postgres
from small_disk import LimitedFiles, SmallDisk, may_mount
from suite import wait_until

# The files of empty tables and indexes of four schemas take more of it.
DISK_OF_POSTGRES = "48m"
TITLE = "x" * 2_000


class PostgresOnSmallDisk(Postgres):
    """Tables and indexes lie in a tablespace on a small disk. A full disk of the log stops PostgreSQL: that is an outage."""

    def start(self):
        super().start()
        directory = self.dir / "small"
        directory.mkdir()
        self.disk = SmallDisk(directory, DISK_OF_POSTGRES)
        self.disk.prepare()
        shutil.chown(directory, "postgres")
        self.change(f"CREATE TABLESPACE small LOCATION '{directory}'")
        self.change("ALTER SYSTEM SET default_tablespace = small")
        self.change("DO $$ BEGIN PERFORM pg_reload_conf(); END $$")

    def end(self):
        super().end()
        self.disk.remove()


class FacilityOnSmallDisk(Facility):
    """A facility whose databases lie on a disk that can be full."""

    disk = None

    def add_user(self, account):
        if self.disk is None and self.postgres is None:
            directory = self.dir / "databases"
            directory.mkdir(mode=0o700)
            self.disk = (SmallDisk if may_mount(self.dir) else LimitedFiles)(directory)
            self.disk.prepare()
        super().add_user(account)

    def start(self, *prefix):
        # What the system does by itself to a process that writes beyond a limit is to end it.
        super().start(*prefix, *([] if isinstance(self.disk, SmallDisk) else ["env", "--ignore-signal=XFSZ"]))

    def __exit__(self, *_):
        self.kill()
        if self.disk and self.postgres is None:
            self.disk.remove()
        self.tmp.cleanup()

    def ready(self):
        status, _, body = self.request("GET", "/health/ready", internal=True)
        return status, json.loads(body)["checks"]

    def try_login(self):
        credentials = [{"username": "alice"}, {"password": self.passwords["simple/alice"]}]
        form = {"json": json.dumps({"plugin": "simple", "credentials": credentials})}
        return self.request("POST", "/icat/session", form=form)

    def try_group(self, name):
        entities = json.dumps({"Grouping": {"name": name}})
        return self.request("POST", "/icat/entityManager", form={"sessionId": self.root, "entities": entities})

    def try_entry(self, title):
        new = {"type": "annotation", "category": "comment", "title": title, "content": [{"format": "plainText", "text": TITLE}]}
        return self.request("POST", f"/logbook/{self.alice}/event", {"investigationId": self.embargo}, body=new)


class Ledger:
    """What was acknowledged, by the kind of write."""

    def __init__(self, facility):
        self.facility, self.groups, self.entries, self.logins, self.counter = facility, set(), set(), 0, 0
        self.refusals = []

    def write(self, kind):
        """Status of one write of a kind."""
        self.counter += 1
        name = f"{kind}-{self.counter}"
        tries = {"login": lambda _: self.facility.try_login(), "group": self.facility.try_group, "entry": self.facility.try_entry}
        status, headers, body = tries[kind](name)
        if status == 200:
            self.logins += kind == "login"
            {"group": self.groups, "entry": self.entries}.get(kind, set()).add(name)
        else:
            self.refusals.append((kind, status, headers.get("Retry-After"), body.decode()))
        return status

    def check(self):
        """Everything acknowledged is there, and nothing else."""
        facility = self.facility
        found = facility.search(facility.root, "SELECT g.name FROM Grouping g WHERE g.name LIKE 'group-%'")
        assert set(found) == self.groups, set(found) ^ self.groups
        bodies = [json.loads(body) for (body,) in facility.rows("SELECT body FROM entry")]
        titles = {body["title"] for body in bodies}
        assert self.entries <= titles, self.entries - titles


KINDS = ("login", "group", "entry")
DATABASES = {"login": "database.icat", "group": "database.icat", "entry": "database.logbook"}


def is_told_when(retry_after, body):
    """Whether a refusal says when to try again; what may be stored must not be sent again by clients on their own."""
    return ("may be stored or not" in body) != bool(retry_after)


def until_refused(ledger):
    """The last write of each kind is one that was refused."""
    for kind in KINDS:
        wait_until(f"{kind} is refused", lambda: ledger.write(kind) != 200)


def is_full_disk_reported(facility, ledger):
    """Whether readiness fails for every database whose last write was refused.

    A background write that found room, such as the deletion of an expired row, ends the doubt about its database.
    """
    until_refused(ledger)
    status, checks = facility.ready()
    return status == 503 and {checks[name] for name in DATABASES.values()} == {facility.disk.full}


def fill_and_free(facility, ledger):
    disk = facility.disk
    assert [ledger.write(kind) for kind in KINDS] == [200] * 3, ledger.refusals
    assert facility.ready()[0] == 200, facility.ready()
    for _ in range(3):
        disk.fill(facility)
        ledger.refusals.clear()
        # What is left of the logs is written first; after that nothing.
        until_refused(ledger)
        for _ in range(3):
            for kind in KINDS:
                status = ledger.write(kind)
                # PostgreSQL still has pages with room for a short row.
                assert status in disk.refusals or (facility.postgres and status == 200), ledger.refusals[-1]
        for kind, status, retry_after, body in ledger.refusals:
            assert status in disk.refusals and is_told_when(retry_after, body), (kind, status, retry_after, body)
            assert status != 507 or "full" in body, (kind, body)
        wait_until("readiness names the databases", lambda: is_full_disk_reported(facility, ledger))
        assert len(facility.search(facility.root, "SELECT i.name FROM Investigation i")) == 3, "reading goes on"

        disk.free(facility)
        status, checks = facility.ready()
        assert status == 200, ("the first probe after it", checks)
        assert [ledger.write(kind) for kind in KINDS] == [200] * 3, ledger.refusals[-1]
        ledger.check()


@contextlib.contextmanager
def fail_system_calls(facility, database, calls):
    """The system answers calls on a database's log with an error, as a broken disk would."""
    log = f"{facility.disk.directory}/{database}.db-wal"
    command = ["strace", "-f", "-P", log, "-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO", "-o", "/dev/null"]
    tracer = subprocess.Popen([*command, "-p", str(facility.server.pid)], stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if "attached" in line:
            break
    else:
        raise SystemExit("strace did not attach")
    # What it says later must not fill the pipe.
    drain = subprocess.Popen(["cat"], stdin=tracer.stderr, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
        drain.wait()


def fail_and_recover(facility, ledger, calls):
    for kind, database in (("group", "icat"), ("entry", "logbook")):
        with fail_system_calls(facility, database, calls):
            for _ in range(3):
                assert ledger.write(kind) == 503, (calls, ledger.refusals[-1:])
                assert is_told_when(*ledger.refusals[-1][2:]), ledger.refusals[-1]
            status, checks = facility.ready()
            assert (status, checks[f"database.{database}"]) == (503, "down"), checks
        assert facility.ready()[0] == 200, (calls, facility.ready())
        assert ledger.write(kind) == 200, (calls, ledger.refusals[-1])


def check_after_a_kill(facility, ledger):
    ledger.check()
    facility.kill()
    facility.start()
    facility.root = facility.login("simple/root")
    found = facility.search(facility.root, "SELECT g.name FROM Grouping g WHERE g.name LIKE 'group-%'")
    assert ledger.groups <= set(found), ledger.groups - set(found)
    records, books = check_chains(facility.rows)
    return (
        f"{len(ledger.groups)} groups, {len(ledger.entries)} entries and {ledger.logins} logins acknowledged, all there; "
        f"{records} records in {books} whole chains"
    )


def check_sqlite():
    with FacilityOnSmallDisk() as facility:
        ledger, facility.alice = Ledger(facility), facility.login("simple/alice")
        fill_and_free(facility, ledger)
        fail_and_recover(facility, ledger, "pwrite64")
        # What a failed flush has left behind may come back with the next start, so these are not counted.
        fail_and_recover(facility, ledger, "fdatasync,fsync")
        print(f"SQLite, 3 full disks and 4 failing ones: {check_after_a_kill(facility, ledger)}")


def check_postgresql():
    # What a vacuum frees in one table is room for that alone.
    with PostgresOnSmallDisk("autovacuum=off") as server, FacilityOnSmallDisk(server) as facility:
        facility.disk = server.disk
        ledger, facility.alice = Ledger(facility), facility.login("simple/alice")
        fill_and_free(facility, ledger)
        print(f"PostgreSQL, 3 full disks: {check_after_a_kill(facility, ledger)}")


def main():
    check_sqlite()
    with tempfile.TemporaryDirectory() as trial:
        if may_mount(Path(trial)):
            check_postgresql()


if __name__ == "__main__":
    main()
