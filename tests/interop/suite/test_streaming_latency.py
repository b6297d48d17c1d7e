#!/usr/bin/env python3
"""How fast streamed answers are on a kept connection, and how they are framed.

    tests/interop/suite/test_streaming_latency.py [--base PROGRAM]

Asserted is what does not depend on the machine: TCP_NODELAY is set on every accepted and outgoing connection (seen by strace),
small answers have a length, clients of HTTP/1.0 get no chunks, and no answer waits for an acknowledgement, which takes
40 ms. The figures are printed; with `--base` those of another build beside them.
"""

# runs-alone: it compares times with that of a delayed acknowledgement
# seconds: 16

import argparse
import http.client
import json
import re
import socket
import statistics
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from demo_server import Demo
from suite import PROGRAM, Suite

NAMES = 1000
REQUESTS = 1000
# The shortest time that Linux delays an acknowledgement.
DELAYED_ACK = 0.040


class Facility(Suite):
    """A catalogue with names whose list is about 27 kB."""

    def build(self):
        self.env["UNDULATOR_CATALOGUE__ROOT_USER_NAMES"] = '["simple/root"]'
        self.add_user("simple/root")
        self.start()
        self.session = self.login("simple/root")
        facility = self.create("Facility", {"name": "F"})
        kind = self.create("InvestigationType", {"name": "t", "facility": {"id": facility}})
        for first in range(0, NAMES, 100):
            rows = [
                {"Investigation": {"name": f"name-{n:019}", "title": "t", "visitId": "v",
                                   "facility": {"id": facility}, "type": {"id": kind}}}
                for n in range(first, first + 100)
            ]
            self.write(rows)

    def create(self, entity, row):
        return self.write([{entity: row}])[0]

    def write(self, rows):
        form = {"sessionId": self.session, "entities": json.dumps(rows)}
        status, _, body = self.request("POST", "/icat/entityManager", form=form)
        assert status == 200, (status, body)
        return json.loads(body)

    @property
    def names(self):
        query = {"sessionId": self.session, "query": "SELECT i.name FROM Investigation i"}
        return "/icat/entityManager?" + urllib.parse.urlencode(query)


def measure_requests(facility):
    """Seconds of each request on one kept connection, and the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", facility.public)
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        connection.request("GET", facility.names)
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.perf_counter() - started)
        assert answer.status == 200 and len(body) > 25_000, (answer.status, len(body))
    connection.close()
    return sorted(times), answer


def format_figures(name, times):
    p99 = times[int(len(times) * 0.99)]
    rate = len(times) / sum(times)
    print(f"{name}: median {statistics.median(times) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms, {rate:.0f} requests/s")
    return rate


def ask_raw(port, path, version):
    """Head and body as they come, until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
        peer.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := peer.recv(1 << 16):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().lower(), body


def check_http_1_0():
    """Every kind of streamed answer, to a client that knows no chunks."""
    with Demo() as demo:
        demo.start("--quiet-beamline")
        session = demo.login("db/alice")
        (investigation,) = demo.search(session, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
        query = urllib.parse.urlencode({"sessionId": session, "query": "SELECT df FROM Datafile df INCLUDE df.dataset"})
        book = f"/logbook/{session}"
        paths = [
            f"/icat/entityManager?{query}",
            f"/ids/getData?sessionId={session}&investigationIds={investigation}&zip=true",
            f"/ids/getDatafileIds?sessionId={session}&investigationIds={investigation}",
            f"{book}/event?investigationId={investigation}",
            *[f"{book}/event?investigationId={investigation}&format={form}" for form in ("pdf", "csv", "eln")],
            f"{book}/records?investigationId={investigation}",
        ]
        chunked = 0
        for path in paths:
            head, body = ask_raw(demo.public, path, "1.0")
            name = re.sub(session, "SESSION", path)
            assert "transfer-encoding" not in head, (name, head)
            status = head.split()[1]
            newer, _ = ask_raw(demo.public, path, "1.1")
            chunked += "transfer-encoding: chunked" in newer
            print(f"HTTP/1.0 {name[:70]}: {status}, {len(body)} bytes")
        assert chunked, "the control: some of them are streamed to HTTP/1.1"


def check_sockets():
    """Each connection that the program accepts or opens is set to send at once."""
    with Facility() as facility:
        facility.add_user("simple/root")
        facility.env["UNDULATOR_CATALOGUE__ROOT_USER_NAMES"] = '["simple/root"]'
        trace = facility.dir / "trace"
        facility.start("strace", "-f", "-qq", "-e", "trace=accept4,connect,setsockopt", "-o", trace)
        session = facility.login("simple/root")
        # The data service asks the catalogue, which is an outgoing connection.
        facility.request("GET", "/ids/getServiceStatus", {"sessionId": session})
        assert facility.request("GET", "/health/ready", internal=True)[0] == 200
        facility.kill(15)
        accepted, opened, ready = count_sockets(trace.read_text())
        assert accepted >= 3 and opened >= 1, (accepted, opened)
        assert ready >= accepted + opened, f"{accepted} accepted, {opened} opened, TCP_NODELAY on {ready}"
        print(f"TCP_NODELAY on {ready} sockets: {accepted} accepted, {opened} opened")


def count_sockets(trace):
    """Accepted TCP connections, opened ones, and how often one was set to send at once."""
    lines = trace.splitlines()
    accepted = sum(bool(re.search(r"(accept4\(.*sin6?_port.*|accept4 resumed>.*sin6?_port.*) = \d+$", line)) for line in lines)
    opened = sum(bool(re.search(r"connect\(\d+, \{sa_family=AF_INET6?, sin6?_port=htons\([1-9]", line)) for line in lines)
    ready = sum("TCP_NODELAY, [1]" in line for line in lines)
    return accepted, opened, ready


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="another build to compare with")
    options = parser.parse_args()
    check_sockets()
    check_http_1_0()
    rates = []
    for name, program in [("this build", PROGRAM), ("the other", options.base)]:
        if program is None:
            continue
        with Facility(program) as facility:
            facility.build()
            times, answer = measure_requests(facility)
            rates.append(format_figures(f"{name}, {NAMES} names", times))
            if name == "this build":
                assert answer.headers["Content-Length"] and not answer.headers["Transfer-Encoding"], answer.headers
                assert statistics.median(times) < DELAYED_ACK / 2, "answers wait for an acknowledgement"
    if len(rates) == 2:
        print(f"{rates[0] / rates[1]:.1f} times the requests of the other build")


if __name__ == "__main__":
    main()
