#!/usr/bin/env python3
"""Benchmark of logins and tokens, compared in the same run with an endpoint on uvicorn, FastAPI and PyJWT: how many tokens are
verified and refreshed in a second; how long one verification takes while 32 clients log in with passwords; and what becomes of
right logins while one client tries 100 wrong ones at once.

    python3 bench/auth [--seconds 5] [--rounds 3] [--program FILE]

Builds the release binary unless --program names one. The benchmark has no pass or fail.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/interop/lib"), str(ROOT / "bench/lib")]
import suite as interop  # noqa: E402
from measuring import percentile  # noqa: E402

from load import Connection, Logins, measure_rate  # noqa: E402

PACKAGES = ["uvicorn[standard]==0.54.0", "fastapi==0.123.0", "PyJWT[crypto]==2.10.1", "requests==2.34.2"]
TOKENS = Path(__file__).parent / "old_tokens.py"
CONNECTIONS = 16
VERIFY, REFRESH = "verify", "refresh"
GOAL_RATIO, GOAL_MILLISECONDS, GOAL_SHARE, GOAL_SECONDS = 25, 20, 0.95, 2
ATTACKER, OTHERS = "127.0.0.2", "127.0.0.3"
RIGHT_LOGINS = 40


class Product(interop.Suite):
    """A release build with a few accounts; its prefix is that of SciGateway's interface."""

    port = property(lambda self: self.public)

    def prepare(self):
        self.env |= {"UNDULATOR_HTTP__LIMITS__RATE": "0"}
        for number in range(8):
            self.add_user(f"simple/user{number}")
        self.start()

    def log_in(self, number=0):
        """An access token and the refresh token of its cookie."""
        status, headers, body = self.request("POST", "/auth/login", body=self.credentials(number))
        assert status == 200, (status, body)
        return json.loads(body), re.match("scigateway:refresh_token=([^;]+)", headers["set-cookie"])[1]

    def credentials(self, number, password=None):
        name = f"user{number}"
        return {"mnemonic": "simple", "credentials": {"username": name, "password": password or self.passwords[f"simple/{name}"]}}


class OldService:
    """On the product's catalogue. `parse_once` is kinder than the original."""

    def __init__(self, directory, product, parse_once):
        self.port = interop.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory, self.product = directory, product
        self.parse_once = parse_once
        self.key = directory / "key"
        if not self.key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", self.key], check=True)

    def __enter__(self):
        env = {**os.environ, "BENCH_KEY": str(self.key), "BENCH_ICAT": f"{self.product.url}/icat"}
        if self.parse_once:
            env["BENCH_PARSE_ONCE"] = "1"
        command = [interop.PYTHON.with_name("uvicorn"), "old_service:app", "--port", str(self.port), "--log-level", "warning", "--no-access-log"]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parent, env=env)
        interop.wait_until("uvicorn answers", self.answers)
        return self

    def answers(self):
        try:
            urllib.request.urlopen(self.url + "/openapi.json", timeout=5).close()
        except urllib.error.URLError:
            assert self.process.poll() is None, "uvicorn ended"
            return False
        return True

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def write_logins(self, file, count):
        sessions = [self.product.login("simple/user0") for _ in range(count)]
        file.write_text(subprocess.check_output([interop.PYTHON, TOKENS, self.key, *sessions], text=True))


def compare_rates(product, original, kinder, directory, seconds, rounds):
    """Rounds alternate between the sides, so that all have the machine alike."""
    files = {side: directory / f"{side}-logins" for side in ("product", "original", "kinder")}
    servers = {"original": original, "kinder": kinder}
    for side, server in servers.items():
        server.write_logins(files[side], CONNECTIONS)
    print("| what | Undulator | uvicorn and PyJWT | ratio | keys parsed once | ratio |\n|---|---|---|---|---|---|")
    for what in (VERIFY, REFRESH):
        rates = {side: [] for side in files}
        for _ in range(rounds):
            files["product"].write_text("".join(" ".join(product.log_in()) + "\n" for _ in range(CONNECTIONS)))
            rates["product"].append(measure_rate(product.url, f"/auth/{what}", files["product"], seconds, CONNECTIONS))
            for side, server in servers.items():
                rates[side].append(measure_rate(server.url, f"/{what}", files[side], seconds, CONNECTIONS))
        ours, original, kinder = (statistics.median(found) for found in rates.values())
        print(f"| {what} | {ours:,.0f}/s | {original:,.0f}/s | {ours / original:.1f} | {kinder:,.0f}/s | {ours / kinder:.1f} |", flush=True)
    print(f"goal of the first ratio: ≥ {GOAL_RATIO}")


def measure_verify_beside_logins(product, seconds):
    """One connection verifies one token again and again."""
    token, _ = product.log_in()
    connection = Connection(product.port)

    def verify_for(seconds):
        taken, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            status, _, needed = connection.post("/auth/verify", {"token": token})
            assert status == 200, status
            taken.append(needed * 1000)
        return percentile(taken, 0.5), percentile(taken, 0.99), len(taken)

    alone = verify_for(seconds)
    bodies = [product.credentials(number) for number in range(8)]
    with Logins(product.port, "/auth/login", bodies, 32, OTHERS) as logins:
        beside = verify_for(seconds)
    for what, (median, p99, count) in {"alone": alone, "beside 32 password logins": beside}.items():
        print(f"verify, {what}: median {median:.2f} ms, p99 {p99:.2f} ms ({count:,} requests)")
    print(f"goal of the p99: < {GOAL_MILLISECONDS} ms; meanwhile logins by status: {logins.statuses}", flush=True)


def measure_logins_under_attack(product):
    """Right logins from another address, one after the other: those refused with 503 wait as told and try again."""
    wrong = [product.credentials(number, "wrong") for number in range(8)]
    seconds, refused, others = [], 0, []
    with Logins(product.port, "/auth/login", wrong, 100, ATTACKER) as attack:
        for number in range(RIGHT_LOGINS):
            connection, started = Connection(product.port, OTHERS), time.perf_counter()
            while True:
                status, headers, _ = connection.post("/auth/login", product.credentials(number % 8))
                if status != 503:
                    break
                refused += 1
                time.sleep(float(headers["retry-after"]))
            if status == 200:
                seconds.append(time.perf_counter() - started)
            else:
                others.append(status)
    in_time = sum(needed <= GOAL_SECONDS for needed in seconds) / RIGHT_LOGINS
    print(f"100 wrong logins at once from one address, by status: {attack.statuses}")
    print(f"{RIGHT_LOGINS} right ones elsewhere meanwhile: {in_time:.0%} within {GOAL_SECONDS} s (goal {GOAL_SHARE:.0%}), median "
          f"{percentile(seconds, 0.5):.2f} s, longest {max(seconds):.2f} s, {refused} answers 503, other refusals {others} (goal none)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", type=Path)
    options = parser.parse_args()
    if not options.program:
        subprocess.run(["cargo", "build", "--quiet", "--release", "--package", "undulator"], cwd=ROOT, check=True)
    install = ". scripts/lib/install.sh; make_test_environment; install_packages openssh-client wrk"
    subprocess.run(["bash", "-c", install], cwd=ROOT, check=True)
    subprocess.run([interop.PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    program = (options.program or ROOT / "target/release/undulator").resolve()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="undulator-bench-")))
        product = stack.enter_context(Product(program))
        product.prepare()
        with OldService(directory, product, False) as original, OldService(directory, product, True) as kinder:
            compare_rates(product, original, kinder, directory, options.seconds, options.rounds)
        measure_verify_beside_logins(product, options.seconds)
        measure_logins_under_attack(product)


if __name__ == "__main__":
    main()
