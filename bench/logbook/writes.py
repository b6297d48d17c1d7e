"""Creation of entries: at 200 per second, as fast as possible, and the number of flushes to disk."""

import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path

from facility import Http, body, notify
from logbook_facility import KEY
from measuring import cpu
from stores import Timed

CONNECTIONS = 16


class Raw:
    """A connection that costs the client as little as possible."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, request):
        self.socket.sendall(request)
        answer = b""
        while True:
            head, between, rest = answer.partition(b"\r\n\r\n")
            if between and len(rest) >= int(re.search(rb"(?i)content-length: (\d+)", head)[1]):
                return head
            piece = self.socket.recv(65536)
            assert piece, "the server hung up"
            answer += piece


def request_of(event):
    """The bytes that pyicat-plus sends, but for headers that mean nothing here."""
    content = body(event)
    query = urllib.parse.urlencode({"investigationName": event["investigationName"], "instrumentName": event["instrumentName"]})
    return (f"POST /dataacquisition/{KEY}/notification?{query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n").encode() + content


def paced(facility, texts, seconds, logbooks, rate=200):
    """Milliseconds from the moment at which each should be sent, so that a stall counts for all who wait behind it; and
    from when it was: on a busy machine the clients are late themselves."""
    count = int(seconds * rate)
    requests = [request_of(event_of(facility, texts, n, logbooks)) for n in range(count)]
    numbers, lock, values, sent, refused = iter(range(count)), threading.Lock(), [], [], []
    connections = [Raw(facility.public) for _ in range(CONNECTIONS)]
    begin = time.perf_counter() + 0.2

    def run(connection):
        while True:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            due = begin + n / rate
            if (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            begun = time.perf_counter()
            head = connection.post(requests[n])
            values.append((time.perf_counter() - due) * 1000)
            sent.append((time.perf_counter() - begun) * 1000)
            if b" 200 " not in head.split(b"\r\n")[0]:
                refused.append(head)

    threads = [threading.Thread(target=run, args=[connection]) for connection in connections]
    used = cpu(facility.server.pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused and len(values) == count, (len(values), refused[:1])
    return Timed(values, (cpu(facility.server.pid) - used) / count), Timed(sent)


def event_of(facility, texts, n, logbooks=10):
    """Now, in turn in the logbooks of as many instruments; the first is the large one."""
    return texts.notification() | facility.place(n % logbooks) | {"at": time.time_ns() // 1000}


LUA = """local n, bodies = 0, {%s}
request = function()
  n = n + 1
  return wrk.format("POST", "%s", {["Content-Type"] = "application/json"}, bodies[n %% #bodies + 1])
end
"""


def greedy(facility, texts, seconds, clients):
    """Creates per second and their times, by wrk."""
    bodies = ", ".join(json.dumps(body(event_of(facility, texts, n)).decode(), ensure_ascii=True) for n in range(200))
    # Lua has no \\u with four digits; nothing else in these bodies needs an escape that JSON and Lua write differently.
    bodies = re.sub(r"\\u([0-9a-f]{4})", lambda code: "".join(f"\\{b}" for b in chr(int(code[1], 16)).encode()), bodies)
    query = urllib.parse.urlencode({"investigationName": "BM-0", "instrumentName": facility.names[0]})
    script = facility.dir / "create.lua"
    script.write_text(LUA % (bodies, f"/dataacquisition/{KEY}/notification?{query}"))
    used = cpu(facility.server.pid)
    command = ["wrk", "-t1", f"-c{clients}", f"-d{max(1, int(seconds))}s", "--latency", "-s", script, facility.url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in text, text
    units = {"us": 0.001, "ms": 1, "s": 1000}
    share = {name: float(value) * units[unit] for name, value, unit in re.findall(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)", text, re.M)}
    count = int(re.search(r"(\d+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return {"rate": rate, "p50": share["50"], "p99": share["99"], "cpu": (cpu(facility.server.pid) - used) / count}


def flushes(facility, engine, texts, count=100):
    """Flushes to disk for each create of one client, by what is flushed; what happens anyway in the same time is taken off."""
    client, events = Http(facility), [event_of(facility, texts, 0) for _ in range(count)]

    def write():
        for event in events:
            notify(client, event)

    started = time.perf_counter()
    busy = flushed(facility, engine, write)
    took = time.perf_counter() - started
    idle = flushed(facility, engine, lambda: time.sleep(took))
    return {name: round((number - idle[name]) / count, 2) for name, number in busy.items()}


def flushed(facility, engine, work):
    if engine.name == "PostgreSQL":
        # Of the whole server: nothing else should use it.
        before = engine.values("SELECT wal_sync FROM pg_stat_wal")[0][0]
        work()
        time.sleep(2)
        return Counter({"wal_sync": engine.values("SELECT wal_sync FROM pg_stat_wal")[0][0] - before})
    log = facility.dir / "strace"
    command = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync", "-o", log, "-p", str(facility.server.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    # Its file is there once it has attached.
    while not log.exists():
        time.sleep(0.01)
    time.sleep(1)
    work()
    time.sleep(1)
    tracer.terminate()
    tracer.wait()
    return Counter(Path(name).name for name in re.findall(r"f(?:data)?sync\(\d+<([^>]+)>", log.read_text()))
