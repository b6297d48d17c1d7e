"""A facility with ten instruments and 200 investigations, each with a logbook. One logbook contains a tenth of all entries,
one always contains 1,000, and the others share the rest according to their time. Some entries are written over HTTP, the
rest directly into the database; a comparison proves that both have the same form."""

import datetime
import http.client
import json
import random
import time
import urllib.parse
from collections import defaultdict

from logbook_facility import KEY, RULES, SETTINGS
from rows import TABLES, Books
from suite import Suite
from texts import PLANTED, Texts

INSTRUMENTS, INVESTIGATIONS, STEADY = 10, 200, 1000
DAYS = 3 * 365
BATCH = 20_000
DAY = 86_400_000_000
PLACED = ("investigationId", "investigationName", "instrumentName")


class Http:
    """One client with one connection."""

    def __init__(self, suite):
        self.connection, self.last = http.client.HTTPConnection("127.0.0.1", suite.public, timeout=600), 0

    def call(self, method, path, body=None):
        """Milliseconds and the answer."""
        # The server closes what has been idle for a minute.
        if time.monotonic() - self.last > 30:
            self.connection.close()
        started = time.perf_counter()
        self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        found = answer.read()
        elapsed = (time.perf_counter() - started) * 1000
        self.last = time.monotonic()
        assert answer.status == 200, (method, path[:200], answer.status, found[:500])
        return elapsed, found

    def json(self, path):
        return json.loads(self.call("GET", path)[1])


def iso(micros):
    return datetime.datetime.fromtimestamp(micros / 1e6, datetime.UTC).isoformat(timespec="microseconds")


class Facility(Suite):
    """`member` is of every fourth investigation and scientist of one instrument; `staff` is scientist of all."""

    def __init__(self, program, database):
        super().__init__(program)
        self.env |= database
        (self.dir / "undulator.toml").write_text(SETTINGS.replace("VIEWER", f"{self.url}/icat/version"))
        self.people = ["root", "alice", "member", "staff", "admin"]
        for name in self.people:
            self.add_user(f"simple/{name}")
        self.env |= {
            "UNDULATOR_ICAT__READER": f"simple:root:{self.passwords['simple/root']}",
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/admin"]',
            # One address asks more than a user would.
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
        }

    def create(self, entity, *rows):
        form = {"sessionId": self.root, "entities": json.dumps([{entity: row} for row in rows])}
        status, _, body = self.request("POST", "/icat/entityManager", form=form)
        assert status == 200, (entity, status, body)
        return [{"id": id} for id in json.loads(body)]

    def open(self):
        self.start()
        self.root = self.login("simple/root")
        users = dict(zip(self.people, self.create(
            "User", *({"name": f"simple/{name}", "fullName": f"{name.title()} Example"} for name in self.people))))
        (facility,) = self.create("Facility", {"name": "SRC"})
        (kind,) = self.create("InvestigationType", {"name": "MX", "facility": facility})
        names = [f"ID{n:02}" for n in range(INSTRUMENTS)]
        instruments = self.create("Instrument", *({"name": name, "facility": facility} for name in names))
        serving = [(users["member"], instruments[0])] + [(users["staff"], instrument) for instrument in instruments]
        self.create("InstrumentScientist", *({"user": user, "instrument": instrument} for user, instrument in serving))
        self.create("Rule", *({"crudFlags": "R", "what": what} for what in RULES))
        self.begin = (time.time_ns() // 1000 // DAY - DAYS - 1) * DAY
        self.end = self.begin + DAYS * DAY
        slots = INVESTIGATIONS // INSTRUMENTS

        def investigation(n):
            first = self.begin + n // INSTRUMENTS * (self.end - self.begin) // slots
            whole = n < 2
            start, end = (self.begin, self.end) if whole else (first, first + (self.end - self.begin) // slots)
            text = lambda micros: iso(micros)[:19] + "Z"  # noqa: E731
            return {"name": f"BM-{n}", "visitId": "1", "title": f"About {n}", "facility": facility, "type": kind,
                    "startDate": text(start), "endDate": text(end), "releaseDate": text(self.end + 1000 * DAY)}

        made = self.create("Investigation", *(investigation(n) for n in range(INVESTIGATIONS)))
        self.create("InvestigationInstrument", *({"investigation": i, "instrument": instruments[n % INSTRUMENTS]} for n, i in enumerate(made)))
        people = [(i, user) for n, i in enumerate(made) for user in ("alice", "member") if user == "alice" or n % 4 in (0, 1) and n % 8 < 2]
        self.create("InvestigationUser", *({"investigation": i, "user": users[user], "role": "PI"} for i, user in people))
        self.ids, self.names = [i["id"] for i in made], names
        self.big, self.steady, self.small = self.ids[0], self.ids[1], self.ids[8]

    def place(self, n):
        return {"investigationId": self.ids[n], "investigationName": f"BM-{n}", "instrumentName": self.names[n % INSTRUMENTS]}

    def sessions(self):
        return {name: self.login(f"simple/{name}") for name in ("member", "staff", "admin")}


def body(event):
    """What a client sends for it."""
    sent = {key: event[key] for key in ("type", "category", "content", "datasetName", "software", "machine", "title") if event.get(key)}
    return json.dumps(sent | {"tag": [{"name": name} for name in event["tags"]], "creationDate": iso(event["at"])}, ensure_ascii=False).encode()


def notify(client, event, by=("investigationName", "instrumentName")):
    """As pyicat-plus does. By names alone the service asks the catalogue, and if that takes long the entry stays with the
    instrument for a while; where it must be in its logbook at once, `by` has the id as well."""
    query = urllib.parse.urlencode({name: event[name] for name in by})
    return client.call("POST", f"/dataacquisition/{KEY}/notification?{query}", body(event))


def prove(facility, engine, texts, count=60):
    """Writes entries of each kind over HTTP, and makes their rows again: both must be the same to the byte."""
    client, sessions = Http(facility), {name: facility.login(f"simple/{name}") for name in ("alice", "member")}
    events = []
    for n in range(count):
        event = Texts.plant(texts.annotation()) if n == 0 else texts.annotation() if n % 2 else texts.notification()
        event |= facility.place(n % 2) | {"at": facility.begin + n * 1000}
        if event["type"] == "annotation":
            path = f"/logbook/{sessions[event['username']]}/event?investigationId={event['investigationId']}"
            _, answer = client.call("POST", path, body(event))
        else:
            _, answer = notify(client, event, PLACED)
        events.append((json.loads(answer), event))
    facility.kill()
    engine.open()
    made = Books([], [], 1)
    out = {table: [] for table in TABLES}
    for answer, event in events:
        written = micros(answer["createdAt"])
        actor = f"simple/{event['username']}" if event["type"] == "annotation" else "simple/acquisition"
        made.add(answer["_id"], event, written, actor, out)
    for table, columns in TABLES.items():
        stored = engine.rows(table, columns)
        mine, theirs = (sorted(map(comparable, rows, [table] * len(rows))) for rows in (out[table], stored))
        for one, other in zip(mine, theirs):
            assert one == other, f"{table}: a row would be\n{one}\nand the service stores\n{other}"
        assert len(mine) == len(theirs), table
    print(f"  {count} entries over HTTP: the rows of {len(TABLES)} tables are the same to the byte as those made for them")


def comparable(row, table):
    # The id of a tag is a random one.
    return json.dumps(row[1:] if table == "tag" else row, ensure_ascii=False)


def micros(text):
    moment = datetime.datetime.fromisoformat(text)
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * 1_000_000 + moment.microsecond


def following(facility, engine):
    """The state from which filling goes on."""
    known = engine.values("SELECT id, name, records, head, fed FROM book")
    tags = engine.values("SELECT scope, folded FROM tag")
    return Books(known, tags, engine.following())


def fill(facility, engine, size, texts):
    """Seconds, and a sample of what was written."""
    engine.begin_fill()
    books = following(facility, engine)
    r = random.Random(size)
    started = time.perf_counter()
    there = sum(book.records for book in books.books.values())
    count, slots = size - there, INVESTIGATIONS // INSTRUMENTS
    planted = {int((n + 0.5) * count / PLANTED) for n in range(PLANTED - 1)}
    steady = {int((n + 0.5) * count / STEADY) for n in range(STEADY - there // 2)}
    sample, out = [], defaultdict(list)
    kinds = defaultdict(int)
    for n in range(count):
        share = n / count
        event = texts.entry()
        if n in planted:
            Texts.plant(event)
            where = 0
        elif n in steady:
            where = 1
        elif r.random() < 0.1:
            where = 0
        else:
            where = 2 + (int(share * slots) * INSTRUMENTS + r.randrange(INSTRUMENTS)) % (INVESTIGATIONS - 2)
        event |= facility.place(where)
        if event["type"] == "notification" and r.random() < 0.01:
            # What names no proposal, or one that the catalogue does not know.
            event |= {"investigationId": None, "investigationName": f"TEST-{r.randrange(5)}" if r.random() < 0.5 else None}
        at = facility.begin + DAY // 10 + int(share * (facility.end - facility.begin - DAY // 5))
        event["at"] = at - (r.randrange(5 * 3600 * 10**6) if event["type"] == "annotation" and r.random() < 0.05 else 50_000)
        actor = f"simple/{event['username']}" if event["type"] == "annotation" else "simple/acquisition"
        entry = f"{at // 1_000_000:08x}{r.getrandbits(64):016x}"
        books.add(entry, event, at, actor, out)
        kinds[event["type"]] += 1
        if n % (count // 50 or 1) == 0:
            sample.append((entry, event))
        if len(out["entry"]) >= BATCH:
            write(engine, books, out)
    write(engine, books, out)
    engine.end_fill(books)
    took = time.perf_counter() - started
    print(f"  filled with {count:,} entries ({kinds['notification'] / count:.1%} notifications) in {took:.0f} s: {count / took:,.0f}/s; "
          f"database {engine.size():.0f} MB", flush=True)
    return books, sample


def write(engine, books, out):
    engine.open_books(books)
    engine.add(out)
    out.clear()


def verify(facility, engine, books, sample, session):
    """What the service says of the rows: chains, numbers, a sample, and the words."""
    client = Http(facility)
    for number in (facility.big, facility.steady):
        elapsed, export = client.call("GET", f"/logbook/{session}/records?investigationId={number}")
        done = facility.run("logbook", "verify", "-", stdin=export.decode())
        print(f"  undulator logbook verify: {done.stdout.strip()[:70]}… ({len(export) / 1e6:.0f} MB in {elapsed / 1000:.1f} s)")
    for number in facility.ids:
        told = client.json(f"/logbook/{session}/event/count?investigationId={number}")
        assert told == books.books[f"investigation/{number}"].records, number
    for entry, event in sample:
        at = urllib.parse.quote(iso(event["at"]))
        owner = f"investigationId={event['investigationId']}" if event["investigationId"] else f"instrumentName={event['instrumentName']}"
        found = client.json(f"/logbook/{session}/event?{owner}&startTime={at}&endTime={at}")
        found = next(one for one in found if one["_id"] == entry)
        shown = {**found, "tags": [tag["name"] for tag in found["tag"]], "at": micros(found["creationDate"])}
        assert all(shown[key] == value for key, value in event.items()), (shown, event)
    print(f"  counts of {len(facility.ids)} logbooks and a sample of {len(sample)} entries are the same over HTTP")
