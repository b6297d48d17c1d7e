"""What schemathesis needs besides the OpenAPI document: credentials that are good, ids of what is there, and a list of what
was asked. It loads this module by SCHEMATHESIS_HOOKS; LOGBOOK_SCHEMATHESIS names the directory with facts.json."""

import base64
import json
import os
import random
from pathlib import Path

import schemathesis

DIRECTORY = Path(os.environ["LOGBOOK_SCHEMATHESIS"])
FACTS = json.loads((DIRECTORY / "facts.json").read_text())
# One request in so many keeps what was generated for a place that could have been filled.
KEPT = 6


@schemathesis.serializer(*FACTS["bodies"])
def serialize_archive(ctx, value):
    """What was generated in place of an archive is none."""
    return value if isinstance(value, bytes) else json.dumps(value, default=str).encode()


def random_for_case(case):
    """The same for the same request, so that what fails once can be tried again."""
    body = case.body if isinstance(case.body, (str, int, list, dict, type(None))) else "bytes"
    return random.Random(f"{FACTS['seed']} {case.operation.label} {case.query} {body} {case.path_parameters}")


def fill_in_ids(choose, place, ids):
    """Ids that exist, in a part of the requests where the parameter was left out too."""
    for name, values in ids.items():
        if choose.randrange(KEPT) or name not in place:
            if name in place or choose.random() < 0.7:
                place[name] = choose.choice(values)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    kwargs["allow_redirects"] = False
    choose = random_for_case(case)
    declared = FACTS["operations"][case.operation.label]
    if declared["credentials"] and choose.randrange(KEPT):
        case.path_parameters["credential"] = choose.choice(declared["credentials"])
    if isinstance(case.path_parameters, dict):
        fill_in_ids(choose, case.path_parameters, {name: FACTS["ids"][name] for name in declared["path"]})
    query = case.query if isinstance(case.query, dict) else {}
    fill_in_ids(choose, query, {name: FACTS["ids"][name] for name in declared["query"]})
    if query:
        case.query = query
    if case.media_type in FACTS["bodies"] and choose.randrange(KEPT):
        case.body = base64.b64decode(choose.choice(FACTS["bodies"][case.media_type]))
    if isinstance(case.body, dict) and choose.randrange(KEPT):
        event = case.body.get("event")
        if isinstance(event, dict):
            query.pop("investigationId", None)
            (case.headers or {}).pop("If-Match", None)
        for part in filter(lambda part: isinstance(part, dict), (case.body, event)):
            for name in part.keys() & FACTS["values"].keys():
                part[name] = choose.choice(FACTS["values"][name])


@schemathesis.hook
def after_call(ctx, case, response):
    line = {"operation": case.operation.label, "method": response.request.method, "status": response.status_code}
    with (DIRECTORY / "asked.jsonl").open("a") as out:
        print(json.dumps(line), file=out)
