"""Creates: 200 a second whatever the answers take, as fast as answers come, and how often each flushes."""

import json
import re
import subprocess
import threading
import time
import urllib.parse
from collections import Counter

from facility import Http, body, notify
from logbook_facility import KEY
from stores import Timed, cpu

CONNECTIONS = 16


def paced(facility, texts, seconds, rate=200, tell=None):
    """Milliseconds from the moment at which each should be sent, so that a stall counts for all who wait behind it."""
    count = int(seconds * rate)
    events = [event_of(facility, texts, n) for n in range(count)]
    numbers, lock, values, errors = iter(range(count)), threading.Lock(), [], []
    begin = time.perf_counter() + 0.2

    def run():
        client = Http(facility)
        while True:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            due = begin + n / rate
            if (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            try:
                notify(client, events[n])
            except (AssertionError, OSError) as e:
                errors.append(e)
                return
            values.append((time.perf_counter() - due) * 1000)

    threads = [threading.Thread(target=run) for _ in range(CONNECTIONS)]
    used = cpu(facility.server.pid)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]
    return Timed(values, (cpu(facility.server.pid) - used) / count)


def event_of(facility, texts, n):
    """Now, in one of the logbooks whose turn it is; every second one in the large one."""
    return texts.notification() | facility.place(0 if n % 2 else 2 + n // 2 % 20) | {"at": time.time_ns() // 1000}


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


def flushes(facility, engine, texts, count=50):
    """Flushes to disk for each create, of one client."""
    client = Http(facility)
    if engine.name == "PostgreSQL":
        flushed = lambda: engine.values("SELECT wal_sync FROM pg_stat_wal")[0][0]  # noqa: E731
        engine.psql("SELECT pg_stat_reset_shared('wal')")
        for n in range(count):
            notify(client, event_of(facility, texts, n))
        time.sleep(2)
        return {"wal_sync": flushed() / count}
    log = facility.dir / "strace"
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", log, "-p", str(facility.server.pid)], stderr=subprocess.DEVNULL)
    time.sleep(1)
    for n in range(count):
        notify(client, event_of(facility, texts, n))
    time.sleep(1)
    tracer.terminate()
    tracer.wait()
    calls = Counter(re.findall(r"(fsync|fdatasync)\(", log.read_text()))
    return {name: number / count for name, number in calls.items()}
