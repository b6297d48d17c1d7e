"""Readers of live logbooks, many to a process: they hang up at random moments, also in the midst of an event, and go on with
the last number that they have, at whichever replica answers. They keep what they received."""

import dataclasses
import http.client
import json
import multiprocessing
import random
import threading
import time
import urllib.parse

from suite import wait_until

GUARD_SECONDS = 90
# What a list and a stream must agree on; contents have addresses that expire.
SHOWN = ["type", "category", "title", "tag", "updatedAt", "investigationId", "instrumentName", "file"]


@dataclasses.dataclass
class Wanted:
    """What a reader listens to: `place` is its logbook's, for the number at which it may end."""

    place: int
    query: dict
    session: str
    # The first record that it has; `None`: it comes in the midst, and reads the list as well.
    after: int | None = 0
    is_filtered: bool = False
    # Loses one event on purpose.
    skips: bool = False


@dataclasses.dataclass
class Frame:
    id: int
    # Nothing if the number came alone.
    data: dict | None
    at: float
    replica: int
    # When this connection was ready.
    since: float


@dataclasses.dataclass
class Received:
    wanted: Wanted
    first: int | None = None
    # Also lists, as dictionaries, where they were read.
    frames: list = dataclasses.field(default_factory=list)
    connections: int = 0
    # Connections that ended without the reader's doing.
    cut: int = 0
    skipped: int | None = None
    failure: str | None = None


def summarize_entry(entry):
    return {key: entry[key] for key in SHOWN}


class World:
    """What readers of all processes know of the writers."""

    def __init__(self, ports, places):
        self.ports = ports
        self.acknowledged = multiprocessing.Value("q", 0)
        self.reading = multiprocessing.Value("q", 0)
        # The last number of each logbook, once nobody writes any more.
        self.ends = multiprocessing.Array("q", [-1] * places)

    def end(self, place):
        return self.ends[place] if self.ends[place] >= 0 else None


class Over(Exception):
    """The reader hangs up."""


class Reader(threading.Thread):
    def __init__(self, world, wanted, seed):
        super().__init__(daemon=True)
        self.world, self.random = world, random.Random(seed)
        self.received = Received(wanted)
        self.last = wanted.after
        self.skip_at = self.random.randrange(20, 60) if wanted.skips else None
        self.deadline = None

    def run(self):
        try:
            while not self.has_all():
                self.visit()
                self.stay_away()
        except Exception as e:
            self.received.failure = f"{type(e).__name__}: {e}"

    def has_all(self):
        end = self.world.end(self.received.wanted.place)
        if end is None:
            return False
        self.deadline = self.deadline or time.monotonic() + GUARD_SECONDS
        assert time.monotonic() < self.deadline, f"has {self.last} of {end} records after {GUARD_SECONDS} s"
        return self.last is not None and self.last >= end

    def stay_away(self):
        """Until more has been written, sometimes."""
        before, more = self.world.acknowledged.value, self.random.choice([0, 0, 5, 20, 60])
        more_is_written = lambda: self.world.acknowledged.value >= before + more  # noqa: E731
        all_is_written = lambda: self.world.end(self.received.wanted.place) is not None  # noqa: E731
        wait_until("more is written", lambda: more_is_written() or all_is_written(), 2 * GUARD_SECONDS)

    def visit(self):
        replica = self.random.randrange(len(self.world.ports))
        connection = http.client.HTTPConnection("127.0.0.1", self.world.ports[replica], timeout=30)
        try:
            self.listen(replica, connection)
        except Over:
            pass
        except (OSError, http.client.HTTPException):
            self.received.cut += 1
        finally:
            connection.close()

    def path(self, kind, **more):
        wanted = self.received.wanted
        return f"/logbook/{wanted.session}/{kind}?{urllib.parse.urlencode(wanted.query | more)}"

    def listen(self, replica, connection):
        headers, more = {}, {}
        if self.last is not None and self.random.random() < 0.2:
            more = {"after": self.last}
        elif self.last is not None:
            headers = {"Last-Event-ID": str(self.last)}
        connection.request("GET", self.path("events/stream", **more), headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, (answer.status, answer.read())
        self.received.connections += 1
        with self.world.reading.get_lock():
            self.world.reading.value += 1
        # After so many bytes or so much time, whichever is first.
        left = self.random.choice([self.random.randrange(3000), 10**9])
        leaving = time.monotonic() + self.random.uniform(0.05, 3)
        buffer, since = b"", None
        try:
            while left > 0:
                remaining = leaving - time.monotonic()
                if remaining <= 0:
                    return
                connection.sock.settimeout(remaining)
                try:
                    piece = answer.read1(min(left, 1 << 16))
                except TimeoutError:
                    return
                if not piece:
                    raise http.client.IncompleteRead(b"")
                now = time.time()
                left -= len(piece)
                *events, buffer = (buffer + piece).split(b"\n\n")
                for event in events:
                    fields = dict(line.split(": ", 1) for line in event.decode().split("\n") if not line.startswith(":"))
                    if fields:
                        since = since or now
                        self.take(fields, Frame(int(fields["id"]), None, now, replica, since))
                if self.has_all():
                    return
        finally:
            with self.world.reading.get_lock():
                self.world.reading.value -= 1

    def take(self, fields, frame):
        received, name = self.received, fields.get("event")
        if name in ("ready", "reset"):
            assert name == "ready" and self.last in (None, frame.id), (name, frame.id, self.last)
            if received.first is None:
                received.first = self.last = frame.id
                if received.wanted.is_filtered and received.wanted.after is None:
                    received.frames.append(self.list())
            return
        self.last = frame.id
        if "data" in fields:
            data = json.loads(fields["data"])
            assert data["kind"] == name, (name, data)
            frame.data = data | {"entries": {entry["_id"]: summarize_entry(entry) for entry in data["entries"]}}
            assert len(frame.data["entries"]) == len(data["entries"]), data
        if self.skip_at is not None and len(received.frames) >= self.skip_at and received.skipped is None:
            received.skipped = frame.id
            return
        received.frames.append(frame)
        if received.wanted.is_filtered and frame.data and frame.data["many"]:
            received.frames.append(self.list())

    def list(self):
        """All that match now, by id."""
        while True:
            port = self.random.choice(self.world.ports)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                connection.request("GET", self.path("event", format="jsonl", sortBy="_id", sortOrder=1))
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status == 200, (answer.status, body)
                return {entry["_id"]: summarize_entry(entry) for entry in map(json.loads, body.splitlines())}
            except (OSError, http.client.HTTPException):
                # Killed; the other one answers.
                pass
            finally:
                connection.close()


def entries_of(frames):
    """What a page shows after these."""
    shown = {}
    for frame in frames:
        if isinstance(frame, dict):
            shown = dict(frame)
        elif frame.data:
            shown |= frame.data["entries"]
            for id in frame.data["gone"]:
                shown.pop(id, None)
    return shown


def run_readers(world, all_wanted, seed, answers):
    """A process of readers."""
    readers = [Reader(world, wanted, f"{seed}/{n}") for n, wanted in enumerate(all_wanted)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    answers.put([reader.received for reader in readers])
