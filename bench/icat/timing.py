"""Times of repeated calls."""

import subprocess
import threading
import time
from pathlib import Path

from measuring import cpu, percentile


class Timed:
    """Milliseconds of repeated calls: as many as fit, at least five, at most 2,000; and how much processor time the
    server used for each, which other work on the machine hardly changes."""

    def __init__(self, seconds, call, pid=None):
        call()
        self.values = []
        before = cpu(pid) if pid else 0
        end = time.perf_counter() + seconds
        while len(self.values) < 5 or (time.perf_counter() < end and len(self.values) < 2000):
            self.values.append(call())
        self.cpu = (cpu(pid) - before) / len(self.values) if pid else None
        self.p50, self.p99, self.n = percentile(self.values, 0.5), percentile(self.values, 0.99), len(self.values)


def wrk(url, seconds, connections, script=()):
    """Requests per second and p99 (ms) of wrk. `script`: the file of a Lua script, "--" and its arguments."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, int(seconds))}s", "--timeout", "60s", "--latency"]
    command += ["-s", script[0], url, *script[1:]] if script else [url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in text, text
    units = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}
    p99 = next(line.split()[1] for line in text.splitlines() if line.strip().startswith("99%"))
    unit = next(unit for unit in ["us", "ms", "s", "m"] if p99.endswith(unit))
    rate = float(next(line.split()[1] for line in text.splitlines() if line.startswith("Requests/sec")))
    return rate, float(p99[: -len(unit)]) * units[unit]


def short(number):
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}"


class Watch(threading.Thread):
    """Peak memory of a process. What `wait4` says of it may be that of the parent, from which the process was forked."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status, self.megabytes, self.is_over = Path(f"/proc/{pid}/status"), 0, threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(0.05):
            try:
                lines = self.status.read_text().splitlines()
            except OSError:
                return
            self.megabytes = next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), self.megabytes)

    def stop(self):
        self.is_over.set()
        self.join()
        return self.megabytes
