#!/usr/bin/env python3
"""32 writers and 32 readers at once on one catalogue, over SQLite and over PostgreSQL: no update is lost, of those who
fight over a row exactly one wins, what one request writes is never seen half, every answer is one that the interface
promises, and in the end there is exactly what was acknowledged, also after the server has been killed.

    tests/interop/icat/test_concurrent_writes.py [--minutes N]      PostgreSQL where TESTKIT_POSTGRES names a server
"""

# seconds: 10
# long: --minutes 5

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite

WRITERS = READERS = 32
PAIRS_ALIVE = 5
FACILITY = """
---
user: {r: {name: db/reader}}
facility: {f: {name: F}}
investigationType: {t: {facility: f, name: T}}
datasetType: {d: {facility: f, name: T}}
investigation: {i: {facility: f, name: I, title: t, type: t, visitId: V, investigationUsers: [{role: Member, user: r}]}}
rule:
  a: {crudFlags: R, what: "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]"}
  b: {crudFlags: R, what: "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]"}
"""
EXISTS, GONE = "OBJECT_ALREADY_EXISTS", "NO_SUCH_OBJECT_FOUND"


class Broken(Exception):
    pass


class Catalogue:
    """One client with a connection of its own."""

    def __init__(self, suite, session, run):
        self.suite, self.session, self.run = suite, session, run
        self.connection = http.client.HTTPConnection("127.0.0.1", suite.public, timeout=120)

    def call(self, kind, method, refusals=(), **fields):
        """The answer, or the code of one of the refusals that may be."""
        text = urllib.parse.urlencode({"sessionId": self.session, **fields})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        started = time.perf_counter()
        if method == "POST":
            self.connection.request("POST", "/icat/entityManager", text, form)
        else:
            self.connection.request(method, f"/icat/entityManager?{text}")
        answer = self.connection.getresponse()
        body = answer.read()
        self.run.times[kind].append(time.perf_counter() - started)
        if answer.status in (200, 204):
            return json.loads(body) if body else None
        code = json.loads(body).get("code")
        if answer.status >= 500 or code not in refusals or b"locked" in body:
            raise Broken(f"{kind}: {answer.status} {body.decode()}")
        self.run.refused[kind] += 1
        return code

    def search(self, kind, query):
        return self.call(kind, "GET", query=query)

    def write(self, kind, entities, refusals=()):
        return self.call(kind, "POST", refusals, entities=json.dumps(entities))

    def delete(self, kind, entities, refusals=()):
        return self.call(kind, "DELETE", refusals, entities=json.dumps(entities))


class Run:
    """What everybody does until the time is up, and what was acknowledged."""

    def __init__(self, suite, seconds):
        self.suite, self.seconds = suite, seconds
        self.end = threading.Event()
        self.times, self.refused = defaultdict(list), Counter()
        self.failures = []
        self.lock = threading.Lock()
        # Per writer: the number that it has raised its counter to, and how many pairs are there.
        self.counted, self.alive = [0] * WRITERS, [[] for _ in range(WRITERS)]
        # Names that are fought over: who has won, and who has removed the row again.
        self.round, self.trying, self.open = 0, Counter(), {}
        self.created, self.removed = defaultdict(list), defaultdict(list)
        self.half_seen = 0

    def thread(self, work, number, account):
        def body():
            try:
                work(Catalogue(self.suite, account, self), number, random.Random(f"{self.seed}-{work.__name__}-{number}"))
            except Exception as e:
                self.failures.append(f"{work.__name__} {number}: {type(e).__name__}: {e}")
                self.end.set()

        return threading.Thread(target=body)

    # Two writers share a row, each with an attribute of its own.
    def counter(self, number):
        return f"counter-{number // 2}", ["fileCount", "fileSize"][number % 2]

    def writer(self, catalogue, number, rng):
        name, attribute = self.counter(number)
        row = self.rows[name]
        serial, memberships = 0, []
        while not self.end.is_set():
            work = rng.choice(["count", "count", "fight", "fight", "pair", "member"])
            if work == "count":
                stored = catalogue.search("read counter", f"SELECT d.{attribute} FROM Dataset d WHERE d.id = {row}")
                if stored != [self.counted[number]]:
                    raise Broken(f"{name}.{attribute} is {stored}, acknowledged was {self.counted[number]}")
                catalogue.write("increment", {"Dataset": {"id": row, attribute: stored[0] + 1}})
                self.counted[number] += 1
            elif work == "fight":
                self.fight(catalogue, number, rng)
            elif work == "member":
                # What users may read is kept in rows of its own, which must follow.
                if memberships:
                    catalogue.delete("end membership", {"InvestigationUser": {"id": memberships.pop()}})
                else:
                    member = {"role": f"w{number}", "user": {"id": self.reader_id}, "investigation": {"id": self.investigation}}
                    memberships += catalogue.write("begin membership", {"InvestigationUser": member})
            else:
                alive = self.alive[number]
                if len(alive) == PAIRS_ALIVE:
                    gone = alive.pop(rng.randrange(len(alive)))
                    catalogue.delete("delete pair", [{"Dataset": {"id": id}} for id in gone])
                else:
                    alive.append(catalogue.write("create pair", [self.dataset(f"w{number:02}-{serial}-{half}") for half in "ab"]))
                    serial += 1

    def dataset(self, name):
        files = [{"name": f"{name}-{n}"} for n in range(3)]
        return {"Dataset": {"name": name, "type": {"id": self.kind}, "investigation": {"id": self.investigation},
                            "datafiles": files}}

    def fight(self, catalogue, number, rng):
        """Creates what others create at the same moment, or deletes what others delete."""
        with self.lock:
            # What somebody may still try to create is not removed, so that it cannot rightly be made a second time.
            removable = [(name, id) for name, id in self.open.items() if name < self.round and not self.trying[name]]
            removing = bool(removable) and rng.random() < 0.5
            target = self.round
            self.trying[target] += not removing
        if removing:
            name, id = rng.choice(removable[:2])
            if catalogue.delete("fight to delete", {"Grouping": {"id": id}}, [GONE]) != GONE:
                with self.lock:
                    self.removed[name].append(number)
            with self.lock:
                self.open.pop(name, None)
        else:
            created = catalogue.write("fight to create", {"Grouping": {"name": f"fight-{target}"}}, [EXISTS])
            with self.lock:
                if created != EXISTS:
                    self.created[target].append(number)
                    self.open[target] = created[0]
                self.trying[target] -= 1
                self.round = max(self.round, target + 1)

    def reader(self, catalogue, number, rng):
        while not self.end.is_set():
            other = rng.randrange(WRITERS)
            work = rng.choice(["pairs", "files", "counter"])
            if work == "pairs":
                found = catalogue.search("search with INCLUDE", f"SELECT d FROM Dataset d WHERE d.name LIKE 'w{other:02}-%' INCLUDE d.datafiles")
                names = set()
                for row in found:
                    dataset = row["Dataset"]
                    names.add(dataset["name"])
                    files = sorted(file["name"] for file in dataset["datafiles"])
                    if files != [f"{dataset['name']}-{n}" for n in range(3)]:
                        raise Broken(f"{dataset['name']} was seen with {files}")
                for name in names:
                    if name[:-1] + {"a": "b", "b": "a"}[name[-1]] not in names:
                        raise Broken(f"{name} was seen alone")
                self.half_seen += len(names)
            elif work == "files":
                [count] = catalogue.search("count", f"SELECT COUNT(f) FROM Datafile f WHERE f.dataset.name LIKE 'w{other:02}-%'")
                if count % 6:
                    raise Broken(f"{count} datafiles of writer {other} were seen")
            else:
                name, attribute = self.counter(other)
                acknowledged = self.counted[other]
                [seen] = catalogue.search("read counter", f"SELECT d.{attribute} FROM Dataset d WHERE d.id = {self.rows[name]}")
                if not acknowledged <= seen <= self.counted[other] + 1:
                    raise Broken(f"{name}.{attribute} was {seen}, acknowledged before was {acknowledged}")

    def prepare(self):
        suite = self.suite
        (suite.dir / "facility.yaml").write_text(FACILITY)
        suite.run("icat", "import", suite.dir / "facility.yaml")
        for account in ["simple/root", "db/reader"]:
            suite.add_user(account)
        suite.start()
        self.root, self.member = suite.login("simple/root"), suite.login("db/reader")
        [self.investigation] = suite.search(self.root, "SELECT i.id FROM Investigation i")
        [self.kind] = suite.search(self.root, "SELECT t.id FROM DatasetType t")
        [self.reader_id] = suite.search(self.root, "SELECT u.id FROM User u WHERE u.name = 'db/reader'")
        self.rows = {}
        catalogue = Catalogue(suite, self.root, self)
        for number in range(WRITERS // 2):
            row = {"name": f"counter-{number}", "fileCount": 0, "fileSize": 0, "type": {"id": self.kind},
                   "investigation": {"id": self.investigation}}
            [self.rows[row["name"]]] = catalogue.write("prepare", {"Dataset": row})
        self.times.clear()

    def go(self):
        self.seed = random.randrange(1 << 32)
        self.prepare()
        threads = [self.thread(self.writer, n, self.root) for n in range(WRITERS)]
        # Half of them see all, the others what a rule lets them.
        threads += [self.thread(self.reader, n, [self.root, self.member][n % 2]) for n in range(READERS)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        self.end.wait(self.seconds)
        self.end.set()
        for thread in threads:
            thread.join()
        elapsed = time.monotonic() - started
        assert not self.failures, "\n".join([f"seed {self.seed}", *self.failures])
        log = self.suite.log.read_text()
        for words in ["database is locked", "panicked", "deadlock detected"]:
            assert words not in log, words
        self.compare()
        self.suite.kill()
        self.suite.run("icat", "verify")
        self.suite.start()
        self.root = self.suite.login("simple/root")
        self.compare()
        return elapsed

    def compare(self):
        """What is stored is what was acknowledged."""
        search = lambda query: self.suite.search(self.root, query)  # noqa: E731
        for number in range(WRITERS):
            name, attribute = self.counter(number)
            stored = search(f"SELECT d.{attribute} FROM Dataset d WHERE d.id = {self.rows[name]}")
            assert stored == [self.counted[number]], (name, attribute, stored, self.counted[number])
        expected = sorted(id for alive in self.alive for pair in alive for id in pair)
        assert sorted(search("SELECT d.id FROM Dataset d WHERE d.name LIKE 'w%'")) == expected
        assert search("SELECT COUNT(f) FROM Datafile f") == [3 * len(expected)]
        won = {n: winners for n, winners in self.created.items() if len(winners) != 1}
        assert not won, f"not exactly one winner: {won}"
        assert sorted(self.created) == list(range(self.round)), "a name that nobody won"
        assert all(len(removers) == 1 for removers in self.removed.values()), self.removed
        left = sorted(f"fight-{n}" for n in self.created if n not in self.removed)
        assert sorted(name for name in search("SELECT g.name FROM Grouping g")) == left
        total = sum(self.counted)
        assert total > 0 and self.half_seen > 0 and self.created and self.removed, "too little was done to show anything"

    def report(self, engine, elapsed):
        total = sum(map(len, self.times.values()))
        print(f"{engine}: {total} requests in {elapsed:.0f} s ({total / elapsed:.0f}/s), seed {self.seed}; "
              f"{sum(self.counted)} increments, {len(self.created)} fights to create, {len(self.removed)} to delete, "
              f"{sum(self.refused.values())} losers; {self.half_seen} rows seen whole")
        for kind, times in sorted(self.times.items()):
            times.sort()
            p50, p99 = (times[min(len(times) - 1, int(len(times) * share))] * 1000 for share in (0.5, 0.99))
            print(f"  {kind:20} {len(times):7} p50 {p50:8.1f} ms  p99 {p99:8.1f} ms  slowest {times[-1] * 1000:8.1f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, help="for each engine; four seconds if not given")
    options = parser.parse_args()
    seconds = options.minutes * 60 if options.minutes else 4
    server = os.environ.get("TESTKIT_POSTGRES")
    for engine in ["SQLite"] + ["PostgreSQL"] * bool(server):
        with Suite() as suite:
            suite.env["UNDULATOR_HTTP__LIMITS__RATE"] = "0"
            database = f"concurrency_{uuid.uuid4().hex}"
            if engine == "PostgreSQL":
                subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE {database}"], check=True)
                suite.env["UNDULATOR_DATABASE__URL"] = f"{server.rsplit('/', 1)[0]}/{database}"
            run = Run(suite, seconds)
            run.report(engine, run.go())
            suite.kill()
            if engine == "PostgreSQL":
                subprocess.run(["psql", "-q", server, "-c", f"DROP DATABASE {database} WITH (FORCE)"], check=True)
    if not server:
        print("PostgreSQL: TESTKIT_POSTGRES names no server")


if __name__ == "__main__":
    main()
