#!/usr/bin/env python3
"""A storage that hangs fills its own pool and nothing else: further downloads are told soon to come back, logins,
searches and readiness go on, and when the storage comes back everything goes on. The hang is real: this process holds
a lease on the file, and the kernel lets nobody open it. A storage that hangs when the server starts does not hold up the start;
there strace holds up how each thread resolves the path of its root for the first time."""

# mostly-waits: for a storage that hangs
# seconds: 27

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite

THREADS, QUEUE = 2, 2
GUARD = 20
HANG_SECONDS = 15
FACILITY = """
---
facility: {f: {name: F}}
investigationType: {t: {facility: f, name: T}}
investigation: {i: {facility: f, name: I, title: t, type: t, visitId: V}}
"""


def read_metric(suite, name):
    """The value of a series of /metrics."""
    status, _, body = suite.request("GET", "/metrics", internal=True)
    assert status == 200, status
    for line in body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split(" ")[1])
    return None


def wait_until(what, check):
    """Looks again and again; fails by name if it does not come about."""
    deadline = time.monotonic() + GUARD
    while not check():
        assert time.monotonic() < deadline, f"not so within {GUARD} s: {what}"


def has_lease(file):
    """A lease on a file that nobody else has open."""
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        return True
    except BlockingIOError:
        return False


def check_hang_at_start(suite, fetch):
    """How long the start took, and the answers until the storage was there."""
    suite.kill()
    # How a path is resolved; what is done with the root later goes another way.
    calls = "readlink"
    hang = f"inject={calls}:delay_enter={HANG_SECONDS * 1_000_000}:when=1"
    started = time.monotonic()
    suite.start("strace", "-f", "-qq", "-o", "/dev/null", "-P", suite.files, "-e", f"trace={calls}", "-e", hang)
    took = time.monotonic() - started
    assert took < HANG_SECONDS, f"the start waited {took:.1f} s for the storage"
    session = suite.login("simple/root")
    status, headers, body = fetch("fine", session)
    assert (status, headers["Retry-After"]) == (503, "10"), (status, body)
    assert json.loads(body)["code"] == "DataNotOnlineException", body
    assert suite.request("GET", "/health/ready", internal=True)[0] == 200
    wait_until("the storage answers", lambda: fetch("fine", session)[0] == 200)
    return took


def main():
    # The kernel tells the holder of a lease that somebody wants the file; that is the point here.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    with Suite() as suite:
        suite.env |= {
            "UNDULATOR_STORAGE__MAIN__THREADS": str(THREADS),
            "UNDULATOR_STORAGE__MAIN__QUEUE": str(QUEUE),
        }
        (suite.files / "run" / "ds").mkdir(parents=True)
        for name in ["hung", "fine"]:
            (suite.files / "run" / "ds" / name).write_bytes(os.urandom(100_000))
        facility = suite.dir / "facility.yaml"
        facility.write_text(FACILITY)
        suite.add_user("simple/root")
        suite.run("icat", "import", facility)
        suite.run("icat", "ingest", suite.files / "run", "--investigation", "I")
        suite.start()
        session = suite.login("simple/root")

        ids = dict(suite.search(session, "SELECT f.name, f.id FROM Datafile f"))

        def fetch_file(name, session=session):
            return suite.request("GET", "/ids/getData", {"sessionId": session, "datafileIds": ids[name]})

        assert fetch_file("hung")[0] == 200, "the control: before the hang it is served"
        lease = os.open(suite.files / "run" / "ds" / "hung", os.O_RDWR)
        wait_until("the server has closed the file", lambda: has_lease(lease))

        answers = []
        blocked = [threading.Thread(target=lambda: answers.append(fetch_file("hung")[0])) for _ in range(THREADS + QUEUE)]
        for thread in blocked:
            thread.start()
        pool = '{pool="storage.main"}'
        wait_until("the pool is full", lambda: (
            read_metric(suite, "undulator_pool_running" + pool), read_metric(suite, "undulator_pool_waiting" + pool)
        ) == (THREADS, QUEUE))
        assert read_metric(suite, "undulator_pool_places" + pool) == THREADS + QUEUE

        refused = []
        for name in ["fine", "hung", "fine"]:
            started = time.monotonic()
            status, headers, body = fetch_file(name)
            refused.append(time.monotonic() - started)
            assert (status, headers["Retry-After"]) == (503, "5"), (status, body)
            assert json.loads(body)["code"] == "DataNotOnlineException", body
        assert read_metric(suite, "undulator_pool_refused_total" + pool) == 3
        logins = [suite.login("simple/root") for _ in range(5)]
        assert len(set(logins)) == 5
        assert len(suite.search(session, "SELECT f.name, f.id FROM Datafile f")) == 2
        assert suite.request("GET", "/health/ready", internal=True)[0] == 200
        assert suite.request("GET", "/ids/ping")[0] == 200
        assert not answers, "the hung ones still hang"

        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        os.close(lease)
        for thread in blocked:
            thread.join(GUARD)
        assert answers == [200] * (THREADS + QUEUE), answers
        wait_until("the pool is empty", lambda: (
            read_metric(suite, "undulator_pool_running" + pool), read_metric(suite, "undulator_pool_waiting" + pool)
        ) == (0, 0))
        assert fetch_file("fine")[0] == 200
        took = check_hang_at_start(suite, fetch_file)
        print(f"a start while the storage hung took {took:.1f} s")
        print(f"{len(answers)} downloads hung and went on; 3 were told to come back, the slowest after "
              f"{max(refused) * 1000:.0f} ms; 5 logins, a search and readiness meanwhile")


if __name__ == "__main__":
    main()
