"""A thousand readers of server-sent events: the time from sending a write until each reader receives it."""

import multiprocessing
import re
import resource
import selectors
import socket
import threading
import time
from pathlib import Path

from facility import PLACED, Http, notify
from measuring import cpu, percentile

MARK = re.compile(rb"live-mark-(\d+)-")


def listen(port, paths, count, begun, answers):
    """Opens a connection for each path; what comes on it and when, until all have all."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    selector = selectors.EpollSelector()
    readers = []
    for reader, path in enumerate(paths):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = b""
        while b"event: ready" not in head:
            piece = connection.recv(65536)
            assert piece and not head.startswith(b"HTTP/1.1 5"), head[:300]
            head += piece
        assert head.startswith(b"HTTP/1.1 200"), head[:300]
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, reader)
        readers.append(connection)
    begun.set()
    rest, got = [b""] * len(paths), []
    missing, used = sum(count), time.process_time()
    quiet = time.monotonic()
    while missing > 0 and time.monotonic() - quiet < 20:
        for key, _ in selector.select(1):
            data = key.fileobj.recv(1 << 18)
            now = time.perf_counter()
            quiet = time.monotonic()
            assert data, "the server closed a stream"
            text = rest[key.data] + data
            if not text.endswith(b"\n\n\r\n"):
                rest[key.data] = text
                continue
            rest[key.data] = b""
            for mark in MARK.findall(text):
                got.append((key.data, int(mark), now))
                missing -= 1
    answers.put((got, time.process_time() - used))


def memory(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def measure(facility, texts, session, logbooks, readers=1000, rate=20, seconds=60):
    """Readers spread over the first `logbooks` logbooks; writes go round them."""
    count, pid = int(seconds * rate), facility.server.pid
    paths = [f"/logbook/{session}/events/stream?investigationId={facility.ids[n % logbooks]}" for n in range(readers)]
    due = [sum(1 for m in range(count) if m % logbooks == n % logbooks) for n in range(readers)]
    context = multiprocessing.get_context("fork")
    begun, answers = context.Event(), context.SimpleQueue()
    before = memory(pid)
    listener = context.Process(target=listen, args=(facility.public, paths, due, begun, answers))
    opening = time.perf_counter()
    listener.start()
    assert begun.wait(120), "the readers did not get through"
    opening, used, wall = time.perf_counter() - opening, cpu(pid), time.perf_counter()
    events = [texts.notification() | facility.place(n % logbooks) for n in range(count)]
    sent, writes, lock, numbers = [0.0] * count, [], threading.Lock(), iter(range(count))
    first = time.perf_counter() + 0.5

    def write():
        client = Http(facility)
        while True:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            time.sleep(max(0, first + n / rate - time.perf_counter()))
            event = events[n] | {"at": time.time_ns() // 1000}
            event["content"][0]["text"] += f" live-mark-{n}-"
            sent[n] = time.perf_counter()
            writes.append(notify(client, event, PLACED)[0])

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got, busy = answers.get()
    peak = memory(pid)
    wall = time.perf_counter() - wall
    used = cpu(pid) - used
    listener.join()
    seen = {(reader, mark) for reader, mark, _ in got}
    wanted = {(reader, mark) for reader in range(readers) for mark in range(count) if mark % logbooks == reader % logbooks}
    delays = [(now - sent[mark]) * 1000 for _, mark, now in got]
    first_of = {}
    for _, mark, now in got:
        first_of[mark] = min(first_of.get(mark, now), now)
    first_delays = [(now - sent[mark]) * 1000 for mark, now in first_of.items()]
    return {
        "logbooks": logbooks, "opened in s": opening, "deliveries": len(got), "lost": len(wanted - seen), "twice": len(got) - len(seen),
        "p50": percentile(delays, 0.5), "p99": percentile(delays, 0.99), "max": max(delays),
        "first p50": percentile(first_delays, 0.5), "first p99": percentile(first_delays, 0.99),
        "write p50": percentile(writes, 0.5), "write p99": percentile(writes, 0.99),
        "memory before": before, "memory": peak, "server's share of a core": used / wall / 1000, "listener's": busy / wall,
    }
