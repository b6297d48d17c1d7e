"""The queries that portals send to a logbook, each as a request and as the SQL statement behind it."""

import urllib.parse

import statements as s
from facility import DAY, INSTRUMENTS, Http, iso
from rows import fold
from stores import repeated
from texts import RARE, RARE_TAG

SEARCHES = {
    "frequent word": "sample", "rare word": RARE, "two words": "sample detector", "phrase": '"beam dump"',
    "phrase of words that never follow each other": '"sample umv"', "beginning": "calib*", "beginning of one letter": "s*",
    "no such word": "qqqq",
}


# As `RARE` of `store/query.rs`.
RARE_IS = 500


class Question:
    def __init__(self, name, who, path, statement):
        self.name, self.who, self.path, self.statement = name, who, path, statement


def questions(facility, engine, books, middle_entry):
    """`middle_entry`: id and time of one in the middle of the large logbook."""
    both = ("member", "admin")
    big, steady = books.books[f"investigation/{facility.big}"], books.books[f"investigation/{facility.steady}"]
    beamline = facility.names[0]
    middle = facility.begin + (facility.end - facility.begin) // 2 // DAY * DAY
    # The facility's days are those of its time zone; the request says the same moments.
    day = (middle, middle + DAY)
    span = {"startTime": iso(day[0]), "endTime": iso(day[1] - 1)}
    starts = list(range(facility.begin // DAY * DAY, facility.end + 2 * DAY, DAY))
    found = []

    def tag(name):
        """With whether so few entries have it that the service begins with them."""
        return name, engine.values("SELECT COUNT(*) FROM entry_tag WHERE name = $1", [fold(name)])[0][0] <= RARE_IS

    def ask(name, path, statement, who=both, **query):
        found.append(Question(name, who, f"{path}?{urllib.parse.urlencode(query)}", statement))

    scopes = [
        ("large", {"investigationId": facility.big}, ("book", big.number)),
        ("1,000", {"investigationId": facility.steady}, ("book", steady.number)),
        ("instrument", {"instrumentName": beamline}, ("instrument", fold(beamline))),
    ]
    for label, owner, scope in scopes:
        page = {**owner, "limit": 50}
        ask(f"{label}: newest page, _id", "event", s.listing(scope), **page, sortBy="_id")
        ask(f"{label}: newest page, creationDate", "event", s.listing(scope, "creationDate"), **page, sortBy="creationDate")
        ask(f"{label}: annotations", "event", s.listing(scope, types=["annotation"]), **page, types="annotation")
        ask(f"{label}: errors", "event", s.listing(scope, types=["notification-error"]), **page, types="notification-error")
        ask(f"{label}: broadcasts, of which there are none", "event", s.listing(scope, types=["broadcast"]), **page, types="broadcast")
        ask(f"{label}: a frequent tag", "event", s.listing(scope, tags=[tag("beam")]), **page, tags="beam")
        ask(f"{label}: a tag of {19 if label != '1,000' else 0} entries", "event", s.listing(scope, tags=[tag(RARE_TAG)]), **page, tags=RARE_TAG)
        ask(f"{label}: one day, _id", "event", s.listing(scope, span=day), **page, **span)
        ask(f"{label}: one day, creationDate", "event", s.listing(scope, "creationDate", span=day), **page, **span, sortBy="creationDate")
        ask(f"{label}: part of a text, frequent", "event", s.listing(scope, search="scan"), **page, search="scan")
        ask(f"{label}: part of a text, absent", "event", s.listing(scope, search="qqqq"), **page, search="qqqq")
        ask(f"{label}: page 1,000 from the newest", "event", s.listing(scope, skip=50_000), **page, skip=50_000)
        if label == "instrument":
            ask(f"{label}: without investigations", "event", s.listing(scope, without_investigation=True), **page, filterInvestigation="true")
        ask(f"{label}: days", "event/dates", s.days(engine, scope, starts), **owner)
        ask(f"{label}: days of annotations", "event/dates", s.days(engine, scope, starts, types=["annotation"]), **owner, types="annotation")
        ask(f"{label}: count", "event/count", s.count(scope), **owner)
        ask(f"{label}: count of annotations", "event/count", s.count(scope, types=["annotation"]), **owner, types="annotation")
        ask(f"{label}: count of a tag", "event/count", s.count(scope, tags=[tag("beam")]), **owner, tags="beam")
    # One of the first, to which nothing is added any more.
    old = ("book", books.books[f"investigation/{facility.small}"].number)
    ask("ended long ago: newest page, _id", "event", s.listing(old), investigationId=facility.small, limit=50)
    ask("ended long ago: newest page, creationDate", "event", s.listing(old, "creationDate"), investigationId=facility.small, limit=50, sortBy="creationDate")
    ask("ended long ago: days", "event/dates", s.days(engine, old, starts), investigationId=facility.small)
    ask("ended long ago: count", "event/count", s.count(old), investigationId=facility.small)
    entry, at = middle_entry
    scope = ("book", big.number)
    ask("large: page of an entry in the middle, _id", "event/page", s.before(scope, entry), **{"investigationId": facility.big, "limit": 50, "_id": entry})
    ask("large: page of an entry in the middle, creationDate", "event/page", s.before(scope, entry, "creationDate", at),
        **{"investigationId": facility.big, "limit": 50, "_id": entry, "sortBy": "creationDate"})
    newest = engine.values("SELECT MAX(seq) FROM entry")[0][0]

    def last(kind):
        """A frequent phrase is found among the newest."""
        return {"last": newest} if kind == "phrase" else {}

    for name, owner, scope in scopes:
        for kind, text in SEARCHES.items():
            where = {"instrument": scope[1]} if name == "instrument" else {"books": [scope[1]]}
            where |= last(kind) if name != "1,000" else {}
            ask(f"search {name}: {kind}", "search", s.search(engine, text, **where), **owner, search=text)
    numbers = sorted(book.number for book in books.books.values())
    own = [f"investigation/{number}" for n, number in enumerate(facility.ids) if (n % 4 in (0, 1) and n % 8 < 2) or n % INSTRUMENTS == 0]
    own = sorted(books.books[name].number for name in [*own, f"instrument/{fold(beamline)}"] if name in books.books)
    for kind, text in SEARCHES.items():
        ask(f"search in all: {kind}", "search", s.search(engine, text, **last(kind)), who=("admin",), search=text)
        ask(f"search in {len(own)}: {kind}", "search", s.search(engine, text, books=own, **last(kind)), who=("member",), search=text)
        ask(f"search in {len(numbers)}: {kind}", "search", s.search(engine, text, books=numbers, **last(kind)), who=("staff",), search=text)
    ask("1,000: records", "records", (s.RECORDS, [steady.number, 0, 1000]), **scopes[1][1])
    ask("entries per day of the facility", "stats/count", s.quarters(None), who=("admin",))
    ask("entries per investigation of the facility", "stats/investigation", s.by_investigation(), who=("admin",))
    return found


# What the service asks by itself, or for those who listen.
ALONE = {
    "every 30 s: entries whose investigation is not known": (s.UNBOUND, ["", 500]),
    "how many name no instrument": (s.WITHOUT_INSTRUMENT, []),
}


def measure(facility, engine, asked, sessions, seconds):
    """Name and who to what was measured over HTTP and by plain SQL."""
    client, results, plain = Http(facility), {}, {}
    for question in asked:
        for who in question.who:
            path = f"/logbook/{sessions[who]}/{question.path}"
            if question.name not in plain:
                plain[question.name] = engine.timed(seconds / 2, lambda: question.statement)
            timed = repeated(seconds, lambda: client.call("GET", path)[0], facility.server.pid, engine.warm)
            results[question.name, who] = (timed, plain[question.name])
            hand = plain[question.name]
            print(f"  {question.name:55} {who:6} {timed.p50:9.2f} / {timed.p99:9.2f} ms, {timed.cpu:8.2f} ms of processor time; {engine.source} "
                  f"{hand.p50:9.2f} ms, ×{timed.p50 / hand.p50:.1f}", flush=True)
    return results
