"""Many clients that create datafiles while many others read, on two servers in turn. The datafiles are not removed."""

import time
import uuid
from pathlib import Path
from threading import Thread

from questions import COUNT
from timing import short, wrk

CLIENTS = 32
TURNS = 4
SCRIPT = Path(__file__).parent / "create.lua"


def create_beside_readers(side, seconds):
    """Created datafiles per second and p99 (ms) of CLIENTS writers, and requests per second of as many readers."""
    read = dict(side.urls("root"))["get by id"]
    readers = []
    thread = Thread(target=lambda: readers.append(wrk(read, seconds, CLIENTS)[0]))
    before = side.root.search(COUNT)[0]
    thread.start()
    prefix = f"writers-{uuid.uuid4().hex}-"
    started = time.perf_counter()
    rate, p99 = wrk(side.url, seconds, CLIENTS, [SCRIPT, "--", side.root.session, str(side.picks["root"].target), prefix])
    elapsed = time.perf_counter() - started
    thread.join()
    created = side.root.search(COUNT)[0] - before
    acknowledged = rate * elapsed
    # wrk leaves its last requests without waiting for the answers.
    assert acknowledged * 0.98 - CLIENTS <= created <= acknowledged * 1.02 + 2 * CLIENTS, (side.name, acknowledged, created)
    return rate, p99, readers[0]


def compare_writers(other, ours, seconds):
    """Prints the rates of both servers."""
    rounds = {side.name: [] for side in (other, ours)}
    for _ in range(TURNS):
        for side in (other, ours):
            rounds[side.name].append(create_beside_readers(side, max(1, seconds / TURNS)))
    print(f"\n| {CLIENTS} writers, {CLIENTS} readers | {other.name} | {ours.name} | ratio |\n|---|---|---|---|")
    for index, name in enumerate(["creations/s", "p99 of a creation, ms", "reads/s"]):
        first, second = (sum(values[index] for values in rounds[side.name]) / TURNS for side in (other, ours))
        print(f"| {name} | {short(first)} | {short(second)} | ×{short(second / first)} |", flush=True)
