#!/usr/bin/env python3
"""Two processes of the search on PostgreSQL and NATS, beside one catalogue, as "One process" in docs/src/search.md promises it.
With one index, the second process answers 503 until the first one has ended, and then finds all rows: they are killed in
turn while rows change. With an index of its own, it takes over the changes, and the first one writes its index no more.

    tests/interop/search/test_replicas.py [--kills N] [--files N] [--writers N] [--seed N]
"""

# seconds: 55
# long: --kills 40 --files 30000 --writers 4

import argparse
import itertools
import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from catalogue_feed import CatalogueFeed
from catalogue_writer import Writer
from servers import Nats, Postgres
from suite import Suite, wait_until

SECONDS = 120


class SearchProcess(Suite):
    """A process with nothing but the search, which asks the facility for the catalogue."""

    def __init__(self, facility, index):
        super().__init__()
        self.services, self.facility = ["search"], facility
        self.env = facility.env | {
            "UNDULATOR_DATA_DIR": str(self.dir),
            "UNDULATOR_HTTP__BIND": f"127.0.0.1:{self.public}",
            "UNDULATOR_HTTP__INTERNAL_BIND": f"127.0.0.1:{self.internal}",
            "UNDULATOR_ICAT__URL": facility.url,
            "UNDULATOR_IDENTITY__AUTH_URL": f"http://127.0.0.1:{facility.internal}",
            "UNDULATOR_IDENTITY__JWKS_URL": f"{facility.url}/.well-known/jwks.json",
            "UNDULATOR_SEARCH__SOURCE": "catalogue",
            "UNDULATOR_SEARCH__INDEX_DIR": str(index),
        }

    def send_search(self, text="", limit=1):
        """Status, headers and answer."""
        headers = {"Authorization": f"Bearer {self.facility.root}"}
        status, headers, body = self.request("POST", "/search/v1/datafiles", headers=headers, body={"limit": limit, "text": text})
        return status, headers, json.loads(body)

    def count_files(self, text=""):
        status, _, answer = self.send_search(text)
        return answer["total"] if status == 200 else None

    def is_serving(self):
        return self.send_search()[0] == 200

    def send_get(self, path):
        query = {
            "/icat/search/documents": {"query": '{"target":"Datafile"}'}, "/icat/lucene/data": {"query": '{"target":"Datafile"}'},
            "/search/v1/values": {"target": "datafiles", "field": "parameter.name"},
        }.get(path, {})  # fmt: skip
        status, _, body = self.request("GET", path, query, headers={"Authorization": f"Bearer {self.facility.root}"})
        return path, status, body

    def require_refusal(self):
        """Why, and when to try again; at once, because each request waits for seconds whether the index is opened."""
        paths = ["/icat/search/documents", "/icat/lucene/data", "/search/v1/directories", "/search/v1/values"]
        with ThreadPoolExecutor() as threads:
            others = threads.map(self.send_get, paths)
            status, headers, answer = self.send_search()
            assert status == 503 and int(headers["Retry-After"]) > 0, (status, answer)
            wrong = [other for other in others if other[1] != 503]
        assert not wrong, wrong
        status, _, body = self.request("GET", "/health/ready", internal=True)
        assert status == 200, (status, body)


def use_process(facility, process):
    """What searches of the comparison are sent to."""
    def request(method, path, *arguments, internal=False, **more):
        is_search = path.startswith(("/search", "/icat.lucene"))
        return type(facility).request(process if is_search else facility, method, path, *arguments, internal=internal, **more)

    facility.request = request
    facility.run = process.run


def take_turns(facility, processes, kills, writers, chance):
    """One index: whoever does not have it waits."""
    first, second = processes
    first.start()
    wait_until("the first process serves", first.is_serving)
    second.start()
    total = lambda: sum(writer.outcomes.total() for writer in writers)  # noqa: E731
    longest = 0
    for _ in range(kills):
        goal = total() + chance.randrange(1, 40)
        wait_until("writers go on", lambda: total() >= goal or any(writer.failure for writer in writers))
        assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]
        second.require_refusal()
        assert first.is_serving()
        first.kill()
        killed = time.monotonic()
        wait_until("the other process serves", second.is_serving)
        longest = max(longest, time.monotonic() - killed)
        first.start()
        first, second = second, first
    second.require_refusal()
    return first, second, longest


def check_new_index(facility, old, writers, directory):
    """A process with another index takes over; the one that had the changes writes its index no more, and says so."""
    before = old.count_files()
    with SearchProcess(facility, directory) as new:
        new.start()
        wait_until("the new index is open", new.is_serving)
        use_process(facility, new)
        facility.wait_until_equal(SECONDS)
        writers[0].create_marker("takenover")
        wait_until("the new process finds a new row", lambda: new.count_files("name:takenover.nxs") == 1)
        assert facility.rows("SELECT id FROM change_batch") == [] or not facility.find_differences()
        log = lambda: old.log.read_text()  # noqa: E731
        numbers = itertools.count()

        def is_said():
            # It looks for changes every few seconds, and the new process may have written a single one before.
            writers[0].create_marker(f"later{next(numbers)}")
            return "belong to another index" in log()

        wait_until("the old process says that it writes no more", is_said)
        found = old.count_files("name:takenover.nxs")
        assert found in (0, None), f"the old process finds {found} of the new rows"
        after = old.count_files()
        # Started again, it does not take the changes back.
        old.kill()
        old.start()
        refusals = log().count("belong to another index")
        wait_until("the old process refuses its index", lambda: log().count("belong to another index") > refusals)
        writers[0].create_marker("stilltaken")
        wait_until("the new process goes on", lambda: new.count_files("name:stilltaken.nxs") == 1)
        assert old.count_files("name:stilltaken.nxs") in (0, None)
        status = old.send_search()[0]
        facility.wait_until_equal(SECONDS)
        return before, after, status


class MarkerWriter(Writer):
    def create_marker(self, name):
        """A file with a name of its own."""
        # The server may have closed the one that was idle since the last write.
        self.connection = None
        dataset = self.choose_dataset()
        return self.send("POST", [{"Datafile": {**self.build_file(), "name": f"{name}.nxs", "dataset": {"id": dataset}}}])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=2)
    options.add_argument("--files", type=int, default=300)
    options.add_argument("--writers", type=int, default=1)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    with Postgres() as postgres, Nats() as nats:
        facility = CatalogueFeed(postgres, options.files)
        facility.env |= nats.env
        index = facility.dir / "index"
        with facility, SearchProcess(facility, index) as one, SearchProcess(facility, index) as two:
            facility.up = threading.Event()
            facility.up.set()
            writers = [MarkerWriter(facility, number, options.seed) for number in range(options.writers)]
            for writer in writers:
                writer.start()
            started = time.monotonic()
            serving, waiting, longest = take_turns(facility, [one, two], options.kills, writers, chance)
            for writer in writers:
                writer.ended.set()
            for writer in writers:
                writer.join()
            assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]
            use_process(facility, serving)
            print(
                f"one index: {options.kills} kills in {time.monotonic() - started:.0f} s; the waiting process answered 503 and took over within "
                f"{longest:.1f} s",
                flush=True,
            )
            failures = []
            try:
                facility.wait_until_equal(SECONDS)
                print("one index: searches find the rows of the catalogue", flush=True)
            except AssertionError as e:
                # The other promises are checked all the same.
                failures.append(str(e))
                print(f"FAILED one index: {e}", flush=True)
            waiting.kill()
            before, after, status = check_new_index(facility, serving, writers, facility.dir / "other-index")
            print(
                f"another index: it has taken over the changes; the old process found {before} files before and {after} after, and answers "
                f"{status} after a restart",
                flush=True,
            )
            assert not failures, failures


if __name__ == "__main__":
    main()
