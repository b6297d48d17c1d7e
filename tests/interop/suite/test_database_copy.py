#!/usr/bin/env python3
"""The demo's databases go from SQLite to PostgreSQL and back: verified, repeatable, and served from each copy. Two servers on
one directory, and a copy from under a server, are refused; databases are for their owner only.

    tests/interop/suite/test_database_copy.py
"""

# seconds: 17

import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import PROGRAM, Suite

GUARD_SECONDS = 300
SERVICES = ("auth", "icat", "download", "logbook", "search")
COUNTS = ("Investigation", "Dataset", "Datafile", "Rule", "User")


class Demo(Suite):
    """The demo's facility, served from whichever copy."""

    def generate(self):
        self.demo = self.dir / "demo"
        self.run("demo", "--generate-only", "--dir", self.demo)
        self.passwords = dict(line.split() for line in (self.demo / "passwords").read_text().splitlines())
        self.env |= {
            "UNDULATOR_STORAGE__MAIN__URL": str(self.demo / "files"),
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
        }

    def place(self, url):
        """Serves from there next."""
        if url.startswith("sqlite:"):
            self.env |= {"UNDULATOR_DATABASE__URL": "sqlite", "UNDULATOR_DATA_DIR": url.removeprefix("sqlite:")}
        else:
            self.env |= {"UNDULATOR_DATABASE__URL": url, "UNDULATOR_DATA_DIR": str(self.dir / "other")}

    def copy(self, source, target, check=True):
        return self.run("--json", "db", "copy", "--from", source, "--to", target, check=check)

    def serve_and_ask(self):
        """What people see: logins, counts, what may be read, and an entry in the logbook."""
        self.start()
        session = self.login("db/alice")
        root = self.login("simple/root")
        seen = {entity: self.search(root, f"SELECT COUNT(e) FROM {entity} e")[0] for entity in COUNTS}
        mine = self.search(session, "SELECT i.id, i.name FROM Investigation i ORDER BY i.id")
        new = {"type": "annotation", "category": "comment", "title": "copied", "content": []}
        status, _, body = self.request("POST", f"/logbook/{session}/event", {"investigationId": mine[0][0]}, body=new)
        assert status == 200, body
        status, _, body = self.request("GET", f"/logbook/{session}/event/count", {"investigationId": mine[0][0]})
        assert status == 200, body
        seen |= {"mine": mine, "entries": json.loads(body)}
        assert self.kill(signal.SIGTERM) == 0
        return seen


def execute_statement(url, statement):
    subprocess.run(["psql", url, "-Xqc", statement], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def fresh_database():
    """Of the server that the tests share."""
    server = os.environ.get("TESTKIT_POSTGRES")
    if not server:
        from servers import Postgres

        with Postgres() as postgres:
            yield postgres.url
        return
    name = f"copy{uuid.uuid4().hex}"
    execute_statement(server, f"CREATE DATABASE {name}")
    try:
        yield server.rsplit("/", 1)[0] + "/" + name
    finally:
        execute_statement(server, f"DROP DATABASE {name} WITH (FORCE)")


def parse_copied_rows(done):
    return {(copied["service"], copied["table"]): copied["rows"] for copied in json.loads(done.stdout)}


def check_private(directory):
    """Directory and databases are for their owner, whatever the umask."""
    mode = lambda path: stat.S_IMODE(path.stat().st_mode)  # noqa: E731
    assert mode(directory) == 0o700, oct(mode(directory))
    files = [file for file in directory.iterdir() if ".db" in file.name]
    assert files and all(mode(file) == 0o600 for file in files), [(file.name, oct(mode(file))) for file in files]
    return len(files)


def check_refusals(demo, source, postgres):
    for target, text in [
        ("mysql://x/y", "sqlite:DIRECTORY or postgres://"),
        ("sqlite:", "needs a directory"),
        (f"sqlite:{demo.demo / 'databases' / 'icat.db'}", "is a file; name the directory"),
        (source, "the same place"),
    ]:
        refused = demo.copy(source, target, check=False)
        assert refused.returncode == 2 and text in refused.stderr, (target, refused)
    nowhere = demo.copy(f"sqlite:{demo.dir / 'nowhere'}", postgres, check=False)
    assert nowhere.returncode == 1 and "no service has a database" in nowhere.stderr, nowhere
    assert not (demo.dir / "nowhere").exists(), "looking makes nothing"


def serve_elsewhere(demo, *services):
    """A second server on the same databases, which must not fail for want of a port."""
    ports = {"UNDULATOR_HTTP__BIND": "127.0.0.1:0", "UNDULATOR_HTTP__INTERNAL_BIND": "127.0.0.1:0"}
    command = [PROGRAM, "serve", *services]
    return subprocess.run(command, env=demo.env | ports, text=True, capture_output=True, cwd=demo.dir, timeout=GUARD_SECONDS)


def check_wider_modes(demo):
    """Of what others have made readable, the start tells, and leaves it so."""
    directory = demo.demo / "databases"
    directory.chmod(0o750)
    (directory / "icat.db").chmod(0o644)
    demo.start()
    assert demo.kill(signal.SIGTERM) == 0
    said = demo.log.read_text()
    for mode, path in ((700, directory), (600, directory / "icat.db")):
        assert f"others may read the database; run chmod {mode} {path}" in said, said
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (directory, directory / "icat.db")]
    assert modes == [0o750, 0o644], modes


def check_one_server(demo, source, postgres):
    """While it serves: neither a second server nor a copy in either direction; commands work, and kill -9 frees it."""
    demo.place(source)
    demo.start()
    for services in ([], ["icat"]):
        second = serve_elsewhere(demo, *services)
        assert second.returncode == 3 and "is in use by another server" in second.stderr, second
        assert f"(process {demo.server.pid})" in second.stderr and ".db.lock" in second.stderr, second
    for arguments in [(source, postgres), (postgres, source)]:
        refused = demo.copy(*arguments, check=False)
        assert refused.returncode == 3 and "is in use by another server" in refused.stderr, refused
    demo.add_user("db/later")
    demo.login("db/later")
    files = check_private(demo.demo / "databases")
    demo.kill()
    demo.start()
    demo.login("db/later")
    assert demo.kill(signal.SIGTERM) == 0
    check_wider_modes(demo)
    # Servers of different services share a directory.
    demo.services = ["auth", "icat"]
    demo.start()
    second = serve_elsewhere(demo, "icat", "logbook")
    assert second.returncode == 3 and "icat.db is in use" in second.stderr, second
    demo.kill()
    demo.services = []
    return files


def main():
    # Whatever the umask: the widest.
    os.umask(0)
    with Demo() as demo, fresh_database() as postgres:
        demo.generate()
        source, back = f"sqlite:{demo.demo / 'databases'}", f"sqlite:{demo.dir / 'made' / 'back'}"
        demo.place(source)
        before = demo.serve_and_ask()
        check_refusals(demo, source, postgres)

        # The second service cannot be copied: what the first run has committed stays, and the second run goes on.
        first = demo.copy(source, postgres)
        copied = parse_copied_rows(first)
        assert copied[("icat", "rule_version")] == 1 and copied[("icat", "datafile")] == before["Datafile"], copied
        again = demo.copy(source, postgres)
        assert parse_copied_rows(again) == {} and again.stderr.count("holds these rows already") == len(SERVICES), again
        execute_statement(postgres, "DROP SCHEMA logbook CASCADE")
        third = parse_copied_rows(demo.copy(source, postgres))
        assert {service for service, _ in third} == {"logbook"}, third
        columns = "create_id, create_time, mod_id, mod_time, rev"
        execute_statement(postgres, f"INSERT INTO icat.grouping (id, name, {columns}) SELECT 900000001, 'own', {columns} FROM icat.user_ LIMIT 1")
        refused = demo.copy(source, postgres, check=False)
        assert refused.returncode == 1 and "icat: the target holds other rows" in refused.stderr, refused
        assert "in table grouping" in refused.stderr and "DROP SCHEMA icat CASCADE" in refused.stderr, refused
        execute_statement(postgres, "DELETE FROM icat.grouping WHERE id = 900000001")

        returned = parse_copied_rows(demo.copy(postgres, back))
        assert returned == copied, {key: (copied.get(key), returned.get(key)) for key in copied.keys() ^ returned.keys()}
        check_private(demo.dir / "made" / "back")
        for service in SERVICES:
            for table in (table for name, table in copied if name == service):
                old, new = (read_table(directory, service, table) for directory in (demo.demo / "databases", demo.dir / "made" / "back"))
                assert old == new, (service, table)

        for place in (postgres, back):
            demo.place(place)
            seen = demo.serve_and_ask()
            assert seen["entries"] != before["entries"], "an entry was added"
            assert {**seen, "entries": 0} == {**before, "entries": 0}, (place, before, seen)
        changed = demo.copy(source, postgres, check=False)
        assert changed.returncode == 1 and "the target holds other rows" in changed.stderr, changed

        files = check_one_server(demo, source, postgres)
        print(
            f"{sum(copied.values())} rows of {len(copied)} tables there and back, served from both; refused beside a server; "
            f"{files} files for their owner only"
        )


def read_table(directory, service, table):
    """Every row of a table, in some order that both sides have."""
    with contextlib.closing(sqlite3.connect(f"file:{directory / f'{service}.db'}?mode=ro", uri=True)) as database:
        return sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


if __name__ == "__main__":
    main()
