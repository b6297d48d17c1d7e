#!/usr/bin/env python3
"""schemathesis asks every operation of the logbook's OpenAPI document, with sessions and keys that are good and ids of what
is there in most requests: no 500, no status, type or shape of an answer that the document does not have. The same run
against a document that lacks one status must fail.

    tests/interop/logbook/test_openapi_document.py [--cases N] [--seed S] [--only OPERATION]
"""

# needs: logbook_clients schemathesis
# seconds: 25
# long: --cases 200

import argparse
import base64
import http.client
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from logbook_client import IMAGE
from logbook_facility import KEY, Facility
from schemathesis_runs import GUARD_SECONDS, SchemathesisRuns, add_options, list_operations

STREAM = "text/event-stream"
# Whose right it is; the others are everybody's who has logged in.
OF_PROGRAMS = ("/dataacquisition/", "/investigation/name/")
OF_ADMINISTRATORS = ("/stats/", "/actions/", "/messages/", "/import")


def is_stream(operation):
    return any(STREAM in answer.get("content", {}) for answer in operation["responses"].values())


def write_json(facility, method, path, body):
    status, answer = facility.post_json(path, body, {"Content-Type": "application/json"})
    assert status == 200, (path, status, answer)
    return json.loads(answer)


def collect_facts(facility, document, seed):
    """Something of everything, and where its ids go."""
    alice, carol, admin = (facility.login(f"simple/{name}") for name in ("alice", "carol", "admin"))
    html = f'<p>Größe <img src="{IMAGE}"></p>'
    entry = {"type": "annotation", "category": "comment", "content": [{"format": "html", "text": html}], "tag": [{"name": "beam"}]}
    investigation = f"investigationId={facility.embargo}"
    events = [write_json(facility, "POST", f"/logbook/{alice}/event?{investigation}", entry) for _ in range(3)]
    events.append(write_json(facility, "POST", f"/logbook/{carol}/event", {**entry, "instrumentName": "BL07"}))
    events.append(write_json(facility, "POST", f"/dataacquisition/{KEY}/notification", {"type": "broadcast", "category": "error", "content": []}))
    tags = [write_json(facility, "POST", f"/logbook/{alice}/tag?{investigation}", {"name": name}) for name in ("a", "b")]
    books = [str(facility.embargo), str(facility.other), str(facility.released)]
    ids = {
        # Nothing is moved away from where the others look.
        **{"investigationId": books[:1] * 4 + books, "sourceInvestigationId": books[1:2], "destinationInvestigationId": books[:1]},
        **{"investigationName": ["ZZ%2F123", "ZZ-124", "ZZ-100"], "instrumentName": ["BL07", "bl07", "BL08"]},
        **{"_id": [event["_id"] for event in events], "resourceId": [id for event in events for id in event["file"]]},
        **{"tagId": [tag["_id"] for tag in tags], "path": ["/data/zz123/scan.h5"]},
    }
    # Where they are wanted; lists have no need of them.
    words = {"search": ["größe", "grosse", "gr*", '"größe"', "nothing such", '"', "*"]}
    # Of bodies: without these hardly one would be accepted.
    values = {"_id": ids["_id"], "eventIds": [[id] for id in ids["_id"]], "base64": [IMAGE], "creationDate": ["2025-03-02T09:14:05+01:00"]}
    values["name"] = [f"tag {n}" for n in range(1000)]
    wanted = {}
    for label, operation in list_operations(document).items():
        declared = {place: [] for place in ("path", "query")}
        for parameter in operation.get("parameters", []):
            known = parameter["name"] in ids or (parameter["name"] in words and label.endswith("/search"))
            if known and parameter["in"] in declared:
                declared[parameter["in"]].append(parameter["name"])
        if any(part in label for part in OF_PROGRAMS):
            credentials = [KEY]
        else:
            # carol may not write here, and the history is for whoever may.
            members = [alice, admin] if label.endswith("/records") else [alice, alice, admin, carol]
            credentials = [admin] if any(part in label for part in OF_ADMINISTRATORS) else members
        wanted[label] = {**declared, "credentials": credentials if "{credential}" in label else []}
    status, _, archive = facility.request("GET", f"/logbook/{alice}/event?{investigation}&format=eln")
    assert status == 200, archive
    # Whole, broken off, and changed in the midst.
    archives = [archive, archive, archive, archive[:-30], archive[:300] + b"changed" + archive[307:], b""]
    bodies = {"application/vnd.eln+zip": [base64.b64encode(body).decode() for body in archives]}
    return {"seed": seed, "ids": ids | words, "values": values, "bodies": bodies, "operations": wanted}


def read_streams(facility, document, found):
    """Streams never end: their head comes, says what it is, and the connection is given up."""
    streams = [label for label, operation in list_operations(document).items() if is_stream(operation)]
    for label in streams:
        method, path = label.split(" ", 1)
        declared = found["operations"][label]
        path = path.replace("{credential}", declared["credentials"][0])
        if "investigationId" in declared["query"]:
            path += f"?investigationId={found['ids']['investigationId'][0]}"
        connection = http.client.HTTPConnection("127.0.0.1", facility.public, timeout=GUARD_SECONDS)
        connection.request(method, path, headers={"Accept": STREAM})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.headers["content-type"].startswith(STREAM), (label, answer.status)
        connection.close()
    return streams


def main():
    options = argparse.ArgumentParser()
    add_options(options)
    chosen = options.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    with Facility() as facility:
        document = json.loads(facility.run("openapi", "logbook").stdout)
        found = collect_facts(facility, document, chosen.seed)
        streams = [operation["operationId"] for operation in list_operations(document).values() if is_stream(operation)]
        runs = SchemathesisRuns(facility, __file__, document, found, chosen, excluded=streams)
        statuses = runs.check_all()
        if chosen.only:
            return
        runs.require_answers(statuses, not_asked=read_streams(facility, document, found))
        runs.check_control("list_entries", "400")


if __name__ == "__main__":
    main()
