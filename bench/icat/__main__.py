#!/usr/bin/env python3
"""Benchmark of the catalogue with growing sizes: speed of the import, and time of typical queries for root and for a user
who may read a part of the rows. Each figure is compared with the same statement in plain SQL on the same rows (Python's
sqlite3, or psql); the ratio shows the cost of HTTP, rules and JSON. The benchmark has no pass or fail.

    python3 bench/icat [--sizes 10000,100000,1000000] [--ten-million] [--engines sqlite,postgres] [--seconds 5] [--program FILE]

With --large-changes, rights of very many rows are changed at once, beside a reader.

With --old or --peer, the same requests are sent to two servers in turn, and the ratio of their rates is printed:

    python3 bench/icat --old FILE                    another build of Undulator, on each engine
    python3 bench/icat --peer http://icat.example.org:8080 --peer-root simple:root:secret --peer-member db:alice:secret

The peer is a server with ICAT's interface and an empty catalogue. It is filled through the interface, and so is Undulator,
which runs with SQLite. The rows stay in the peer for the next run. Both use the first of the sizes, 10,000 or 100,000 say.

PostgreSQL is measured if TESTKIT_POSTGRES names a server. Builds the release binary unless --program names one.
"""

import argparse
import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop/lib"), str(ROOT / "bench/lib")]
import suite as interop  # noqa: E402

from client import Client  # noqa: E402
from facility import MEMBER, NEW, PER_DATASET, PER_FILE, PER_INVESTIGATION, Picks, dump  # noqa: E402
from large_changes import measure_large_changes  # noqa: E402
from plain_sql import Postgres, Sqlite, plain_statements  # noqa: E402
from questions import COUNT, DATASET, fixed_requests, questions  # noqa: E402
from side_by_side import Side, compare  # noqa: E402
from timing import Timed, Watch, short, wrk  # noqa: E402


def fill(suite, size):
    """Seconds, rows, peak memory (MB) and seconds of processor time of the import, in parts if it is large."""
    seconds = rows = peak = used = 0
    for first in range(0, size, PER_FILE):
        file = suite.dir / "facility.xml"
        with file.open("w") as out:
            rows += dump(out, first, min(size, first + PER_FILE))
        command = [suite.program, "--json", "icat", "import", file]
        started = time.perf_counter()
        process = subprocess.Popen(command, env=suite.env, cwd=suite.dir, stdout=subprocess.DEVNULL)
        watch = Watch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds += time.perf_counter() - started
        assert status == 0, "the import failed"
        peak = max(peak, watch.stop())
        used += usage.ru_utime + usage.ru_stime
        file.unlink()
    return seconds, rows, peak, used


def start_with_accounts(suite):
    for account in ["simple/root", MEMBER]:
        suite.add_user(account)
    suite.start()


def measure(suite, engine, size, seconds):
    """Measured values by the names of user and statement."""
    results = {}
    took, rows, peak, used = fill(suite, size)
    engine.settle()
    engine.open()
    plain = engine.fill_plain()
    beside = f"; plain INSERT of the datafiles: {plain:,.0f} rows/s" if plain else ""
    print(f"{engine.name}, {size:,} datafiles: import of {rows:,} rows in {took:.1f} s: {rows / took:,.0f} rows/s, "
          f"{used:.1f} s of processor time, peak memory {peak:.0f} MB, database {engine.size():.0f} MB{beside}", flush=True)
    start_with_accounts(suite)
    sessions = {"root": suite.login("simple/root"), "member": suite.login(MEMBER)}
    root = Client(suite.url, sessions["root"])
    for who, session in sessions.items():
        client = Client(suite.url, session)
        picks = Picks(client, root)
        by_hand = {name: engine.timed(seconds, make) for name, make in plain_statements(who, picks).items()}
        for rows in (1, NEW):
            by_hand[f"create {rows}"] = engine.timed_creation(seconds, picks.target, rows)
        floor = Timed(min(seconds, 1), lambda: client.call("GET", "/icat/version", {})[0])
        results[who, "floor"] = (floor, None)
        assert client.search(COUNT) == engine.values(plain_statements(who, picks)["count"]()), "the plain statement counts other rows"
        assert len(client.search(DATASET.format(picks.datasets[0]))) == PER_DATASET
        for name, call in questions(client, root, picks, who).items():
            # The processor time of creation would contain that of the removal.
            pid = None if name.startswith("create") else suite.server.pid
            results[who, name] = (Timed(seconds, call, pid), by_hand[name])
            timed, hand = results[who, name]
            print(f"  {who:6} {name:22} p50 {timed.p50:9.2f} ms  p99 {timed.p99:9.2f} ms  ({timed.n} calls, "
                  f"{'' if timed.cpu is None else f'{timed.cpu:.2f} ms of processor time each'}); "
                  f"{engine.source}: p50 {hand.p50:9.2f} ms  p99 {hand.p99:9.2f} ms", flush=True)
        for name, fields in fixed_requests(picks).items():
            query = urllib.parse.urlencode({"sessionId": session, **fields})
            rate, p99 = wrk(f"{suite.url}/icat/entityManager?{query}", seconds, 8)
            print(f"  {who:6} {name:22} 8 clients (wrk): {rate:8.0f} requests/s, p99 {p99:.2f} ms", flush=True)
    suite.kill()
    return results


def table(engine, sizes, results):
    head = "".join(f" {size:,} p50 / p99 |" for size in sizes)
    print(f"\n| {engine} | user |{head} growth | {'sqlite3' if engine == 'SQLite' else 'psql'} | ratio |")
    print("|" + "---|" * (len(sizes) + 5))
    for who, name in results[sizes[0]]:
        ours = [results[size][who, name][0] for size in sizes]
        hand = results[sizes[-1]][who, name][1]
        cells = "".join(f" {short(timed.p50)} / {short(timed.p99)} |" for timed in ours)
        beside = f" {short(hand.p50)} | {ours[-1].p50 / hand.p50:.1f} |" if hand else " | |"
        label = "an empty question (`/icat/version`)" if name == "floor" else name
        print(f"| {label} | {who} |{cells} ×{ours[-1].p50 / ours[0].p50:.1f} |{beside}")
    print("milliseconds; growth and ratio are of p50, the ratio at the largest size\n", flush=True)


class Server:
    """A catalogue of its own for one run, on either engine."""

    def __init__(self, program, kind):
        self.program, self.kind = program, kind

    def __enter__(self):
        self.suite = interop.Suite(self.program)
        self.engine = Sqlite(self.suite) if self.kind == "sqlite" else Postgres(os.environ["TESTKIT_POSTGRES"])
        # The benchmark sends more requests than a user would.
        self.suite.env.update({**self.engine.env, "UNDULATOR_HTTP__LIMITS__RATE": "0"})
        return self

    def __exit__(self, *_):
        self.suite.__exit__()
        if self.kind == "postgres":
            self.engine.drop()

    def start_side(self, name):
        start_with_accounts(self.suite)
        accounts = {who: [*account.split("/"), self.suite.passwords[account]] for who, account in [("root", "simple/root"), ("member", MEMBER)]}
        return Side(name, self.suite.url, accounts, self.suite)


def compare_builds(old, new, kind, size, seconds):
    with Server(old, kind) as first, Server(new, kind) as second:
        sides = []
        for server, name in [(first, "old"), (second, "new")]:
            took, rows, peak, _ = fill(server.suite, size)
            server.engine.settle()
            print(f"{server.engine.name}, {name}: import of {rows:,} rows in {took:.1f} s: {rows / took:,.0f} rows/s, {peak:.0f} MB", flush=True)
            sides.append(server.start_side(name))
        compare(*sides, seconds)


def compare_with_peer(options, program, size):
    accounts = {"root": options.peer_root.split(":", 2), "member": options.peer_member.split(":", 2)}
    peer = Side("peer", options.peer, accounts)
    with Server(program, "sqlite") as server:
        ours = server.start_side("Undulator")
        for side in (peer, ours):
            started = time.perf_counter()
            side.load(size)
            print(f"{side.name}: {size:,} datafiles created in {time.perf_counter() - started:.1f} s", flush=True)
        compare(peer, ours, options.seconds)


def change_rights(program, kind):
    with Server(program, kind) as server:
        measure_large_changes(server.suite, server.engine)


def measure_growth(program, kind, sizes, seconds):
    results = {}
    for size in sizes:
        assert size % PER_INVESTIGATION == 0, f"sizes are multiples of {PER_INVESTIGATION}"
        with Server(program, kind) as server:
            results[size] = measure(server.suite, server.engine, size, seconds)
            name = server.engine.name
    table(name, sizes, results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--ten-million", action="store_true")
    parser.add_argument("--engines", default="sqlite,postgres")
    parser.add_argument("--seconds", type=float, default=5, help="how long each statement is repeated")
    parser.add_argument("--large-changes", action="store_true", help="only change rights of many rows")
    parser.add_argument("--program", type=Path)
    parser.add_argument("--old", type=Path, help="another build to compare with")
    parser.add_argument("--peer", help="URL of another server to compare with, without /icat")
    parser.add_argument("--peer-root", help="plugin:name:password of an account that may do everything")
    parser.add_argument("--peer-member", help="the same of a user")
    options = parser.parse_args()
    if options.peer and not (options.peer_root and options.peer_member):
        parser.error("--peer needs --peer-root and --peer-member")
    sizes = [int(size) for size in options.sizes.split(",")] + [10_000_000] * options.ten_million
    subprocess.run(["bash", "-c", ". scripts/lib/install.sh; install_packages wrk"], cwd=ROOT, check=True)
    if not options.program:
        subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "undulator"], cwd=ROOT, check=True)
    program = (options.program or ROOT / "target/release/undulator").resolve()
    if options.peer:
        return compare_with_peer(options, program, sizes[0])
    for kind in options.engines.split(","):
        if kind == "postgres" and not os.environ.get("TESTKIT_POSTGRES"):
            continue
        if options.large_changes:
            change_rights(program, kind)
        elif options.old:
            compare_builds(options.old.resolve(), program, kind, sizes[0], options.seconds)
        else:
            measure_growth(program, kind, sizes, options.seconds)


if __name__ == "__main__":
    main()
