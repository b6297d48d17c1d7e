#!/usr/bin/env python3
"""The process that has the catalogue and the search is killed again and again, on SQLite and on PostgreSQL, while rows are created,
changed, moved and deleted, during the first reading of the catalogue and while rows are read again. After the last start,
without a step of anybody, searches find the rows of the catalogue: none missing, none twice, none as it was before.

    tests/interop/search/test_killed_feed.py [--kills N] [--files N] [--seed N] [--sqlite | --postgres]
"""

# seconds: 65
# long: --kills 50

import argparse
import contextlib
import copy
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from catalogue_feed import CatalogueFeed, compare_rows
from catalogue_writer import Writer
from servers import Postgres
from suite import wait_until

WRITERS = 4
WAITING = {
    "a scan runs": "SELECT entity FROM catalogue_scan WHERE state = 'running'",
    "scans are wanted": "SELECT entity FROM catalogue_scan WHERE state = 'wanted'",
    "changed rows wait": "SELECT entity FROM changed_row LIMIT 1",
    "batches wait": "SELECT id FROM change_batch LIMIT 1",
}
MANY_KILLS = 10
SECONDS = 120


def kill_at(facility, chance, writers, is_scanning):
    """At a moment that depends on how far the scan or the writers are; what was waiting then."""
    total = lambda: sum(writer.outcomes.total() for writer in writers)  # noqa: E731
    has_failed = lambda: [writer.failure for writer in writers if writer.failure]  # noqa: E731
    if is_scanning:
        place = f"state = 'running' AND after_id > {chance.choice([-1, -1, 1])}"
        query = f"SELECT entity FROM catalogue_scan WHERE entity = '{chance.choice(['Datafile', 'Dataset', 'ParameterType', 'Datafile'])}' AND ({place} OR state = 'done')"
        wait_until("the scan is in the midst", lambda: facility.rows(query) or has_failed())
    wanted = total() + chance.randrange(1, 40)
    wait_until("writers go on", lambda: total() >= wanted or has_failed())
    assert not has_failed(), has_failed()
    facility.up.clear()
    facility.kill()
    return [what for what, query in WAITING.items() if facility.rows(query)]


def kill_repeatedly(engine, facility, kills, seed):
    chance, started = random.Random(seed), time.monotonic()
    # What exists already is read by the first scan.
    facility.kill()
    facility.services = []
    facility.up = threading.Event()
    facility.start()
    facility.up.set()
    wait_until("the search has its tables", lambda: has_tables(facility))
    writers = [Writer(facility, number, seed) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    waited = Counter()
    for kill in range(kills):
        if kill % 2 and kill > 1:
            facility.run("search", "reindex", *chance.choice([[], ["Datafile"], ["Dataset", "Sample", "Datafile"]]))
        waited.update(kill_at(facility, chance, writers, is_scanning=kill % 3 != 2))
        facility.start()
        facility.up.set()
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join()
    assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]
    outcomes = sum((writer.outcomes for writer in writers), Counter())
    killed = time.monotonic()
    facility.wait_until_equal(SECONDS)
    catalogue = facility.read_catalogue()
    index, doubles = facility.read_index()
    controls = check_that_differences_are_found(catalogue, index, doubles)
    rows = {target: len(rows) for target, rows in catalogue.items()}
    print(
        f"{engine}: {kills} kills in {killed - started:.0f} s, when {dict(waited)}; {outcomes.total()} writes: {dict(outcomes)}\n"
        f"{engine}: searches find the catalogue's {rows} after {time.monotonic() - killed:.0f} s; {controls} controls",
        flush=True,
    )
    # A few kills may all meet the same work.
    if kills >= MANY_KILLS:
        assert waited["a scan runs"] and waited["changed rows wait"] + waited["batches wait"], waited


def has_tables(facility):
    try:
        return facility.rows(WAITING["a scan runs"]) or facility.rows(WAITING["scans are wanted"])
    except Exception:
        return False


def check_that_differences_are_found(catalogue, index, doubles):
    """What the comparison must find: a row too few, too many, twice, or with another value."""
    assert not compare_rows(catalogue, index, doubles)
    changes = 0
    for target in ("datafiles", "datasets", "investigations"):
        last = max(index[target])
        for change in (
            lambda rows, last: rows.pop(last),
            lambda rows, last: rows.update({last + 1: rows[last]}),
            lambda rows, last: rows[last].update(name="as it was before"),
        ):
            changed = copy.deepcopy({**index, target: {last: index[target][last]}})
            only = {**catalogue, target: {last: catalogue[target][last]}}
            assert not compare_rows(only, changed, doubles)
            change(changed[target], last)
            assert compare_rows(only, changed, doubles), f"{target}: the comparison finds nothing"
            changes += 1
    for values in ({**index["values"], "other": 1}, {value: 2 for value in index["values"]} | {"": 2}):
        assert compare_rows(catalogue, {**index, "values": values}, doubles)
        changes += 1
    assert compare_rows(catalogue, index, [("datafiles", 1)])
    return changes + 1


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--files", type=int, default=25_000, help="before the search runs for the first time")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    engines = options.add_mutually_exclusive_group()
    engines.add_argument("--sqlite", dest="engines", action="store_const", const=["SQLite"], default=["SQLite", "PostgreSQL"])
    engines.add_argument("--postgres", dest="engines", action="store_const", const=["PostgreSQL"])
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)

    def run_engine(engine):
        with contextlib.ExitStack() as begun:
            postgres = begun.enter_context(Postgres()) if engine == "PostgreSQL" else None
            facility = begun.enter_context(CatalogueFeed(postgres, options.files))
            kill_repeatedly(engine, facility, options.kills, options.seed)

    with ThreadPoolExecutor() as pool:
        list(pool.map(run_engine, options.engines))


if __name__ == "__main__":
    main()
