#!/usr/bin/env python3
"""Benchmark of the logbook with growing sizes: lists, counts and searches for a member and an administrator, creation of
entries, and a thousand live readers. Lists are compared with the same statement in plain SQL on the same rows (Python's
sqlite3, or psql), creation with inserting the same rows by sqlite3 or pgbench. Prints the query plan of each statement.
The benchmark has no pass or fail.

    python3 bench/logbook [--sizes 10000,100000,1000000] [--ten-million] [--engines sqlite,postgres] [--seconds 3]
                          [--program FILE] [--only lists,creates,live,plans]

PostgreSQL is measured if TESTKIT_POSTGRES names a server. Builds the release program unless --program names one.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop/lib"), str(ROOT / "bench/lib")]

import live  # noqa: E402
import plans  # noqa: E402
import questions  # noqa: E402
import writes  # noqa: E402
from facility import Facility, fill, following, prove, verify  # noqa: E402
from rows import TABLES  # noqa: E402
from stores import Postgres, Sqlite  # noqa: E402
from texts import Texts  # noqa: E402


def measure(facility, engine, size, options, is_last):
    texts = Texts(size)
    print(f"\n{engine.name}, {size:,} entries", flush=True)
    facility.open()
    prove(facility, engine, texts)
    books, sample = fill(facility, engine, size, texts)
    if engine.name == "SQLite" and size <= 10_000:
        engine.check()
    facility.start()
    sessions = facility.sessions()
    verify(facility, engine, books, sample, sessions["admin"])
    large = books.books[f"investigation/{facility.big}"]
    rows = engine.values("SELECT id, at FROM entry WHERE book_id = $1 ORDER BY id LIMIT 1 OFFSET $2", [large.number, large.records // 2])
    asked = questions.questions(facility, engine, books, rows[0])
    results = {}
    if "plans" in options.only:
        results["plans"] = plans.report(facility, engine, asked, sessions)
    if "lists" in options.only:
        results["lists"] = questions.measure(facility, engine, asked, sessions, options.seconds)
    if "creates" in options.only:
        results["creates"] = creates(facility, engine, texts, options.seconds)
        again = [question for question in asked if question.name.startswith("search")]
        if "lists" in options.only:
            print("  the same searches after these creates", flush=True)
            results["after"] = questions.measure(facility, engine, again, sessions, options.seconds / 2)
    if "live" in options.only and is_last:
        for logbooks in (20, 1):
            found = live.measure(facility, texts, sessions["admin"], logbooks, seconds=options.live_seconds)
            print("  live: " + ", ".join(f"{name} {short(value)}" for name, value in found.items()), flush=True)
    facility.kill()
    if "creates" in options.only:
        results["plain"] = engine.create_plainly(options.seconds * 3, by_hand(facility, engine, texts))
        for name, (timed, rate) in results["plain"].items():
            print(f"  the same rows by {name}: {rate:.0f}/s, {timed.p50:.2f} / {timed.p99:.2f} ms", flush=True)
    return results


def creates(facility, engine, texts, seconds):
    found = {}
    # The first ones find out which investigations there are.
    writes.paced(facility, texts, 2, 10, rate=20)
    for logbooks in (10, 1):
        due, sent = writes.paced(facility, texts, max(10, seconds * 5), logbooks)
        print(f"  200 creates a second in {logbooks} logbooks: {due.p50:.2f} / {due.p99:.2f} ms, at most {due.most:.0f}; from sending {sent.p50:.2f} / "
              f"{sent.p99:.2f} ms; {due.cpu:.2f} ms of processor time each ({due.n} of them)", flush=True)
        found["200/s", logbooks] = due
    for clients in (1, 8, 32):
        one = writes.greedy(facility, texts, seconds * 2, clients)
        print(f"  {clients} clients that wait for answers only: {one['rate']:.0f}/s, {one['p50']:.2f} / {one['p99']:.2f} ms, {one['cpu']:.2f} ms of processor "
              "time each", flush=True)
        found[clients] = one
    found["flushes"] = writes.flushes(facility, engine, texts)
    print(f"  flushes of one create: {found['flushes']}", flush=True)
    return found


def by_hand(facility, engine, texts):
    """Makes the rows of one more entry of the large logbook."""
    engine.open()
    books = following(facility, engine)
    numbers = iter(range(10**9))

    def make():
        n = next(numbers)
        event = texts.notification() | facility.place(0) | {"at": facility.end + n}
        out = {table: [] for table in TABLES}
        books.add(f"ffffffff{n:016x}", event, facility.end + n, "simple/acquisition", out)
        own = [books.books[f"investigation/{facility.big}"], books.books[f"instrument/{facility.names[0].lower()}"]]
        return out, own

    return make


def short(value):
    return str(value) if isinstance(value, int) else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def table(engine, sizes, results):
    if all("lists" in results[size] for size in sizes):
        print(f"\n| {engine} | who |" + "".join(f" {size:,} |" for size in sizes) + f" growth of p50 | {engine_source(engine)} | ratio |")
        print("|" + "---|" * (len(sizes) + 5))
        labels = [(number, list(results[size]["lists"])) for number, size in enumerate(sizes)]
        for place, (name, who) in enumerate(labels[-1][1]):
            ours = [results[size]["lists"][labels[number][1][place]] for number, size in enumerate(sizes)]
            cells = "".join(f" {short(timed.p50)} / {short(timed.p99)} |" for timed, _ in ours)
            hand = ours[-1][1].p50
            print(f"| {name} | {who} |{cells} ×{ours[-1][0].p50 / ours[0][0].p50:.1f} | {short(hand)} | {ours[-1][0].p50 / hand:.1f} |")
    if all("creates" in results[size] for size in sizes):
        print(f"\n| {engine}, creates |" + "".join(f" {size:,} |" for size in sizes) + "\n|" + "---|" * (len(sizes) + 1))
        cell = lambda one: f" {short(one.p50)} / {short(one.p99)} |"  # noqa: E731
        for logbooks in (10, 1):
            print(f"| 200 a second in {logbooks} logbooks |" + "".join(cell(results[size]["creates"]["200/s", logbooks]) for size in sizes))
        for clients in (1, 8, 32):
            ones = [results[size]["creates"][clients] for size in sizes]
            print(f"| {clients} clients |" + "".join(f" {one['rate']:.0f}/s, {short(one['p50'])} / {short(one['p99'])} |" for one in ones))
        for name in results[sizes[0]]["plain"]:
            ones = [results[size]["plain"][name] for size in sizes]
            print(f"| {name} client |" + "".join(f" {rate:.0f}/s, {short(timed.p50)} / {short(timed.p99)} |" for timed, rate in ones))
    print("milliseconds, p50 / p99; the ratio is of p50 at the largest size\n", flush=True)


def engine_source(engine):
    return "sqlite3" if engine == "SQLite" else "psql"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--ten-million", action="store_true")
    parser.add_argument("--engines", default="sqlite,postgres")
    parser.add_argument("--seconds", type=float, default=3, help="how long each question is repeated")
    parser.add_argument("--live-seconds", type=float, default=60)
    parser.add_argument("--only", default="plans,lists,creates,live")
    parser.add_argument("--program", type=Path)
    options = parser.parse_args()
    options.only = options.only.split(",")
    sizes = [int(size) for size in options.sizes.split(",")] + [10_000_000] * options.ten_million
    subprocess.run(["bash", "-c", ". scripts/lib/install.sh; install_packages wrk strace"], cwd=ROOT, check=True)
    if not options.program:
        subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "undulator"], cwd=ROOT, check=True)
    program = (options.program or ROOT / "target/release/undulator").resolve()
    server = os.environ.get("TESTKIT_POSTGRES")
    for kind in options.engines.split(","):
        if kind == "postgres" and not server:
            continue
        results = {}
        for size in sizes:
            postgres = Postgres(server) if kind == "postgres" else None
            try:
                with Facility(program, postgres.env if postgres else {}) as facility:
                    results[size] = measure(facility, postgres or Sqlite(facility), size, options, size == sizes[-1])
            finally:
                if postgres:
                    postgres.drop()
        table("PostgreSQL" if postgres else "SQLite", sizes, results)


if __name__ == "__main__":
    main()
