#!/usr/bin/env python3
"""Benchmark of the search behind an icat.server: how fast datafiles are taken and become searchable, and times of searches.

    python3 bench/search [--files 1000000 …] [--ten-million] [--seconds 3] [--program FILE]
    python3 bench/search --catalogue       searches of users in the embedded catalogue

The requests are those that an icat.server sends to icat.lucene. Rates are compared with those of icat.lucene 4.0 in front of
icat.server 6.2 on two cores, with 104,000 datafiles: 21,000 documents/s with `addNow`, 12,600 operations/s with `modify`,
searches through icat.server 51 to 80 ms. Builds the release binary unless --program names one. The benchmark has no pass or
fail.
"""

import argparse
import http.client
import json
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop/lib"), str(ROOT / "bench/lib")]
import suite as interop  # noqa: E402

from catalogue import measure_catalogue  # noqa: E402
from files import datafile, searches  # noqa: E402
from measuring import cpu, percentile  # noqa: E402

LUCENE_ADDED, LUCENE_MODIFIED = 21_000, 12_600
ADDED_AT_ONCE, MODIFIED_AT_ONCE, MODIFIED = 10_000, 500, 50_000
FIELDS = ["id", "name", "location", "date", "fileSize", "dataset.id", "dataset.name", "investigation.id", "visitId",
          "datafileFormat.name", "sample.name", "InvestigationInstrument instrument.id"]


class Engine:
    """Sends requests as an icat.server does, over one connection."""

    def __init__(self, suite):
        self.connection = http.client.HTTPConnection("127.0.0.1", suite.internal)

    def post(self, path, body=None):
        self.connection.request("POST", f"/icat.lucene/{path}", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        text = response.read()
        assert response.status in (200, 204), (path, response.status, text[:300])
        return json.loads(text) if text else None


def add_files(engine, first, last):
    """Seconds until the server has accepted the documents, and until all are searchable; without making them."""
    engine.post("lock/Datafile?delete=false&minId=" + str(first))
    sending = 0.0
    started = None
    for start in range(first, last, ADDED_AT_ONCE):
        body = json.dumps([datafile(number) for number in range(start, min(last, start + ADDED_AT_ONCE))])
        before = time.perf_counter()
        started = started or before
        engine.post("addNow/Datafile", body)
        sending += time.perf_counter() - before
    before = time.perf_counter()
    engine.post("unlock/Datafile")
    return sending, sending + time.perf_counter() - before


def modify_files(engine, files):
    """Seconds to replace files, in batches with a commit each, as icat.server does it; and how many."""
    count = min(MODIFIED, files)
    taken = 0.0
    for start in range(0, count, MODIFIED_AT_ONCE):
        operations = []
        for number in range(start, start + MODIFIED_AT_ONCE):
            document = {**datafile(number), "description": "changed"}
            operations.append({"update": {"_index": "Datafile", "_id": document["id"], "doc": document}})
        body = json.dumps(operations)
        before = time.perf_counter()
        engine.post("modify", body)
        if start % (10 * MODIFIED_AT_ONCE) == 9 * MODIFIED_AT_ONCE:
            engine.post("commit")
        taken += time.perf_counter() - before
    before = time.perf_counter()
    engine.post("commit")
    return taken + time.perf_counter() - before, count


def size_of(directory):
    return sum(file.stat().st_size for file in Path(directory).rglob("*") if file.is_file())


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def measure(program, files, seconds):
    suite = interop.Suite(program)
    suite.services = ["search"]
    suite.env["UNDULATOR_HTTP__LIMITS__RATE"] = "0"
    with suite:
        suite.start()
        engine = Engine(suite)
        before = cpu(suite.server.pid)
        accepted, searchable = add_files(engine, 0, files)
        used = (cpu(suite.server.pid) - before) / 1000
        size = size_of(suite.dir / "databases/search")
        print(f"\n{files:,} datafiles: accepted {files / accepted:,.0f}/s (×{files / accepted / LUCENE_ADDED:.1f} of icat.lucene), "
              f"searchable {files / searchable:,.0f}/s, {used:.0f} s of processor time, {size / files:.0f} bytes each, "
              f"memory {resident(suite.server.pid):.0f} MB", flush=True)
        taken, count = modify_files(engine, files)
        print(f"{count:,} files changed and searchable again: {count / taken:,.0f}/s (×{count / taken / LUCENE_MODIFIED:.1f})", flush=True)
        print("\n| search | found | p50, ms | p99, ms | facet, p50, ms |\n|---|---|---|---|---|")
        for name, query in searches(files).items():
            body = json.dumps({"query": query, "fields": FIELDS})
            sort = urllib.parse.quote(json.dumps({"date": "desc"}))
            times, found = [], 0
            end = time.perf_counter() + seconds
            while len(times) < 5 or time.perf_counter() < end:
                before = time.perf_counter()
                found = engine.post(f"datafile?maxResults=100&sort={sort}", body)["total"]
                times.append((time.perf_counter() - before) * 1000)
            facets = []
            if "filter" not in query and "text" not in query:
                facet = json.dumps({"query": {}, "dimensions": [{"dimension": "datafileFormat.name"}]})
                for _ in range(5):
                    before = time.perf_counter()
                    engine.post("Datafile/facet?maxResults=1000&maxLabels=10", facet)
                    facets.append((time.perf_counter() - before) * 1000)
            counted = f"{percentile(facets, 0.5):.1f}" if facets else ""
            print(f"| {name} | {found:,} | {percentile(times, 0.5):.1f} | {percentile(times, 0.99):.1f} | {counted} |", flush=True)
        print(f"\nmemory at the end: {resident(suite.server.pid):.0f} MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, nargs="+", default=[1_000_000], help="one run for each number of datafiles")
    parser.add_argument("--ten-million", action="store_true")
    parser.add_argument("--seconds", type=float, default=3, help="how long each search is repeated")
    parser.add_argument("--catalogue", action="store_true", help="searches of users in the embedded catalogue")
    parser.add_argument("--program", type=Path)
    options = parser.parse_args()
    if not options.program:
        subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "undulator"], cwd=ROOT, check=True)
    for files in options.files + [10_000_000] * options.ten_million:
        program = (options.program or ROOT / "target/release/undulator").resolve()
        (measure_catalogue if options.catalogue else measure)(program, files, options.seconds)


if __name__ == "__main__":
    main()
