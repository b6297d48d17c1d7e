"""The search in the embedded catalogue: how fast rows of the catalogue become searchable, and times of searches of `/search/v1` for
root, for a member of every twentieth investigation, and for a member of one."""

import http.client
import json
import sqlite3
import sys
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop/lib"), str(ROOT / "bench/lib"), str(ROOT / "bench/icat")]
import suite as interop  # noqa: E402

from client import Client  # noqa: E402
from facility import MEMBER, PER_FILE, dump  # noqa: E402
from measuring import cpu, percentile  # noqa: E402

ONE = "db/one"
FACETS = [{"field": "datafileFormat.name"}, {"field": "instrument.name"}]
SEARCHES = {
    "directory": ("datafiles", {"path": "MX-0/scan-001"}),
    "pattern": ("datafiles", {"path": "MX-0/**/frame_00*.h5"}),
    "ending in a tree": ("datafiles", {"path": "**/*.h5"}),
    "beginning and ending of a name": ("datafiles", {"path": "**/frame_00*.h5"}),
    "part of a name": ("datafiles", {"path": "*ame_004*"}),
    "two words": ("datafiles", {"text": "dataset.name:\"scan 003\" AND name:\"frame_0042.h5\""}),
    "range of a parameter": ("datasets", {"parameters": [{"name": "energy", "from": 40, "to": 100}]}),
    "all files": ("datafiles", {}),
    "all files with facets": ("datafiles", {"facets": FACETS}),
}


def fill(suite, size):
    for first in range(0, size, PER_FILE):
        file = suite.dir / "facility.xml"
        with file.open("w") as out:
            dump(out, first, min(size, first + PER_FILE))
        suite.run("--json", "icat", "import", file)
        file.unlink()


def count_waiting(database):
    """Rows that are not searchable yet, and how many were read."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        waiting, = connection.execute(
            "SELECT (SELECT COUNT(*) FROM catalogue_scan WHERE state <> 'done') + (SELECT COUNT(*) FROM change_batch)").fetchone()
        scans, rows = connection.execute("SELECT COUNT(*), SUM(rows_read) FROM catalogue_scan").fetchone()
        return (waiting if scans else 1), rows or 0
    except sqlite3.OperationalError:
        return 1, 0
    finally:
        connection.close()


def measure_scan(suite):
    """Seconds from the start until everything is searchable, the number of rows, and seconds of processor time."""
    started = time.perf_counter()
    suite.start()
    database = suite.dir / "databases/search.db"
    while True:
        waiting, rows = count_waiting(database)
        if not waiting:
            return time.perf_counter() - started, rows, cpu(suite.server.pid) / 1000
        time.sleep(0.05)


def measure_searches(suite, seconds):
    print("\n| search | user | found | p50, ms | p99, ms | to root |\n|---|---|---|---|---|---|")
    sessions = {account: suite.login(account) for account in ["simple/root", MEMBER, ONE]}
    connection = http.client.HTTPConnection("127.0.0.1", urllib.parse.urlsplit(suite.url).port)
    for name, (entities, body) in SEARCHES.items():
        of_root = None
        for account, session in sessions.items():
            times, found = [], 0
            end = time.perf_counter() + seconds
            while len(times) < 5 or time.perf_counter() < end:
                headers = {"Content-Type": "application/json", "Authorization": f"Bearer {session}"}
                before = time.perf_counter()
                connection.request("POST", f"/search/v1/{entities}", json.dumps({**body, "sort": "newest"}), headers)
                response = connection.getresponse()
                text = response.read()
                times.append((time.perf_counter() - before) * 1000)
                assert response.status == 200, text[:300]
                found = json.loads(text)["total"]
            median = percentile(times, 0.5)
            of_root = of_root or median
            print(f"| {name} | {account} | {found:,} | {median:.1f} | {percentile(times, 0.99):.1f} | ×{median / of_root:.1f} |", flush=True)


def measure_catalogue(program, files, seconds):
    suite = interop.Suite(program)
    suite.env["UNDULATOR_HTTP__LIMITS__RATE"] = "0"
    with suite:
        fill(suite, files)
        for account in ["simple/root", MEMBER, ONE]:
            suite.add_user(account)
        suite.env["UNDULATOR_ICAT__READER"] = f"simple:root:{suite.passwords['simple/root']}"
        took, rows, used = measure_scan(suite)
        print(f"\n{files:,} datafiles in the catalogue: {rows:,} rows searchable after {took:.1f} s: {rows / took:,.0f} rows/s, {used:.0f} s of "
              f"processor time, memory {int(Path(f'/proc/{suite.server.pid}/statm').read_text().split()[1]) * 4096 / 1e6:.0f} MB", flush=True)
        root = Client(suite.url, suite.login("simple/root"))
        user = root.create([{"User": {"name": ONE, "fullName": "One"}}])[1][0]
        first = root.search("SELECT MIN(i.id) FROM Investigation i")[0]
        root.create([{"InvestigationUser": {"role": "Member", "user": {"id": user}, "investigation": {"id": first}}}])
        measure_searches(suite, seconds)
