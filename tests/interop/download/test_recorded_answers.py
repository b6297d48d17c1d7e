#!/usr/bin/env python3
"""What ids.server 2.1.1 answered where an earlier version of ours answered otherwise (`recorded_answers.jsonl`): status,
code and message are the same now, but for the differences that docs/src/compatibility/ids.md gives a reason for. Error
bodies are labelled as the JSON that they are. And a second upload of a name never touches the first one's file, nor one
that was ingested."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from download_facility import Facility
from suite import ROOT

STEPS = Path(__file__).with_name("recorded_answers.jsonl")
PAGE = ROOT / "docs/src/compatibility/ids.md"


class Places(dict):
    def fill(self, value):
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        for name, text in self.items():
            value = value.replace("{" + name + "}", str(text))
        return value


def send_request(suite, places, request):
    query, form, headers = (places.fill(request.get(part) or {}) for part in ["query", "form", "headers"])
    data = request["data"].encode() if "data" in request else None
    if data is not None:
        headers = {"Content-Type": "application/octet-stream", **headers}
    return suite.request(request["method"], request["path"], query, form=form or None, headers=headers, data=data)


def compare_answer(suite, places, line, page):
    real, kept = line["real"], line.get("kept")
    status, headers, body = send_request(suite, places, line["request"])
    step = (line["step"], status, body[:300])
    if kept is None:
        assert status == real["status"], (step, real)
        assert json.loads(body) == json.loads(places.fill(real["body"])), (step, real)
    else:
        assert status == kept["status"], (step, kept)
        if "message" in kept:
            assert json.loads(body)["message"] == places.fill(kept["message"]), (step, kept)
        if "body" in kept:
            assert json.loads(body) == json.loads(places.fill(kept["body"])), (step, kept)
        assert kept["reason"] in page, f"{kept['reason']} stands in no row of {PAGE.name}"
    if status >= 400:
        assert headers["Content-Type"] == "application/json" and list(json.loads(body)) == ["code", "message"], step
    return kept is None


def check_repeated_uploads(suite, places):
    """A name that is taken, by an upload or by a file that was ingested, is refused, and nothing of it changes."""

    def put_file(name, content):
        query = {"sessionId": suite.root, "datasetId": dataset, "datafileFormatId": suite.format, "name": name}
        return suite.request("PUT", "/ids/put", query, data=content, headers={"Content-Type": "application/octet-stream"})

    (suite.files / "run" / "scan").mkdir(parents=True)
    (suite.files / "run" / "scan" / "ingested.h5").write_bytes(b"ingested")
    suite.run("icat", "ingest", suite.files / "run", "--investigation", "MX-1")
    query = "SELECT f.name, f.id, f.location, f.fileSize, f.checksum FROM Datafile f WHERE f.dataset.name = 'scan'"
    dataset = suite.search(suite.root, "SELECT d.id FROM Dataset d WHERE d.name = 'scan'")[0]
    assert put_file("uploaded.h5", b"first")[0] == 201
    before, files = suite.search(suite.root, query), read_storage(suite)
    for name in ["uploaded.h5", "ingested.h5"]:
        status, _, body = put_file(name, b"second")
        assert status == 400 and b"Datafile exists with" in body, (status, body)
    assert suite.search(suite.root, query) == before and read_storage(suite) == files, "what was there is as it was"
    data = {"sessionId": suite.root, "datafileIds": dict((row[0], row[1]) for row in before)["ingested.h5"]}
    assert suite.request("GET", "/ids/getData", data)[2] == b"ingested"
    print("a second upload of a name is refused; rows and files are as they were")


def read_storage(suite):
    return {path: path.read_bytes() for path in suite.files.rglob("*") if path.is_file()}


def main():
    lines = [json.loads(line) for line in STEPS.read_text().splitlines()]
    page = PAGE.read_text()
    with Facility() as suite:
        for account in ["db/nobody", "db/reader"]:
            suite.add_user(account)
        suite.kill()
        suite.start()
        suite.root = suite.login("simple/root")
        user = suite.create("User", name="db/reader")
        group = suite.create("Grouping", name="readers")
        suite.create("UserGroup", user={"id": user}, grouping={"id": group})
        for entity in ["Datafile", "Dataset", "Investigation", "Facility"]:
            suite.create("Rule", what=entity, crudFlags="R", grouping={"id": group})
        dataset = suite.dataset("one")
        a, b = suite.put_files(dataset, [("a.h5", "one/a.h5", b"a" * 1500), ("b.h5", "one/b.h5", b"b")])
        (noloc,) = suite.create_all("Datafile", [{"name": "noloc", "fileSize": 1, "dataset": {"id": dataset}}])
        places = Places(A=a, B=b, NOLOC=noloc, DATASET=dataset, FORMAT=suite.format, ROOT=suite.root)
        places |= {"NOBODY": suite.login("db/nobody"), "READER": suite.login("db/reader")}
        put = {"method": "PUT", "path": "/ids/put", "data": "put", "query": {"sessionId": "{ROOT}", "datasetId": "{DATASET}"}}
        put["query"] |= {"datafileFormatId": "{FORMAT}", "name": "putfile.txt"}
        for place, name in [("PUT", "putfile.txt"), ("DELETED", "deleted.txt")]:
            put["query"]["name"] = name
            status, _, body = send_request(suite, places, put)
            assert status == 201, (status, body)
            places[place] = json.loads(body)["id"]
        assert suite.request("DELETE", "/ids/delete", {"sessionId": suite.root, "datafileIds": places["DELETED"]})[0] == 204
        places["PREPARED"] = suite.prepare(datafileIds=f"{b},{a},{places['PUT']}")
        equal = sum(compare_answer(suite, places, line, page) for line in lines)
        print(f"{len(lines)} answers of ids.server 2.1.1: {equal} equal, {len(lines) - equal} kept with a reason")
        check_repeated_uploads(suite, places)


if __name__ == "__main__":
    main()
