#!/usr/bin/env python3
"""schemathesis asks every operation of the search's OpenAPI document, with good sessions, words, paths, values and cursors of what
is there in most requests: no 500, no status, type or shape of an answer that the document does not have. The same run
against a document that lacks one status must fail.

    tests/interop/search/test_openapi_document.py [--cases N] [--seed S] [--only OPERATION]
"""

# needs: schemathesis
# seconds: 20
# long: --cases 1000

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from schemathesis_runs import SchemathesisRuns, add_options, list_operations
from search_facility import SearchFacility

TEXTS = [
    "lysozyme", "lyso*", "*.nxs", "name:scan_0001.nxs", "lysozyme AND name:scan*", '"light-driven proton"', '"proton pump"~3', "lysozime~",
    "fileSize:>1000000", "date:[2026-01-01 TO 2026-12-31]", "id:5", "-lysozyme", "(a OR b)^2", "location:/data/2026/**/scan_*", "data/2026",
    "a AND", "colour:red", '"', "*", "", "\\\\server\\share$\\x", "Größe \U0001f52c", "the", "a" * 200, "location:*a*",
]  # fmt: skip
PATHS = ["data/2026", "data/2026/", "/data/2026/**/scan_0*.nxs", "data/**", "*.nxs", "/", "", "//", "data/20", "a" * 5000, "*a*", "\0", "DATA/2026/id"]
DAYS = ["2026-01-01", "2026-10-04", "2026-11-12T10:00:00Z", "2026-10-25T02:30:00", "yesterday", "", "9999-12-31", "-2000-01-01", "2026-02-30"]
VALUES = [
    {}, {"instrument.name": ["ID29"]}, {"datafileFormat.name": ["NeXus", "HDF5"]}, {"technique.name": ["X-ray diffraction"]},
    {"sample.name": ["Lysozyme 10 mg/ml"]}, {"type.name": ["MX"]}, {"investigation.name": ["MX-2417"], "visitId": ["1"]},
    {"colour": ["red"]}, {"instrument.name": []}, {"instrument.name": ["\0", ""]}, {"user.fullName": ["Alice Example"]},
]  # fmt: skip
PARAMETERS = [
    [], [{"name": "temperature"}], [{"name": "temperature", "from": 4, "to": 10, "units": "K"}], [{"name": "mode", "text": "fast"}],
    [{"name": "temperature", "from": 1e308, "units": "no unit"}], [{"name": "", "text": "", "from": 1}], [{"name": "temperature", "to": -1e300, "units": "GeV"}],
]  # fmt: skip
FIELDS = ["datafileFormat.name", "instrument.name", "technique.name", "sample.name", "dataset.name", "type.name", "user.fullName", "visitId",
          "facility.name", "description", "colour"]  # fmt: skip
TARGETS = ["Datafile", "Dataset", "Investigation", "Rule"]
# Of the completion of names.
NAMED = ["instrument.name", "technique.name", "sample.type.name", "type.name", "datafileFormat.name", "facility.name", "parameter.name"]
# Entities whose rows can be read again: some have rows, one is not indexed, and one does not exist.
POPULATED = ["Datafile", "dataset", "Technique", "Sample", "Instrument", "DatafileFormat", "Rule", "Nothing"]


def build_queries(facility):
    """The parameter `query` of the searches of ICAT, and of its counts of values."""
    searches, counts = ["", "x", "[]", "{}", "null"], ["x", "{}"]
    files = [id for ids in facility.files_of.values() for id in ids]
    facets = [
        [{"target": "Datafile"}], [{"target": "Datafile", "dimensions": [{"dimension": "datafileFormat.name"}]}],
        [{"target": "Datafile", "dimensions": [{"dimension": "fileSize", "ranges": [{"from": 0, "to": 1e8, "key": "small"}]}]}],
        [{"target": "InvestigationInstrument", "dimensions": [{"dimension": "instrument.name"}]}], [{"target": "Rule"}], [],
    ]  # fmt: skip
    filters = [
        {"datafile.id": files}, {"datafile.id": files[:1]}, {"datafileFormat.name": ["NeXus"]}, {"datafileFormat.name": "HDF5"},
        {"investigation.id": [facility.investigations["MX-2417"]]}, {"fileSize": [{"field": "fileSize", "from": 0, "to": 100}]}, {"x": 1},
        {"DatafileParameter": [{"filter": [{"field": "type.name", "value": "temperature"}, {"field": "numericValue", "from": 1, "to": 2, "units": "K"}]}]},
    ]  # fmt: skip
    for target in TARGETS:
        base = {"target": target}
        searches += [json.dumps({**base, "text": text}) for text in TEXTS]
        searches += [json.dumps({**base, "text": "scan_0001.nxs", "facets": each}) for each in facets]
        searches += [json.dumps({**base, "filter": each, "facets": facets[1]}) for each in filters]
        searches += [json.dumps({**base, "lower": lower, "upper": "202612312359"}) for lower in ("202401010000", "2024", 0, True)]
        searches += [json.dumps({**base, "user": user}) for user in ("simple/alice", "", 1)]
        searches.append(json.dumps({**base, "parameters": [{"name": "temperature", "units": "K", "lowerNumericValue": 1, "upperNumericValue": 9}]}))
        counts += [json.dumps({**base, "facets": facet, "filter": filter}) for facet in facets for filter in [{}, *filters]]
    return searches, counts


def fetch_json(facility, method, path, session, **more):
    status, _, body = facility.request(method, path, headers={"Authorization": f"Bearer {session}"}, **more)
    assert status == 200, (path, status, body)
    return json.loads(body)


def collect_facts(facility, document, seed):
    """Sessions, and something to find in every parameter and member."""
    alice, dan, administrator = (facility.login(f"simple/{name}") for name in ("alice", "dan", "root"))
    cursors, positions = ["x", "", "eyJhIjoxfQ"], ["", "{}", "null", '{"doc":1,"fields":[1]}']
    for target in ("datafiles", "datasets", "investigations"):
        cursors.append(fetch_json(facility, "POST", f"/search/v1/{target}", alice, body={"limit": 1})["cursor"])
        query = {"query": json.dumps({"target": target.capitalize()[:-1]}), "maxCount": 1}
        for sort in ("", '{"name":"asc"}'):
            answer = fetch_json(facility, "GET", "/icat/search/documents", alice, query={**query, "sort": sort})
            positions.append(json.dumps(answer["search_after"]))
    searches, counts = build_queries(facility)
    parameters = {
        "query": searches, "search_after": positions, "minCount": ["0", "1", "-1", "x"],
        "maxCount": ["0", "1", "5", "10000", "10001", "-1", "99999999999999999999", "x"], "restrict": ["true", "false", "x"], "path": PATHS,
        "sort": ['{"date":"desc"}', '{"name":"asc"}', '{"fileSize":"asc","id":"desc"}', '{"x":"asc"}', '{"name":"up"}', "[]", "", "x"],
        "limit": [0, 1, 5, 1000, 1001], "target": ["datafiles", "datasets", "datasets", "investigations", "rules"],
        "field": [*NAMED, "facility.name", "parameter.name", "user.name", ""], "start": ["", "", "x", "ID", "n", "h", "\0", "Größe"], "sessionId": [],
        "entity": POPULATED, "minid": [0, 1, -1, 2**63 - 1],
    }  # fmt: skip
    values = {
        "text": TEXTS, "path": PATHS, "from": DAYS, "until": DAYS, "values": VALUES, "parameters": PARAMETERS, "cursor": cursors,
        "limit": [1, 2, 25, 1000, 0, 1001], "facets": [[], *([{"field": field}] for field in FIELDS), [{"field": FIELDS[0], "limit": 1000}] * 21],
    }  # fmt: skip
    operations = list_operations(document).items()
    declared = {label: operation.get("parameters", []) for label, operation in operations}
    unknown = {parameter["name"] for each in declared.values() for parameter in each} - parameters.keys()
    assert not unknown, f"nothing to fill in for {unknown}"
    select = lambda each, place: {one["name"]: parameters[one["name"]] for one in each if one["in"] == place}  # noqa: E731
    wanted = {label: select(each, "query") for label, each in declared.items()}
    wanted["GET /icat/facet/documents"]["query"] = counts
    sessions = {label: [administrator] * 8 + [alice] if is_for_administrators(label) else [alice, alice, alice, dan] for label in declared}
    paths = {label: select(each, "path") for label, each in declared.items()}
    return {"url": facility.url, "seed": seed, "sessions": sessions, "operations": wanted, "paths": paths, "values": values}


def is_for_administrators(label):
    return "/icat/lucene/db" in label or label == "GET /search/v1/index"


def main():
    options = argparse.ArgumentParser()
    add_options(options)
    chosen = options.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    facility = SearchFacility()
    facility.env["UNDULATOR_IDENTITY__ADMINISTRATORS"] = '["simple/root"]'
    with facility:
        document = json.loads(facility.run("openapi", "search").stdout)
        runs = SchemathesisRuns(facility, __file__, document, collect_facts(facility, document, chosen.seed), chosen)
        statuses = runs.check_all()
        if not chosen.only:
            runs.require_answers(statuses)
            runs.check_control("search_datafiles", "400")


if __name__ == "__main__":
    main()
