#!/usr/bin/env python3
"""The logbook beside a catalogue that somebody else runs: `undulator-logbook` and `undulator serve logbook` with nothing but
the address of an ICAT server in another process. People and programs write and read; entries for a proposal that ICAT does
not know move to its investigation when it appears; while ICAT is killed programs write on and people are told to come again;
and afterwards everything goes on.

    tests/interop/logbook/test_foreign_catalogue.py
"""

# mostly-waits: for a worker that runs every 30 seconds
# seconds: 61

import datetime
import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from filled_suite import FilledSuite
from suite import PROGRAM, Suite, wait_until

KEY = "elogbook-11111111-2222-3333-4444-555555555555"
# The worker that attaches entries comes round every 30 seconds.
GUARD_SECONDS = 120
RULES = [
    "SELECT i FROM Investigation i JOIN i.investigationUsers iu JOIN iu.user u WHERE u.name = :user",
    *["Instrument", "User", "Facility", "InvestigationInstrument", "InvestigationType"],
]
PEOPLE = ["root", "alice", "bob", "dan"]


class Catalogue(FilledSuite):
    """`undulator serve icat auth`: an ICAT server with accounts, and an instrument ID01 without investigations."""

    def __init__(self):
        super().__init__()
        self.services = ["icat", "auth"]
        for name in PEOPLE:
            self.add_user(f"simple/{name}")

    def fill(self):
        self.root = self.login("simple/root")
        _, self.alice, self.bob, _ = self.create("User", *({"name": f"simple/{name}"} for name in PEOPLE))
        (self.facility,) = self.create("Facility", {"name": "SRC"})
        (self.kind,) = self.create("InvestigationType", {"name": "MX", "facility": self.facility})
        (self.instrument,) = self.create("Instrument", {"name": "ID01", "facility": self.facility})
        self.create("Rule", *({"crudFlags": "R", "what": what} for what in RULES))

    def investigation(self, name):
        """One that has begun, with alice and bob."""
        day = lambda days: (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
        row = {
            **{"name": name, "visitId": "1", "title": name, "facility": self.facility, "type": self.kind},
            **{"startDate": day(-1), "endDate": day(3), "releaseDate": day(1000)},
        }
        (made,) = self.create("Investigation", row)
        self.create("InvestigationInstrument", {"investigation": made, "instrument": self.instrument})
        self.create("InvestigationUser", *({"investigation": made, "user": u, "role": "PI"} for u in (self.alice, self.bob)))
        return made["id"]


class Logbook(Suite):
    """The logbook and nothing else, configured as a facility that runs its own icat.server would."""

    def __init__(self, catalogue, program, services):
        super().__init__(program)
        self.services = services
        keys = [f'name="id01",sha256="{hashlib.sha256(KEY.encode()).hexdigest()}",user="simple/id01"']
        keys += ['scopes=["logbook:write"]', 'expires="2099-01-01T00:00:00Z"']
        self.env |= {
            "UNDULATOR_ICAT__URL": catalogue.url,
            "UNDULATOR_ICAT__READER": f"simple:root:{catalogue.passwords['simple/root']}",
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/root"]',
            "UNDULATOR_IDENTITY__API_KEYS": "[{" + ",".join(keys) + "}]",
            "UNDULATOR_LOGBOOK__ATTACHMENTS_DIR": str(self.dir / "attachments"),
        }
        # No data files are served here.
        del self.env["UNDULATOR_STORAGE__MAIN__URL"]

    def write(self, session, investigation, text):
        body = {"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}]}
        return self.post_json(f"/logbook/{session}/event?investigationId={investigation}", body, JSON)

    def notify(self, proposal, text):
        """What a program of the beamline is answered, which must be 200 whatever happens."""
        body = {"type": "notification", "category": "info", "content": [{"format": "plainText", "text": text}]}
        path = f"/dataacquisition/{KEY}/notification?investigationName={proposal}&instrumentName=ID01"
        status, answer = self.post_json(path, body, JSON)
        assert status == 200, (status, answer)
        return json.loads(answer)

    def texts(self, session, investigation):
        query = {"investigationId": investigation, "sortBy": "_id", "sortOrder": "1"}
        status, _, body = self.request("GET", f"/logbook/{session}/event", query)
        assert status == 200, (status, body)
        return [entry["content"][0]["text"] for entry in json.loads(body)]


JSON = {"Content-Type": "application/json"}


def expect_unavailable(answer):
    """503 in plain text, with a time to come again."""
    status, headers, body = answer
    assert status == 503 and headers["content-type"].startswith("text/plain"), (status, headers, body)
    assert int(headers["retry-after"]) > 0 and body[:1] not in (b"{", b'"'), (headers, body)


def run_beside_catalogue(program, services):
    with Catalogue() as catalogue:
        with Logbook(catalogue, program, services) as logbook:
            logbook.start()
            status, _, _ = logbook.request("GET", "/icat/version")
            assert status == 404, "a catalogue runs beside it in the same process"
            first = catalogue.investigation("MX-1")
            alice, bob, dan = (catalogue.login(f"simple/{name}") for name in ("alice", "bob", "dan"))

            status, answer = logbook.write(alice, first, "by alice")
            assert status == 200 and json.loads(answer)["username"] == "alice", (status, answer)
            assert logbook.write(dan, first, "by an outsider")[0] == 403
            wait_until("an entry of a program", lambda: logbook.notify("MX-1", "by a program")["investigationId"] == first, GUARD_SECONDS)
            assert {*logbook.texts(alice, first)} >= {"by alice", "by a program"}

            early = logbook.notify("MX-2", "before it was in the catalogue")
            assert early["investigationId"] is None and early["investigationName"] == "MX-2", early
            second = catalogue.investigation("MX-2")
            wait_until("attached", lambda: logbook.texts(alice, second) == ["before it was in the catalogue"], GUARD_SECONDS)

            catalogue.kill()
            assert logbook.notify("MX-2", "known from before")["_id"]
            assert logbook.notify("MX-3", "while ICAT is down")["investigationId"] is None
            # Bob has not been here before: nothing of him is remembered.
            path = f"/logbook/{bob}/event"
            expect_unavailable(logbook.request("GET", path, {"investigationId": first}))
            body = json.dumps({"type": "annotation", "category": "comment"}).encode()
            expect_unavailable(logbook.request("POST", path, {"investigationId": first}, headers=JSON, data=body))
            assert logbook.request("GET", "/health/ready", internal=True)[0] == 200, "programs need it"

            catalogue.start()
            wait_until("people after ICAT is back", lambda: logbook.write(bob, first, "bob is back")[0] == 200, GUARD_SECONDS)
            assert "bob is back" in logbook.texts(bob, first)
            third = catalogue.investigation("MX-3")
            wait_until("attached", lambda: logbook.texts(alice, third) == ["while ICAT is down"], GUARD_SECONDS)
            wanted = {"before it was in the catalogue", "known from before"}
            wait_until("all of MX-2", lambda: {*logbook.texts(alice, second)} == wanted, GUARD_SECONDS)
            assert logbook.kill(15) == 0
    print(f"{program.name} {' '.join(services)}: people, programs, early entries, and ICAT killed and back")


def main():
    # At the same time, because both wait for a worker that runs every 30 seconds.
    with ThreadPoolExecutor() as pool:
        list(pool.map(run_beside_catalogue, [PROGRAM.with_name("undulator-logbook"), PROGRAM], [[], ["logbook"]]))


if __name__ == "__main__":
    main()
