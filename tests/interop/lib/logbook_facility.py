"""A facility that keeps a logbook: people, an investigation under embargo and one released, an instrument, programs' keys."""

import contextlib
import datetime
import hashlib
import json
import sqlite3
import urllib.error
import urllib.request

from filled_suite import FilledSuite
from suite import wait_until

KEY = "elogbook-00000000-0000-0000-0000-000000000000"
PEOPLE = ["root", "alice", "carol", "dan", "admin"]
SETTINGS = f"""
[logbook]
time_zone = "Europe/Paris"
largest_attachment = "256KiB"
h5_viewer = "VIEWER"
# Longer than any busy machine needs for the reader's first login: an entry whose visit is not known in time goes to the
# instrument's logbook first, where alice may not read it.
assignment_timeout = "30s"

[[identity.api_keys]]
name = "beamline"
sha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}"
user = "simple/acquisition"
scopes = ["logbook:write"]
expires = "2099-01-01T00:00:00Z"
"""
RULES = [
    "SELECT i FROM Investigation i JOIN i.investigationUsers iu JOIN iu.user u WHERE u.name = :user",
    "SELECT i FROM Investigation i JOIN i.investigationInstruments ii JOIN ii.instrument.instrumentScientists s "
    "JOIN s.user u WHERE u.name = :user",
    "SELECT i FROM Investigation i WHERE i.releaseDate < CURRENT_TIMESTAMP",
    *["Instrument", "User", "Facility", "InvestigationInstrument", "InvestigationType", "Dataset", "Datafile"],
]


class Facility(FilledSuite):
    """alice is a member, carol the instrument's scientist, dan nobody; `embargo`, `other` and `released` are ids. Arguments
    are variables of the program."""

    def __init__(self, postgres=None, **env):
        super().__init__()
        self.postgres = postgres
        # First, so that the accounts go into the database that it names.
        self.env |= {**env, **(postgres.env if postgres else {})}
        (self.dir / "undulator.toml").write_text(SETTINGS.replace("VIEWER", f"{self.url}/icat/version"))
        for name in PEOPLE:
            self.add_user(f"simple/{name}")
        self.env |= {
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/admin"]',
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }

    def fill(self):
        self.root = self.login("simple/root")
        names = [{"name": f"simple/{name}", "fullName": f"{name.title()} Example"} for name in PEOPLE]
        _, alice, carol, *_ = self.create("User", *names)
        (facility,) = self.create("Facility", {"name": "SRC"})
        (kind,) = self.create("InvestigationType", {"name": "MX", "facility": facility})
        bl07, _ = self.create("Instrument", *({"name": name, "facility": facility} for name in ("BL07", "BL08")))
        self.create("InstrumentScientist", {"user": carol, "instrument": bl07})
        self.create("Rule", *({"crudFlags": "R", "what": what} for what in RULES))
        now = datetime.datetime.now(datetime.UTC)

        def investigation(name, start, release):
            day = lambda days: (now + datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
            return {
                **{"name": name, "visitId": "1", "title": f"About {name}", "facility": facility, "type": kind},
                **{"startDate": day(start), "endDate": day(start + 4), "releaseDate": day(release)},
            }

        made = self.create(
            "Investigation",
            investigation("ZZ/123", -2, 1000),
            investigation("ZZ-124", -2, 1000),
            investigation("ZZ-100", -1000, -10),
        )
        self.create("InvestigationInstrument", *({"investigation": i, "instrument": bl07} for i in made))
        self.create("InvestigationUser", *({"investigation": i, "user": alice, "role": "PI"} for i in made))
        self.embargo, self.other, self.released = (i["id"] for i in made)
        (raw,) = self.create("DatasetType", {"name": "raw", "facility": facility})
        dataset = {"name": "scan_0003", "investigation": made[0], "type": raw}
        (dataset,) = self.create("Dataset", dataset)
        file = {"name": "scan.h5", "location": "/data/zz123/scan.h5", "dataset": dataset}
        (self.datafile,) = (row["id"] for row in self.create("Datafile", file))
        self.dataset = dataset["id"]

    def rows(self, query):
        """Of the logbook's own database."""
        if self.postgres:
            return self.postgres.execute(query, schema="logbook")
        with contextlib.closing(sqlite3.connect(f"file:{self.dir / 'databases' / 'logbook.db'}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def change(self, statement):
        """In the logbook's own database, while nobody serves it."""
        assert self.server is None
        if self.postgres:
            return self.postgres.change(statement, schema="logbook")
        with contextlib.closing(sqlite3.connect(self.dir / "databases" / "logbook.db")) as database, database:
            database.execute(statement)

    def send(self, method, path, body=None):
        """Status and text of a request with JSON, or without a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()


def wait_for_killed_connections(facility):
    """What a killed process had sent to the database is still being done."""
    if facility.postgres:
        of_services = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'undulator-%'"
        wait_until("nobody is connected to the database", lambda: not facility.rows(of_services))


def check_chains(rows):
    """Recomputes every record's hash; how many records and logbooks there are."""
    chains = {id: (name, 0, "") for id, name in rows("SELECT id, name FROM book")}
    records = rows("SELECT book_id, n, kind, at, actor, body, previous, hash FROM record ORDER BY book_id, n")
    for id, n, kind, at, actor, body, before, hash in records:
        name, last, previous = chains[id]
        assert (n, before) == (last + 1, previous), (name, n)
        parts = [name, n, kind, at, actor, body, before]
        text = b"undulator logbook record 1\n"
        for part in (str(part).encode() for part in parts):
            text += b"%d:%s\n" % (len(part), part)
        assert hashlib.sha256(text).hexdigest() == hash, (name, n)
        chains[id] = name, n, hash
    for id, count, head in rows("SELECT id, records, head FROM book"):
        name, last, previous = chains[id]
        assert (last, previous) == (count, head), (name, last, count)
    return len(records), len(chains)
