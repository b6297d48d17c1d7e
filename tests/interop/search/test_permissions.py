#!/usr/bin/env python3
"""Who may do what with the search, and what is visible then, cell by cell of permissions.csv: rows, ids, pages, totals, counted values,
highlighted words, names of directories and types, files. Every operation of the OpenAPI document and of the tables of mounts is in it.
A table with a wrong cell must fail.

    tests/interop/search/test_permissions.py [--seed N] [--rounds N]
"""

# seconds: 50
# long: --rounds 5

import argparse
import csv
import itertools
import json
import random
import re
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from rights_facility import PLACES, VISIBLE, RightsFacility
from search_operations import OPERATIONS, Somebody, count_rows
from suite import ROOT, wait_until

TABLE = Path(__file__).with_name("permissions.csv")
# Leaves nothing to find.
LAST = "lucene-clear"
POPULATIONS = ["db-populate", "db-populate-from"]
SOURCES = ["services/search/src/routes/mod.rs", "services/search/src/web/mod.rs"]


def read_table():
    """Status and what is visible of each investigation, by role and operation; each pair stands in the table once."""
    cells = {}
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    for roles, operations, status, *visible in csv.reader(lines):
        assert len(visible) == len(PLACES), (roles, operations, visible)
        for pair in itertools.product(roles.split(), operations.split()):
            assert pair not in cells, f"{pair} stands twice"
            cells[pair] = int(status) if status.isdigit() else status, dict(zip(PLACES, visible))
    roles = list(dict.fromkeys(role for role, _ in cells))
    missing = set(itertools.product(roles, OPERATIONS)) - cells.keys()
    assert not missing and len(cells) == len(roles) * len(OPERATIONS), f"not in the table: {sorted(missing)}"
    return roles, cells


def list_mounted_operations():
    """Methods and paths of the tables of mounts, as they stand in the source."""
    found = set()
    for source in SOURCES:
        text = (ROOT / source).read_text()
        constants = dict(re.findall(r'pub const (\w+): &str = "([^"]*)"', text))
        prefix, calls = None, 0
        tokens = r'(?:Mount::new|icat_mount|page_mount)\(\s*(?:"(/[^"]*)"|([A-Z_]+))|\.(get|post|put|patch|delete)\(\s*"([^"]*)"'
        for literal, constant, method, path in re.findall(tokens, text):
            if method:
                found.add((method.upper(), prefix + path))
                calls += 1
            else:
                prefix = literal or constants[constant]
        assert calls == len(re.findall(r"\.(?:get|post|put|patch|delete)\(", text)), f"{source} has routes of another form"
    return found


def check_completeness(facility):
    """Nothing is mounted or documented that the table lacks, and the table has nothing else."""
    covered = {(method, path) for method, path, _ in OPERATIONS.values()}
    mounted = list_mounted_operations()
    assert covered == mounted, f"not in the table: {mounted - covered}; not mounted: {covered - mounted}"
    document = json.loads(facility.run("openapi", "search").stdout)
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert documented <= covered, f"not in the table: {documented - covered}"
    return len(covered)


def build_roles(facility):
    """Everybody of the table."""
    people = {"stranger": "dan", "member": "alice", "scientist": "bob", "member-of-released": "carl", "administrator": "admin", "reader": "root"}
    roles = {role: Somebody(facility, facility.login(f"simple/{name}"), f"simple/{name}") for role, name in people.items()}
    status, _, body = facility.request("POST", "/icat/session", form={"json": '{"plugin":"anon","credentials":[]}'})
    assert status == 200, body
    headers = {"Authorization": f"Bearer {roles['member'].credential}"}
    _, _, token = facility.request("POST", "/auth/v1/token", headers=headers)
    return roles | {
        "nobody": Somebody(facility), "unknown-session": Somebody(facility, str(uuid.uuid4())),
        "anonymous": Somebody(facility, json.loads(body)["sessionId"]), "member-token": Somebody(facility, json.loads(token)["access_token"]),
        "member-key": Somebody(facility, facility.keys["alice-key"]), "key-without-scope": Somebody(facility, facility.keys["alice-other-key"]),
        "member-admin-key": Somebody(facility, facility.keys["alice-admin-key"]), "administrator-key": Somebody(facility, facility.keys["admin-key"]),
        "administrator-read-key": Somebody(facility, facility.keys["admin-read-key"]),
        "icat-server": Somebody(facility, internal="127.0.0.1"), "elsewhere": Somebody(facility, internal="127.0.0.2"),
    }  # fmt: skip


def is_row_visible(target, cell):
    return cell in ("all", "data", "rows", "name") or (cell == "files" and target == "datafiles")


def find_differences(facility, operation, seen, status, visible):
    """How what was seen differs from the cells of the table; and how many things were compared."""
    found, compared = [], 1
    if seen.status != (200 if status == "ok" else status):
        return [f"{seen.status} instead of {status}"], compared
    expected_of = lambda fields: {(place, field) for place, cell in visible.items() for field in fields & VISIBLE[cell]}  # noqa: E731
    for view in seen.views:
        shown, expected = facility.find_texts(view.content), expected_of(view.fields)
        compared += len(PLACES) * max(1, len(view.fields))
        if more := shown - expected:
            found.append(f"{view.name} shows {sorted(more)}")
        if view.name and (missing := expected - shown):
            found.append(f"{view.name} lacks {sorted(missing)}")
    target = next((target for target in ("datasets", "investigations") if target in operation), "datafiles")
    rows = {place: count if is_row_visible(target, visible[place]) else 0 for place, count in count_rows(target).items()}
    if seen.total is not None:
        compared += 1
        if seen.total != sum(rows.values()):
            found.append(f"a total of {seen.total} instead of {sum(rows.values())}")
    for name, counts in seen.counted.items():
        wanted = {place: min(count, 1) for place, count in rows.items()} if name == "completed" else rows
        compared += len(counts)
        if counts != wanted:
            found.append(f"{name} counted {counts} instead of {wanted}")
    return found, compared


def check_table(facility, people, cells, order):
    compared, wrong, answers = 0, [], {}
    scans = facility.read_scans()
    for operation in order:
        if operation == LAST:
            wrong += check_populations(facility, scans)
        for role in people:
            status, visible = cells[role, operation]
            seen = OPERATIONS[operation][2](people[role])
            found, number = find_differences(facility, operation, seen, status, visible)
            answers[role, operation] = seen
            compared += number
            wrong += [f"{role} {operation}: {what}" for what in found]
    return compared, wrong, answers


def check_populations(facility, before):
    """Waits until the rows are read that were asked for; which others were read."""
    def is_read():
        scans = facility.read_scans()
        return None not in scans.values() and all(scans[entity] != before[entity] for entity in facility.populated)

    wait_until("all rows are read that were asked for", is_read)
    read = {entity for entity, at in facility.read_scans().items() if at != before[entity]}
    return [f"{sorted(more)} were read, and nobody asked for it"] if (more := read - set(facility.populated)) else []


def check_that_differences_are_found(facility, cells, answers):
    """The control: whatever cell of an investigation is changed, the comparison fails."""
    changed = 0
    for (role, operation), seen in answers.items():
        status, visible = cells[role, operation]
        if status != "ok" or not any(view.fields for view in seen.views):
            continue
        for place, cell in visible.items():
            for other in {"-", "all"} - {cell}:
                before = {field for view in seen.views for field in view.fields & VISIBLE[cell]}
                after = {field for view in seen.views for field in view.fields & VISIBLE[other]}
                if before == after:
                    continue
                found, _ = find_differences(facility, operation, seen, status, {**visible, place: other})
                assert found, f"{role} {operation} {place}: {other} instead of {cell} is not noticed"
                changed += 1
    return changed


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument("--rounds", type=int, default=1, help="with other texts, and in another order")
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    roles, cells = read_table()
    for number in range(options.rounds):
        started = time.monotonic()
        facility = RightsFacility(options.seed + number)
        facility.env["UNDULATOR_SEARCH__ICAT_SERVER_ADDRESSES"] = '["127.0.0.1/32"]'
        with facility:
            operations = check_completeness(facility)
            people = build_roles(facility)
            assert people.keys() == set(roles), people.keys() ^ set(roles)
            order = facility.random.sample(sorted(OPERATIONS), len(OPERATIONS))
            # An entity must be locked before it is unlocked; and nobody must stop what is populated.
            order.sort(key=lambda name: (name == LAST, name in POPULATIONS, name == "lucene-unlock"))
            compared, wrong, answers = check_table(facility, people, cells, order)
            assert not wrong, f"{len(wrong)} answers are not as the table says:\n" + "\n".join(wrong)
            changed = check_that_differences_are_found(facility, cells, answers)
        print(
            f"{len(roles)} roles, {operations} mounted operations, {len(cells)} cells, {compared} comparisons hold; {changed} wrong cells "
            f"are noticed; {time.monotonic() - started:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
