#!/usr/bin/env python3
"""Two replicas of the logbook on PostgreSQL and NATS, killed in turn while people and programs create, change, tag, remove,
restore and move entries through both. Readers who hang up at random and go on at either replica have each logbook's records
as the database has them: each once, in their order, none left out; who listens with a filter has what a list with it answers.

    tests/interop/logbook/test_replicas.py [--kills N] [--readers N] [--writes N]
"""

# seconds: 19
# long: --kills 100

import argparse
import base64
import http.client
import itertools
import json
import multiprocessing
import random
import sys
import threading
import time
import urllib.parse
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from live_readers import Frame, Reader, Wanted, World, entries_of, run_readers
from logbook_facility import KEY, Facility, check_chains
from servers import Nats, Postgres
from suite import Suite, wait_until

WRITERS = 6
PROCESSES = 3
# Of larger changes a reader is told to read the list again.
MOST_ENTRIES = 200
TAGS = [f"t{n}" for n in range(6)]


class Replica(Suite):
    def __init__(self, facility):
        super().__init__()
        self.services = ["logbook"]
        self.env = facility.env | {
            "UNDULATOR_CONFIG": str(facility.dir / "undulator.toml"),
            "UNDULATOR_DATA_DIR": str(self.dir),
            "UNDULATOR_HTTP__BIND": f"127.0.0.1:{self.public}",
            "UNDULATOR_HTTP__INTERNAL_BIND": f"127.0.0.1:{self.internal}",
            "UNDULATOR_ICAT__URL": facility.url,
            "UNDULATOR_IDENTITY__AUTH_URL": f"http://127.0.0.1:{facility.internal}",
            "UNDULATOR_IDENTITY__JWKS_URL": f"{facility.url}/.well-known/jwks.json",
            "UNDULATOR_LOGBOOK__ATTACHMENTS_DIR": str(facility.dir / "attachments"),
        }


class Writer(threading.Thread):
    """Writes through one replica, and through the other when that one does not answer."""

    def __init__(self, number, world, books, sessions, seed):
        super().__init__(daemon=True)
        self.number, self.world, self.books = number, world, books
        self.alice, self.carol = sessions
        self.random = random.Random(f"{seed}/writer/{number}")
        self.replica, self.connection = number % len(world.ports), None
        self.ended, self.counter = threading.Event(), itertools.count()
        # Texts with the replica that acknowledged them, and ids of annotations by logbook.
        self.acknowledged, self.attempted, self.known = {}, set(), defaultdict(list)
        self.outcomes, self.failure = Counter(), None
        # Ids of entries that could not be changed, and when.
        self.not_found = []
        # Whether programs name investigations, which may be found out later.
        self.is_naming = True

    def run(self):
        acts = {self.entry: 6, self.message: 6, self.change: 4, self.tag: 3, self.hide: 2, self.file: 1, self.scientist: 1}
        # Each move rewrites a whole logbook.
        acts |= {self.move: 1} if self.number == 0 else {}
        try:
            while not self.ended.is_set():
                (act,) = self.random.choices(list(acts), acts.values())
                try:
                    act()
                except (OSError, http.client.HTTPException):
                    self.connection, self.replica = None, 1 - self.replica
                    self.outcomes["not acknowledged"] += 1
        except Exception as e:
            self.failure = f"{type(e).__name__}: {e}"

    def send(self, method, path, body=None, also=(), **query):
        """The decoded answer; `None` for a status in `also`."""
        self.connection = self.connection or http.client.HTTPConnection(
            "127.0.0.1", self.world.ports[self.replica], timeout=60
        )
        path += "?" + urllib.parse.urlencode(query) if query else ""
        self.connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status in (200, *also), (method, path, answer.status, text)
        kind = path.split("?")[0].rsplit("/", 1)[-1]
        self.outcomes[f"{method} {kind}" if answer.status == 200 else str(answer.status)] += 1
        with self.world.acknowledged.get_lock():
            self.world.acknowledged.value += 1
        return json.loads(text) if answer.status == 200 else None

    def text(self):
        text = f"w{self.number} n{next(self.counter)}"
        self.attempted.add(text)
        return text

    def tags(self):
        return [{"name": name} for name in self.random.sample(TAGS, self.random.choice([0, 1, 1, 2]))]

    def book(self):
        """One of them is large."""
        return self.random.choice([*self.books[:1] * 2, *self.books])

    def event(self, text, type="annotation", category="comment", **more):
        content = [{"format": "plainText", "text": f"Grüße, {text}"}]
        return {"type": type, "category": category, "title": text, "tag": self.tags(), "content": content, **more}

    def entry(self):
        text, book = self.text(), self.book()
        made = self.send("POST", f"/logbook/{self.alice}/event", self.event(text), investigationId=book)
        self.acknowledged[text] = self.replica
        self.known[book].append(made["_id"])

    def message(self):
        """For an investigation by id or by name, or for one that nobody knows."""
        text, instrument = self.text(), self.random.choice(["BL07", "BL07", "BL08"])
        names = ["ZZ/123", "ZZ-9"] if self.is_naming else []
        place = self.random.choice([{"investigationId": self.book()}, *({"investigationName": name} for name in names)])
        event = self.event(text, "notification", self.random.choice(["info", "error", "debug"]))
        self.send("POST", f"/dataacquisition/{KEY}/notification", event, instrumentName=instrument, **place)
        self.acknowledged[text] = self.replica

    def file(self):
        image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + self.random.randbytes(2000)).decode()
        body = {"base64": f"data:image/png;base64,{image}", "machine": "m", "tag": self.tags()}
        self.send("POST", f"/dataacquisition/{KEY}/base64", body, instrumentName="BL07", investigationId=self.book())

    def change(self):
        book = self.book()
        if not self.known[book]:
            return self.entry()
        text, id = self.text(), self.random.choice(self.known[book])
        # Wherever it is by now; it may have been removed.
        since = time.time()
        if self.send("PUT", f"/logbook/{self.alice}/event", {"event": self.event(text, _id=id)}, also=[404]):
            self.acknowledged[text] = self.replica
        else:
            self.not_found.append((id, since, time.time()))

    def tag(self):
        book = self.book()
        ids = self.random.sample(self.known[book], min(len(self.known[book]), self.random.randrange(1, 5)))
        # Some may have gone to another logbook.
        body = {"eventIds": ids, "tags": self.tags()}
        self.send("PATCH", f"/logbook/{self.alice}/events", body, also=[404], investigationId=book)

    def hide(self):
        """Some entries, or what was hidden."""
        session, place = self.random.choice(
            [*[(self.alice, {"investigationId": self.book()})] * 5, (self.carol, {"instrumentName": "BL07"})]
        )
        if self.random.random() < 0.5:
            few = {"search": f"w{self.number} n{self.random.randrange(1, 10)}", "tags": self.random.choice(TAGS)}
            return self.send("PUT", f"/logbook/{session}/event/remove", **place, **few)
        self.send("PUT", f"/logbook/{session}/event/restore", **place)

    def scientist(self):
        text = self.text()
        self.send("POST", f"/logbook/{self.carol}/event", self.event(text, instrumentName="BL07"))
        self.acknowledged[text] = self.replica

    def move(self):
        """Everything of a small logbook to another."""
        source, target = self.books[-1], self.random.choice(self.books[:-1])
        place = {"sourceInvestigationId": source, "destinationInvestigationId": target}
        self.send("POST", f"/dataacquisition/{KEY}/events/move", **place)
        self.known[target] += self.known.pop(source, [])


def create_investigation(facility, name):
    """Another one under embargo at BL07, with alice as a member."""
    one = lambda query: {"id": facility.search(facility.root, query)[0]}  # noqa: E731
    row = {
        **{"name": name, "visitId": "1", "title": f"About {name}", "facility": one("SELECT f.id FROM Facility f")},
        **{"type": one("SELECT t.id FROM InvestigationType t"), "startDate": "2026-01-01T00:00:00Z"},
        **{"endDate": "2098-01-01T00:00:00Z", "releaseDate": "2099-01-01T00:00:00Z"},
    }
    (made,) = facility.create("Investigation", row)
    instrument = one("SELECT i.id FROM Instrument i WHERE i.name = 'BL07'")
    user = one("SELECT u.id FROM User u WHERE u.name = 'simple/alice'")
    facility.create("InvestigationInstrument", {"investigation": made, "instrument": instrument})
    facility.create("InvestigationUser", {"investigation": made, "user": user, "role": "PI"})
    return made["id"]


class Truth:
    """What the database has: the records of each logbook, and the feeds of instruments, by the name of what is listened to."""

    def __init__(self, facility):
        rows = facility.rows(
            "SELECT b.name, r.n, r.kind, r.body, EXTRACT(EPOCH FROM pg_xact_commit_timestamp(r.xmin)) AS committed "
            "FROM record r JOIN book b ON b.id = r.book_id ORDER BY b.name, r.n"
        )
        self.streams, self.committed, self.texts = defaultdict(list), {}, {}
        of_record = {}
        for book, n, kind, body, committed in rows:
            body = json.loads(body)
            ids = sorted(body["entries"] if "entries" in body else [body["entry"]])
            of_record[book, n] = row = (book, n, kind, ids)
            if not book.startswith("instrument/"):
                self.streams[book].append((n, *row))
            self.committed[book, n] = committed
            if "event" in body and body["event"]["title"]:
                self.texts[book, n] = body["event"]["title"]
        feed = facility.rows(
            "SELECT i.name AS instrument, f.n AS place, b.name, f.record_n FROM feed f JOIN book i ON i.id = f.book_id "
            "JOIN book b ON b.id = f.record_book_id ORDER BY i.name, f.n"
        )
        for instrument, place, book, n in feed:
            self.streams[instrument].append((place, *of_record[book, n]))
        # The last place at which an entry was taken out of what a stream shows.
        self.hidden = {}
        for name, rows in self.streams.items():
            kinds = ["removed"] if name.startswith("instrument/") else ["removed", "moved-out"]
            self.hidden[name] = {id: place for place, _, _, kind, ids in rows if kind in kinds for id in ids}


def find_differences(truth, name, first, frames):
    """How what a reader without a filter received differs from the database; empty if it does not."""
    wanted = {row[0]: row for row in truth.streams[name] if row[0] > first}
    places, found = [frame.id for frame in frames], []
    if places != sorted(places):
        found.append("out of order")
    if len(places) != len(set(places)):
        found.append(f"twice: {[place for place, times in Counter(places).items() if times > 1][:5]}")
    if missing := sorted(wanted.keys() - set(places)):
        found.append(f"missing: {missing[:5]}")
    if more := sorted(set(places) - wanted.keys()):
        found.append(f"not in the database: {more[:5]}")
    for frame in frames:
        if frame.id not in wanted:
            continue
        _, book, n, kind, ids = wanted[frame.id]
        data = frame.data
        if data is None:
            # Of an entry that had been hidden again before anybody was told; the number is enough.
            is_right = kind == "created" and truth.hidden[name].get(ids[0], 0) > frame.id
        else:
            shown = sorted([*data["entries"], *data["gone"]])
            is_many = len(ids) > MOST_ENTRIES
            is_right = (data["book"], data["record"], data["kind"]) == (book, n, kind) and data["many"] == is_many
            is_right = is_right and shown == ([] if is_many else ids)
        if not is_right:
            found.append(f"other than the database: {wanted[frame.id]}, {data}")
    return found


def check_that_differences_are_found(truth, name, received):
    """What the comparison must find: an event too few, too many, exchanged, or with another entry."""
    frames = received.frames
    at = next(n for n in range(len(frames) // 2, len(frames)) if frames[n].data and frames[n].data["entries"])
    other = Frame(**{**vars(frames[at]), "data": frames[at].data | {"entries": {}}})
    exchanged = [*frames[: at - 1], frames[at], frames[at - 1], *frames[at + 1 :]]
    for changed in [
        frames[:-1], frames[:at] + frames[at + 1 :], [*frames[:at], frames[at], *frames[at:]], exchanged,
        [*frames[:at], other, *frames[at + 1 :]],
    ]:
        assert find_differences(truth, name, received.first, changed), "the comparison finds nothing"


def compare_readers(truth, names, received, world):
    """All readers; how many records they had, with and without a filter."""
    whole = filtered = controlled = 0
    for one in received:
        wanted, name = one.wanted, names[one.wanted.place]
        assert one.failure is None, (wanted, one.failure)
        if wanted.skips:
            found = find_differences(truth, name, one.first, one.frames)
            assert one.skipped and found == [f"missing: [{one.skipped}]"], (one.skipped, found)
            controlled += 1
        elif wanted.is_filtered:
            lister = Reader(world, wanted, 0)
            listed, shown = lister.list(), entries_of(one.frames)
            other = [id for id in shown.keys() & listed.keys() if shown[id] != listed[id]]
            assert shown == listed, (wanted, shown.keys() ^ listed.keys(), other)
            told = [n for n, frame in enumerate(one.frames) if isinstance(frame, Frame) and frame.data and frame.data["entries"]]
            if told and wanted.after == 0:
                # Whoever loses the last change of an entry shows something else.
                lossy = [*one.frames[: told[-1]], *one.frames[told[-1] + 1 :]]
                controlled += entries_of(lossy) != listed
            filtered += len(listed)
        else:
            found = find_differences(truth, name, one.first, one.frames)
            assert not found, (wanted, one.first, found)
            if one.first == 0:
                check_that_differences_are_found(truth, name, one)
            whole += len(one.frames)
    assert controlled > 2, "a control of each kind"
    return whole, filtered


def not_found(facility, writers):
    """Who is told that there is no such entry must have asked for a removed one."""
    removed = defaultdict(list)
    query = (
        "SELECT kind, body, EXTRACT(EPOCH FROM pg_xact_commit_timestamp(xmin)) FROM record "
        "WHERE kind IN ('removed', 'restored', 'moved-in') ORDER BY 3"
    )
    for kind, body, at in facility.rows(query):
        for id in json.loads(body)["entries"]:
            removed[id].append((at, kind))
    found = [missed for writer in writers for missed in writer.not_found]
    for id, since, at in found:
        before = [kind for when, kind in removed[id] if when <= at and kind != "moved-in"]
        meanwhile = [kind for when, kind in removed[id] if since <= when <= at]
        was_removed = before[-1:] == ["removed"] or "restored" in meanwhile or "removed" in meanwhile
        assert was_removed, f"{id} is there, and was not found from {since} to {at}: {removed[id]}"
    return len(found)


def measure_delays(truth, received, writers, outages, begin, end):
    """Seconds from commit to receipt at the other replica than the one that wrote, while both were up, in a span of time."""
    replicas = {text: replica for writer in writers for text, replica in writer.acknowledged.items()}
    found = []
    for one in received:
        for frame in one.frames:
            if not isinstance(frame, Frame) or not frame.data:
                continue
            record = frame.data["book"], frame.data["record"]
            committed, replica = truth.committed[record], replicas.get(truth.texts.get(record))
            is_live = begin <= committed and frame.at <= end and frame.since < committed
            is_cut = any(committed < up and frame.at > down for down, up in outages)
            if replica is not None and replica != frame.replica and is_live and not is_cut:
                found.append(frame.at - committed)
    return sorted(found)


def format_percentiles(found):
    if not found:
        return "no delivery"
    at = lambda part: f"{found[int(len(found) * part)] * 1000:.0f} ms"  # noqa: E731
    return f"p50 {at(0.5)}, p99 {at(0.99)}, longest {found[-1] * 1000:.0f} ms of {len(found)} deliveries"


def plan_listeners(count, books, names, alice, carol, chance):
    """Who listens to what: all of an investigation or of an instrument, from the beginning or from the midst, or a part."""
    filters = [
        *({"tags": tag} for tag in TAGS[:2]), {"notTags": "t1"}, {"orTags": "t2,t3"}, {"types": "notification-error,annotation"},
        {"search": "w1 n"}, {"tags": "t0", "types": "annotation"},
    ]
    everything = [*(({"investigationId": book}, alice) for book in books), ({"instrumentName": "BL07"}, carol)]
    found = [Wanted(0, everything[0][0], alice, skips=True), Wanted(len(books), {"instrumentName": "bl07"}, carol, skips=True)]
    for n in itertools.count():
        place = n % len(everything)
        query, session = everything[place]
        if n // len(everything) % 2:
            part = chance.choice([*filters, {"filterInvestigation": "true"}] if "instrumentName" in query else filters)
            found.append(Wanted(place, query | part, session, chance.choice([0, None]), is_filtered=True))
        else:
            found.append(Wanted(place, query, session, chance.choice([0, 0, None])))
        if len(found) == count:
            return found


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--readers", type=int, default=48)
    options.add_argument("--writes", type=int, default=100, help="between one kill and the next")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    with Postgres("track_commit_timestamp=on") as postgres, Nats() as nats:
        facility = Facility(postgres)
        facility.services = ["auth", "icat"]
        facility.env |= nats.env
        with facility, Replica(facility) as one, Replica(facility) as two:
            for replica in (one, two):
                replica.start()
            try:
                run_scenario(options, facility, [one, two])
            except BaseException:
                for replica in (one, two):
                    print(*[line for line in replica.log.read_text().splitlines() if "ERROR" in line][-5:], sep="\n")
                raise


def run_scenario(options, facility, replicas):
    chance = random.Random(options.seed)
    alice, carol = facility.login("simple/alice"), facility.login("simple/carol")
    books = [facility.embargo, facility.other, create_investigation(facility, "ZZ-125"), create_investigation(facility, "ZZ-126")]
    names = [*(f"investigation/{book}" for book in books), "instrument/bl07"]
    world = World([replica.public for replica in replicas], len(names))
    answers = multiprocessing.SimpleQueue()
    wanted = plan_listeners(options.readers, books, names, alice, carol, chance)
    processes = [
        multiprocessing.Process(target=run_readers, args=(world, wanted[n::PROCESSES], f"{options.seed}/{n}", answers), daemon=True)
        for n in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    wait_until("most listen", lambda: world.reading.value > len(wanted) // 2)
    # Before the others begin: one of the two must not publish what it has written, and is heard at once all the same.
    lone = Writer(WRITERS + 1, world, books, (alice, carol), options.seed)
    alone = time.time()
    for replica in range(len(replicas)):
        lone.connection, lone.replica = None, replica
        for _ in range(10):
            lone.entry()
    writers = [Writer(n, world, books, (alice, carol), options.seed) for n in range(WRITERS)]
    for writer in writers:
        writer.start()

    def wait_for_writes(more):
        goal = world.acknowledged.value + more
        failed = lambda: [writer.failure for writer in writers if writer.failure]  # noqa: E731
        wait_until(f"{more} more are written", lambda: world.acknowledged.value >= goal or failed())
        assert not failed(), failed()

    wait_for_writes(options.writes)
    begin = time.time()
    wait_for_writes(options.writes * 2)
    quiet, outages = time.time(), []
    for kill in range(options.kills):
        replica = chance.choice(replicas)
        down = time.time()
        replica.kill()
        if kill == options.kills - 1:
            # What programs have written for it becomes its own as soon as a replica begins to look.
            create_investigation(facility, "ZZ-9")
            for writer in writers:
                writer.is_naming = False
        wait_for_writes(chance.randrange(options.writes // 4))
        replica.start()
        outages.append((down, time.time()))
        wait_for_writes(options.writes // 2 + chance.randrange(options.writes))
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join()
    assert not any(writer.failure for writer in writers), [writer.failure for writer in writers]
    # More at once than is sent.
    whole = Writer(WRITERS, world, books, (alice, carol), options.seed)
    for act in ("remove", "restore"):
        whole.send("PUT", f"/logbook/{alice}/event/{act}", investigationId=books[0])
    end = time.time()
    waiting = "SELECT id FROM entry WHERE proposal IS NOT NULL AND instrument = 'bl07' AND investigation_id IS NULL"
    wait_until("what programs wrote has found its investigation", lambda: not facility.rows(waiting))
    heads = {name: (records, fed) for name, records, fed in facility.rows("SELECT name, records, fed FROM book")}
    for place, name in enumerate(names):
        world.ends[place] = heads[name][name.startswith("instrument/")]
    received = [one for _ in processes for one in answers.get()]
    for process in processes:
        process.join()
    truth = Truth(facility)
    stored = Counter(truth.texts.values())
    authors = [lone, *writers]
    acknowledged = {text for author in authors for text in author.acknowledged}
    assert acknowledged <= stored.keys() <= {text for author in authors for text in author.attempted}
    assert max(stored.values()) == 1, "no write is there twice"
    records, chains = check_chains(facility.rows)
    deadlocks = (facility.postgres.dir / "log").read_text().partition("deadlock detected")
    assert not deadlocks[1], f"two writers waited for each other: {deadlocks[2][:3000]}"
    missed = not_found(facility, writers)
    whole, filtered = compare_readers(truth, names, received, world)
    rows = [row for name, rows in truth.streams.items() if not name.startswith("instrument/") for row in rows]
    kinds, large = Counter(row[3] for row in rows), sum(len(row[4]) > MOST_ENTRIES for row in rows)
    print(f"{records} records in {chains} logbooks are whole, {len(truth.streams[names[-1]])} of them in the feed of BL07")
    print(f"in those of investigations: {dict(kinds)}; {large} are about more entries than are sent")
    print(f"writes: {dict(sum((writer.outcomes for writer in writers), Counter()))}; {missed} changes of removed entries were refused")
    connections, cut = (sum(getattr(one, name) for one in received) for name in ("connections", "cut"))
    print(
        f"{len(received)} readers, {connections - len(received)} reconnections, {cut} times cut off or refused, {options.kills} "
        f"kills: {whole} records received by those without a filter, each once and in order; {filtered} entries shown by "
        "those with one, as lists have them"
    )
    spans = [("of a lone writer", alone, begin), ("before the kills", begin, quiet), ("between them, while both were up", quiet, end)]
    for when, since, until_then in spans:
        found = measure_delays(truth, received, writers if since > alone else [lone], outages, since, until_then)
        print(f"from commit to the other replica's reader, {when}: {format_percentiles(found)}")


if __name__ == "__main__":
    main()
