"""Many messages of many processes by pyicat-plus, which waits a tenth of a second for an answer and then goes on."""

import itertools
import json
import multiprocessing
import re
import socket
import time
from collections import Counter
from pathlib import Path

import urllib3
from pyicat_plus.client._internal.elogbook import IcatElogbookClient

from logbook_facility import KEY

PROCESSES = 8
KINDS = ["info", "comment", "error", "command", "debug"]
GUARD_SECONDS = 120
HANG_UPS = 200


def write_messages(url, process, count, answers):
    """Tells which texts were handed to the socket to the last byte, and how many answers came too late or not at all."""
    sent, current, late, refused = set(), None, 0, 0

    class Connection(urllib3.connection.HTTPConnection):
        def request(self, *arguments, **keywords):
            super().request(*arguments, **keywords)
            sent.add(current)

    urllib3.connectionpool.HTTPConnectionPool.ConnectionCls = Connection
    client = IcatElogbookClient(url, api_key=KEY)
    post = client._data_acquisition_api.dataacquisition_api_key_notification_post

    def count_sent_bytes(**arguments):
        nonlocal late
        try:
            return post(**arguments)
        except urllib3.exceptions.TimeoutError:
            late += 1
            raise

    client._data_acquisition_api.dataacquisition_api_key_notification_post = count_sent_bytes
    for n, kind in zip(range(count), itertools.cycle(KINDS)):
        current = f"volume {process} {n}"
        try:
            client.send_message(current, kind, beamline="BL07", proposal="ZZ/123")
        except urllib3.exceptions.HTTPError:
            refused += 1
    answers.put((sent, late, refused))


def hang_up(facility, text, missing_bytes=0):
    """Closes the connection right after the last byte, or before the last ones."""
    content = {"type": "notification", "category": "info", "content": [{"format": "plainText", "text": text}]}
    body = json.dumps(content).encode()
    path = f"/dataacquisition/{KEY}/notification?investigationName=ZZ%2F123&instrumentName=BL07"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", facility.public)) as connection:
        connection.sendall(head.encode() + body[: len(body) - missing_bytes])


def check_many_messages(facility, carol, messages):
    answers = multiprocessing.SimpleQueue()
    each = messages // PROCESSES
    started = time.monotonic()
    writers = [multiprocessing.Process(target=write_messages, args=(facility.url, n, each, answers)) for n in range(PROCESSES)]
    for writer in writers:
        writer.start()
    outcomes = [answers.get() for _ in writers]
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    seconds = time.monotonic() - started
    sent = set().union(*(outcome[0] for outcome in outcomes))
    # Whoever hangs up at once is no different; of whom a byte is missing, nothing may be there.
    for n in range(HANG_UPS):
        sent.add(f"volume hang-up {n}")
        hang_up(facility, f"volume hang-up {n}")
        hang_up(facility, f"volume cut {n}", missing_bytes=1)
    late, refused = (sum(outcome[n] for outcome in outcomes) for n in (1, 2))
    # What nobody waits for any more is still being written.
    deadline = time.monotonic() + GUARD_SECONDS
    while True:
        stored = list_texts(facility, carol)
        missing = sent - stored.keys()
        if not missing:
            break
        assert time.monotonic() < deadline, f"{len(missing)} of {len(sent)} are missing: {sorted(missing)[:5]}"
    assert stored.keys() <= sent, sorted(stored.keys() - sent)[:5]
    twice = [text for text, times in stored.items() if times > 1]
    assert not twice, twice
    assert refused < each and len(sent) - HANG_UPS + refused >= each * PROCESSES, (len(sent), refused)
    rate = (len(sent) - HANG_UPS) / seconds
    print(
        f"{len(sent) - HANG_UPS} messages of {PROCESSES} processes in {seconds:.1f} s ({rate:.0f}/s): all there, each once, and so are {HANG_UPS} of "
        f"clients that hung up; "
        f"{late} answers came too late, {refused} could not connect"
    )
    check_exports(facility, carol)


def peak_memory_mib(facility):
    """The most that the server has ever used, in MiB."""
    status = (Path("/proc") / str(facility.server.pid) / "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024


def check_exports(facility, session):
    """All entries of the instrument as files, which take no more memory than a page."""
    before = peak_memory_mib(facility)
    query = {"instrumentName": "BL07", "sortBy": "_id", "sortOrder": "1"}
    status, _, wanted = facility.request("GET", f"/logbook/{session}/event/count", query)
    assert status == 200, wanted
    sizes = []
    for format in ("jsonl", "csv", "txt"):
        status, headers, body = facility.request("GET", f"/logbook/{session}/event", {**query, "format": format})
        assert status == 200, body
        assert f'filename="logbook-instrument-bl07.{format}"' in headers["content-disposition"], headers
        sizes.append(f"{format} {len(body) / 2**20:.1f} MiB")
        if format == "jsonl":
            ids = [json.loads(line)["_id"] for line in body.splitlines()]
            assert len(ids) == len(set(ids)) == int(wanted), (len(ids), wanted)
    grown = peak_memory_mib(facility) - before
    assert grown < 64, f"{grown:.0f} MiB for an export"
    print(f"exports of {int(wanted)} entries ({', '.join(sizes)}): {grown:.1f} MiB more memory")


def list_texts(facility, session):
    stored = Counter()
    for skip in itertools.count(0, 1000):
        query = {"instrumentName": "BL07", "search": "volume ", "sortBy": "_id", "sortOrder": "1", "skip": skip, "limit": 1000}
        status, _, body = facility.request("GET", f"/logbook/{session}/event", query)
        assert status == 200, body
        page = json.loads(body)
        stored.update(event["content"][0]["text"] for event in page)
        if len(page) < 1000:
            return stored
