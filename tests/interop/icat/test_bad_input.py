#!/usr/bin/env python3
"""What people and programs send by mistake or on purpose: a clear refusal, never a 500, and nothing written."""

import json
import os
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite, entity_kinds

FACILITY = """
---
facility: {f: {name: F}}
investigationType: {t: {facility: f, name: T}}
datasetType: {d: {facility: f, name: raw}}
investigation: {i: {facility: f, name: I, title: t, type: t, visitId: V}}
dataset: {s: {investigation: i, name: S, type: d}}
"""


def read_everything(suite):
    """Every row of every table but sessions, and every file."""
    db = sqlite3.connect(f"file:{suite.dir / 'databases/icat.db'}?mode=ro", uri=True)
    rows = [db.execute(f"SELECT * FROM {e['table'].lower()} ORDER BY id").fetchall() for e in entity_kinds()]
    return rows, sorted(str(p) for p in suite.files.rglob("*"))


QUERIES = [
    "", " ", "SELECT", "SELECT f", "SELECT f FROM", "SELECT f FROM Facilty f", "SELECT f.colour FROM Facility f",
    "SELECT g FROM Facility f", "SELECT f FROM Facility f WHERE", "SELECT f FROM Facility f WHERE f.name = 'x",
    'SELECT f FROM Facility f WHERE f.name = "x"', "SELECT f FROM Facility f WHERE f = 1",
    "SELECT f FROM Facility f WHERE f.id = 'x'", "SELECT f FROM Facility f LIMIT 10",
    "SELECT f FROM Facility f LIMIT 0, 99999999999999999999", "SELECT f FROM Facility f LIMIT -1, 5",
    "SELECT f FROM Facility f LIMIT 0, 3000000000", "SELECT f FROM Facility f; DROP TABLE facility",
    "SELECT f FROM Facility f WHERE f.name = :nobody", "SELECT f FROM Facility f INCLUDE f.nothing",
    "SELECT f.name, f.id FROM Facility f INCLUDE f.instruments", "SELECT i FROM Investigation i INCLUDE i.datasets, i.datasets.type",
    "SELECT d FROM Dataset d WHERE d.startDate < 'yesterday'", "SELECT f FROM Facility f ORDER BY 2",
    "SELECT COALESCE(f.name, 1) FROM Facility f", "SELECT f FROM Facility f WHERE COUNT(f) > 1",
    "SELECT f FROM Facility f WHERE f.createTime + 1 = 2", "SELECT f FROM Facility f WHERE f.instruments MEMBER OF f", "SELECT SUM(f.createTime) FROM Facility f", "SELECT 'x' FROM Facility f", "SELECT f FROM Facility f WHERE f.name LIKE 'a' ESCAPE ''",
    "Facilty", "Facility [", "Facility [name = 'x'", "Facility <-> Job <-> Shift", "Facility INCLUDE User", "COUNT(Facility",
    "(" * 5000, "SELECT f FROM Facility f WHERE " + "(" * 5000, "SELECT f FROM Facility f WHERE " + "NOT " * 5000,
    "SELECT f FROM Facility f WHERE f.name = 'a\0b'", "\0", "Sélect", "SELECT f FROM Facility f WHERE f.name = '\ud7ff' OR",
]
# What is data and nothing else.
LITERALS = [
    "'; DROP TABLE facility; --", "' OR '1'='1", "x') OR 1=1 --", "$1", "%s", "\\", "\\'", "%' --", "{ts}", ":user", "/* */",
]
WRITES = [
    "", "rubbish", "{", "[", "null", "7", '"x"', "[7]", "[null]", "{}", '{"Facility":[]}', '{"Facility":7}', '{"Facilty":{}}',
    '{"Facility":{}}', '{"Facility":{"name":7}}', '{"Facility":{"name":null}}', '{"Facility":{"name":"n","colour":"red"}}',
    '{"Facility":{"name":"n","daysUntilRelease":"x"}}', '{"Facility":{"name":"n","daysUntilRelease":1.5}}',
    '{"Facility":{"name":"n","daysUntilRelease":99999999999}}', '{"Facility":{"name":"a\\u0000b"}}',
    '{"Facility":{"name":"' + "n" * 300 + '"}}', '{"Facility":{"id":"x"}}', '{"Facility":{"id":999999,"name":"x"}}',
    '{"Facility":{"name":"F"}}', '[{"Facility":{"name":"g"}},{"Facility":{"name":"g"}}]', '[{"Facility":{"name":"h"}},{"Facility":{}}]',
    '{"Dataset":{"name":"x","complete":"yes"}}', '{"Dataset":{"name":"x","startDate":"2026-01-12"}}',
    '{"Dataset":{"name":"x","investigation":7}}', '{"Dataset":{"name":"x","investigation":{"name":"I"}}}',
    '{"Dataset":{"name":"x","investigation":{"id":999999}}}', '{"Dataset":{"name":"x","datafiles":{}}}',
    '{"Dataset":{"name":"x","datafiles":[{"id":1}]}}', '{"Dataset":{"name":"x","datafiles":[7]}}',
    '{"Rule":{"crudFlags":"XYZ","what":"Facility"}}', '{"Rule":{"crudFlags":"R","what":"Nothing"}}',
    '{"Rule":{"crudFlags":"R","what":"SELECT f FROM Facility f LIMIT 0,1"}}', '{"PublicStep":{"origin":"Facility","field":"name"}}',
    '{"ParameterType":{"name":"p","valueType":"NOTHING"}}', '{"Investigation":' * 200 + "{}" + "}" * 200,
    '{"Facility":{"name":"x","investigations":' + "[{" * 500,
]
LOCATIONS = ["../secret", "a/../../secret", "/etc/passwd", "", ".", "..", "link", "link/passwd", "sub", "fifo", "a\\b", "nothing", "x" * 255]


def main():
    with Suite() as suite:
        (suite.dir / "facility.yaml").write_text(FACILITY)
        suite.run("icat", "import", suite.dir / "facility.yaml")
        (suite.dir / "secret").write_text("secret")
        (suite.files / "link").symlink_to("/etc")
        (suite.files / "sub").mkdir()
        os.mkfifo(suite.files / "fifo")
        suite.add_user("simple/root")
        suite.start()
        root = suite.login("simple/root")
        before = read_everything(suite)
        tried = 0

        def expect_refusal(allowed, answer, what):
            nonlocal tried
            tried += 1
            status, _, body = answer
            assert status in allowed, (what, status, body[:300])
            refusal = json.loads(body)
            assert refusal["code"] and refusal["message"], (what, body)
            return refusal

        read = lambda query, **more: suite.request("GET", "/icat/entityManager", {"sessionId": root, "query": query, **more})
        for query in QUERIES:
            assert expect_refusal([400], read(query), query)["code"] == "BAD_PARAMETER"
        for text in LITERALS:
            literal = text.replace("'", "''")
            for query in [f"SELECT f FROM Facility f WHERE f.name = '{literal}'", f"Facility [name = '{literal}']"]:
                status, _, body = read(query)
                assert (status, body) == (200, b"[]"), (query, status, body)
        # Too long for an address: the connection or the request is refused, not the server.
        try:
            status, _, _ = read("SELECT f FROM Facility f WHERE f.name = '" + "x" * 1_000_000 + "'")
            assert 400 <= status < 500, status
        except OSError as e:
            print("a query of 1 MB in the address:", e)
        huge = "SELECT f FROM Facility f WHERE f.name = '" + "x" * 20_000 + "'"
        assert read(huge)[0] == 200
        assert json.loads(read("Facility", id="x")[2])["code"] == "BAD_PARAMETER"
        expect_refusal([404], read("Facility", id="999999"), "unknown id")
        expect_refusal([403], suite.request("GET", "/icat/entityManager", {"query": "Facility"}), "no session")
        expect_refusal([403], suite.request("GET", "/icat/entityManager", {"query": "Facility", "sessionId": "x\0y"}), "NUL session")
        expect_refusal([400], suite.request("GET", "/icat/entityManager", {"sessionId": root}), "no query")

        for text in WRITES:
            form = {"sessionId": root, "entities": text}
            expect_refusal([400, 404, 412], suite.request("POST", "/icat/entityManager", form=form), text)
        for text in ["", "x", "{}", "[7]", '{"Facility":{}}', '{"Facilty":{"id":1}}', '{"Facility":{"id":1,"name":"x"}}', '{"Facility":{"id":999999}}']:
            expect_refusal([400, 404], suite.request("DELETE", "/icat/entityManager", {"sessionId": root, "entities": text}), text)
        for text in ["", "x", "[]", "7", '{"plugin":7}', '{"plugin":"typo"}', '{"plugin":"simple","credentials":[{"username":"a\\u0000"},{"password":"b"}]}']:
            expect_refusal([400, 403], suite.request("POST", "/icat/session", form={"json": text}), text)
        expect_refusal([400], suite.request("POST", "/icat/session", form={}), "no json")
        expect_refusal([415, 400], suite.request("POST", "/icat/session", form={}, headers={"Content-Type": "text/plain"}), "media type")
        expect_refusal([501], suite.request("GET", "/icat/nothing"), "unknown path")
        expect_refusal([405], suite.request("PUT", "/icat/entityManager"), "method")
        assert read_everything(suite) == before, "a refused request wrote something"

        dataset = suite.search(root, "SELECT d.id FROM Dataset d")[0]
        entities = json.dumps([{"Datafile": {"name": f"f{n}", "location": l, "dataset": {"id": dataset}}} for n, l in enumerate(LOCATIONS)])
        status, _, body = suite.request("POST", "/icat/entityManager", form={"sessionId": root, "entities": entities})
        assert status == 200, body
        before = read_everything(suite)
        for location, number in zip(LOCATIONS, json.loads(body)):
            answer = suite.request("GET", "/ids/getData", {"sessionId": root, "datafileIds": number})
            assert expect_refusal([404], answer, location)["code"] == "NotFoundException"
            assert b"secret" not in answer[2] and b"root:" not in answer[2]
        expect_refusal([404], suite.request("GET", "/ids/getData", {"sessionId": root, "datasetIds": dataset}), "a ZIP of them")
        bad = {"sessionId": [None, "x", root.upper() if root.upper() != root else "X"], "datafileIds": ["", "x", ",1", "1;2", "9" * 30]}
        for session in bad["sessionId"]:
            query = {"datafileIds": "1", **({"sessionId": session} if session else {})}
            assert expect_refusal([400], suite.request("GET", "/ids/getData", query), session)["code"] == "BadRequestException"
        for numbers in bad["datafileIds"]:
            answer = suite.request("GET", "/ids/getData", {"sessionId": root, "datafileIds": numbers})
            assert expect_refusal([400], answer, numbers)["code"] == "BadRequestException"
        assert expect_refusal([501], suite.request("GET", "/ids/nothing"), "path")["code"] == "NOT_IMPLEMENTED"
        assert read_everything(suite) == before, "a refused request wrote something"
        assert suite.request("GET", "/ids/ping")[2] == b"IdsOK", "the server is well"
        print(f"{tried} bad requests refused, {2 * len(LITERALS)} hostile literals found nothing, nothing written")


if __name__ == "__main__":
    main()
