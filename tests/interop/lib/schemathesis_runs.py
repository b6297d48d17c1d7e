"""Runs of schemathesis against a service's OpenAPI document, with a module of hooks that fills in what is there."""

import collections
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from suite import PYTHON

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
GUARD_SECONDS = 30
SETTINGS = """
hooks = "schemathesis_hooks"

[phases.coverage]
# Every address answers them all the same way, as the document's description says.
unexpected-methods = []
"""


def list_operations(document):
    """By their labels, such as `GET /messages`."""
    methods = {"get", "put", "post", "patch", "delete"}
    paths = document["paths"].items()
    return {f"{method.upper()} {path}": operation for path, all in paths for method, operation in all.items() if method in methods}


def add_options(options):
    """Arguments of every script that runs schemathesis."""
    options.add_argument("--cases", type=int, default=8, help="random requests for each operation, besides those that cover its parameters")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--only", help="one operationId")


class SchemathesisRuns:
    """`facts` is what the hooks read; `schemathesis_hooks` is a module in the folder of the script."""

    def __init__(self, facility, script, document, facts, chosen, excluded=()):
        self.facility, self.hooks, self.document = facility, Path(script).parent, document
        self.facts, self.chosen, self.excluded = facts, chosen, excluded

    def run(self, document, only=None):
        """One run: schemathesis' outcome, and what it asked."""
        directory = Path(tempfile.mkdtemp(prefix="schemathesis-", dir=self.facility.dir))
        (directory / "facts.json").write_text(json.dumps(self.facts))
        (directory / "openapi.json").write_text(json.dumps(document))
        (directory / "schemathesis.toml").write_text(SETTINGS)
        command = [
            *(PYTHON.with_name("schemathesis"), "run", "openapi.json", "--url", self.facility.url, "--checks", CHECKS),
            *("--seed", str(self.chosen.seed), "--max-examples", str(self.chosen.cases), "--phases", "examples,coverage,fuzzing"),
            *("--no-shrink", "--generation-database", "none", "--suppress-health-check", "all"),
            *("--request-timeout", str(GUARD_SECONDS)),
            *("--continue-on-failure", "--warnings", "off", "--no-color", "--workers", "1"),
            *(part for id in self.excluded for part in ("--exclude-operation-id", id)),
            *(("--include-operation-id", only) if only else ()),
        ]
        python_path = os.pathsep.join(map(str, (self.hooks, Path(__file__).parent)))
        env = {**os.environ, "PYTHONPATH": python_path, "SCHEMATHESIS_FACTS": str(directory)}
        done = subprocess.run(command, cwd=directory, env=env, text=True, capture_output=True)
        path = directory / "asked.jsonl"
        asked = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return done, asked

    def check_all(self):
        """All operations; exits if an answer is not in the document. Statuses with their numbers, by operation."""
        started = time.monotonic()
        done, asked = self.run(self.document, self.chosen.only)
        seconds = time.monotonic() - started
        statuses = collections.defaultdict(collections.Counter)
        for line in asked:
            statuses[line["operation"]][line["status"]] += 1
        for label in sorted(statuses):
            print(f"  {label}: " + ", ".join(f"{n} × {status}" for status, n in sorted(statuses[label].items())))
        print(f"{len(asked)} cases for {len(statuses)} operations in {seconds:.0f} s", flush=True)
        if done.returncode != 0:
            print(done.stdout, done.stderr, sep="\n")
            sys.exit("schemathesis has found what the document does not say")
        return statuses

    def require_answers(self, statuses, not_asked=()):
        """Every operation was asked, was mostly allowed and sometimes succeeded."""
        missing = list_operations(self.document).keys() - statuses.keys() - set(not_asked)
        assert not missing, f"not asked: {missing}"
        for label, counted in statuses.items():
            passed = sum(n for status, n in counted.items() if status not in (401, 403))
            assert passed * 2 > counted.total(), f"{label}: more than half was refused: {counted}"
            assert any(status < 400 for status in counted), f"{label} never succeeded: {counted}"

    def check_control(self, operation, status):
        """What is not in the document is found: here a status of an operation."""
        less = copy.deepcopy(self.document)
        del next(o for o in list_operations(less).values() if o["operationId"] == operation)["responses"][status]
        done, asked = self.run(less, operation)
        assert done.returncode == 1 and "Undocumented status code" in done.stdout, done.stdout
        print(f"control: a document without {status} of {operation} fails after {len(asked)} cases")
