"""The same requests on two servers with the same data, in turn, so that both have the same share of what else the machine
does: another server with ICAT's interface, or an earlier version of Undulator."""

import json
import time
import urllib.parse
from pathlib import Path

from client import Client, log_in
from facility import PER_DATASET, Picks, load_by_requests
from measuring import percentile
from questions import DATASET, fixed_requests, questions
from timing import Timed, short, wrk
from writers import compare_writers

# Turns of each server per request.
ROUNDS = 4
CLIENTS = 8


class Side:
    """One of the two servers. `server` is a running Suite, if the server is ours to watch."""

    def __init__(self, name, url, accounts, suite=None):
        self.name, self.url, self.accounts, self.suite = name, url.rstrip("/"), accounts, suite
        self.clients = {who: Client(self.url, log_in(self.url, account)) for who, account in accounts.items()}
        self.root = self.clients["root"]

    def load(self, size):
        load_by_requests(self.root, self.clients["member"].user_name(), size)

    def prepare(self):
        self.picks = {who: Picks(client, self.root) for who, client in self.clients.items()}
        self.questions = {who: questions(client, self.root, self.picks[who], who) for who, client in self.clients.items()}
        for who, client in self.clients.items():
            rows = client.search(DATASET.format(self.picks[who].datasets[0]))
            assert len(rows) == PER_DATASET, f"{self.name}: {who} sees {len(rows)} rows of a dataset"

    def urls(self, who):
        session = self.clients[who].session
        for name, fields in fixed_requests(self.picks[who]).items():
            yield name, f"{self.url}/icat/entityManager?{urllib.parse.urlencode({'sessionId': session, **fields})}"

    def memory(self):
        """Resident memory in MB."""
        if not self.suite:
            return None
        status = Path(f"/proc/{self.suite.server.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1000


def check_equal(other, ours):
    """Both must answer the same, apart from ids and times."""
    for who in ours.clients:
        for query in ["SELECT COUNT(f) FROM Datafile f", "SELECT SUM(f.fileSize) FROM Datafile f"]:
            answers = [side.clients[who].search(query) for side in (other, ours)]
            assert answers[0] == answers[1], (who, query, answers)


def compare(other, ours, seconds):
    """Prints the times and rates of both servers, and how many times the rate of the other one is reached."""
    sides = (other, ours)
    for side in sides:
        side.prepare()
    check_equal(other, ours)
    idle = [side.memory() for side in sides]
    print(f"\n| milliseconds, p50 / p99 | user | {other.name} | {ours.name} | rate |\n|---|---|---|---|---|")
    for who in ours.clients:
        for name in ours.questions[who]:
            values = ([], [])
            for _ in range(ROUNDS):
                for side, all_values in zip(sides, values):
                    all_values += Timed(seconds / ROUNDS, side.questions[who][name]).values
            p50 = [percentile(all_values, 0.5) for all_values in values]
            p99 = [percentile(all_values, 0.99) for all_values in values]
            cells = " | ".join(f"{short(a)} / {short(b)}" for a, b in zip(p50, p99))
            print(f"| {name} | {who} | {cells} | ×{short(p50[0] / p50[1])} |", flush=True)
    print(f"\n| requests/s, {CLIENTS} clients | user | {other.name} | {ours.name} | rate |\n|---|---|---|---|---|")
    for who in ours.clients:
        for (name, first), (_, second) in zip(other.urls(who), ours.urls(who)):
            rates = ([], [])
            for _ in range(ROUNDS):
                for url, all_rates in zip((first, second), rates):
                    all_rates.append(wrk(url, seconds / ROUNDS, CLIENTS)[0])
            rate = [percentile(all_rates, 0.5) for all_rates in rates]
            print(f"| {name} | {who} | {short(rate[0])} | {short(rate[1])} | ×{short(rate[1] / rate[0])} |", flush=True)
    compare_writers(other, ours, 2 * seconds)
    loaded = [side.memory() for side in sides]
    # Connections that are not used any more, and memory that is returned late.
    time.sleep(20)
    for side, before, after in zip(sides, idle, loaded):
        if before:
            print(f"memory of {side.name}: {before:.0f} MB before, {after:.0f} MB at the end, {side.memory():.0f} MB 20 s later", flush=True)
