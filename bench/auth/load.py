"""Load on one server: wrk, and logins in a process of their own."""

import http.client
import json
import multiprocessing
import re
import subprocess
import threading
import time
from pathlib import Path

SCRIPT = Path(__file__).parent / "scigateway.lua"


def measure_rate(url, path, logins, seconds, connections):
    """Requests per second of wrk. `logins` is a file, see scigateway.lua."""
    command = ["wrk", f"-t{connections}", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", SCRIPT, url, "--", path, logins]
    text = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
    assert "failed: 0\n" in text and "Socket errors" not in text, text
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


class Connection:
    """Kept alive, from an address of this machine of one's own choice."""

    def __init__(self, port, address="127.0.0.1"):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(address, 0))

    def post(self, path, body):
        """Status, headers and seconds."""
        before = time.perf_counter()
        self.connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status, answer.headers, time.perf_counter() - before


class Logins:
    """`count` clients that log in again and again, in a process of their own, until the end of the `with`. `bodies` are used in
    turn; `statuses` counts the answers then."""

    def __init__(self, port, path, bodies, count, address):
        self.stop, self.ready, self.answers = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
        arguments = port, path, bodies, count, address, self.stop, self.ready, self.answers
        self.process = multiprocessing.Process(target=keep_logging_in, args=arguments, daemon=True)

    def __enter__(self):
        self.process.start()
        assert self.ready.wait(60), "nobody has been answered"
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.statuses = self.answers.get(timeout=120)
        self.process.join()


def keep_logging_in(port, path, bodies, count, address, stop, ready, answers):
    statuses = {}
    lock = threading.Lock()

    def run(number):
        connection = Connection(port, address)
        while not stop.is_set():
            status, _, _ = connection.post(path, bodies[number % len(bodies)])
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
            ready.set()
            number += count

    clients = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    answers.put(statuses)
