"""For the hooks of schemathesis: what the script knows about the facility, and a list of what was asked. SCHEMATHESIS_FACTS
names the directory with facts.json."""

import collections
import json
import os
import random
from pathlib import Path

DIRECTORY = Path(os.environ["SCHEMATHESIS_FACTS"])
FACTS = json.loads((DIRECTORY / "facts.json").read_text())
# One request in so many keeps what was generated for a place that could have been filled.
KEPT = 6
ASKED = collections.Counter()


def random_for_case(case):
    """The same for the same request, so that what fails once can be tried again; another one when it is repeated, because many requests
    to an operation without parameters are the same."""
    body = case.body if isinstance(case.body, (str, int, list, dict, type(None))) else "bytes"
    request = f"{FACTS['seed']} {case.operation.label} {case.query} {body} {case.path_parameters} {dict(case.headers or {})}"
    ASKED[request] += 1
    return random.Random(request if ASKED[request] == 1 else f"{request} {ASKED[request]}")


def fill_in_values(choose, place, values_by_name):
    """Values that exist, in a part of the requests where the parameter was left out too."""
    for name, values in values_by_name.items():
        if choose.randrange(KEPT) or name not in place:
            if name in place or choose.random() < 0.7:
                place[name] = choose.choice(values)


def record_answer(case, response):
    line = {"operation": case.operation.label, "method": response.request.method, "status": response.status_code}
    with (DIRECTORY / "asked.jsonl").open("a") as out:
        print(json.dumps(line), file=out)
