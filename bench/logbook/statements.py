"""The statements that the logbook sends for lists and searches, composed as in `store/entries.rs` and `store/search.rs`."""

import json

from rows import words

COLUMNS = "id, seq, book_id, created_at, updated_at, version, removed, late, body"
QUARTER = 15 * 60 * 1_000_000
MOST_LABELS = 16
NEWEST = 50_000
COLUMN = {"_id": "e.id", "creationDate": "e.at", "createdAt": "e.created_at", "updatedAt": "e.updated_at"}


class Query:
    def __init__(self, scope=None, **filters):
        self.conditions, self.vals = [], []
        kind, value = scope or ("everything", None)
        if kind == "book":
            self.add("e.book_id = {}", value)
        elif kind == "instrument":
            self.add("e.instrument = {}", value)
        else:
            self.conditions.append("1 = 1")
        self.filter(**filters)

    def bind(self, value):
        self.vals.append(value)
        return f"${len(self.vals)}"

    def add(self, condition, value):
        self.conditions.append(condition.replace("{}", self.bind(value)))

    def filter(self, types=(), without_investigation=False, span=None, search=None, tags=(), removed=0):
        self.add("e.removed = {}", removed)
        if without_investigation:
            self.conditions.append("e.investigation_id IS NULL")
        if span:
            self.add("e.at >= {}", span[0])
            self.add("e.at < {}", span[1])
        if search:
            self.add("e.words LIKE {} ESCAPE '\\'", f"%{search}%")
        if types:
            each = [" AND ".join(f"e.{name} = {self.bind(value)}" for name, value in zip(("type", "category"), kind.split("-"))) for kind in types]
            self.conditions.append(f"({' OR '.join(f'({one})' for one in each)})")
        for tag, is_rare in tags:
            self.add("e.id IN (SELECT t.entry_id FROM entry_tag t WHERE t.name IN ({}))" if is_rare else
                     "EXISTS (SELECT 1 FROM entry_tag t WHERE t.entry_id = e.id AND t.name IN ({}) LIMIT 1)", tag)

    def text(self):
        return " AND ".join(self.conditions)


def listing(scope, by="_id", limit=50, skip=0, **filters):
    query = Query(scope, **filters)
    order = "e.id DESC" if by == "_id" else f"{COLUMN[by]} DESC, e.id DESC"
    part = f"FROM entry e WHERE {query.text()} ORDER BY {order} LIMIT {query.bind(limit)} OFFSET {query.bind(skip)}"
    if skip == 0:
        return f"SELECT {COLUMNS} {part}", query.vals
    return f"SELECT {COLUMNS} FROM entry e WHERE e.id IN (SELECT e.id {part}) ORDER BY {order}", query.vals


def count(scope, **filters):
    query = Query(scope, **filters)
    return f"SELECT COUNT(*) AS n FROM entry e WHERE {query.text()}", query.vals


def before(scope, entry, by="_id", place=None, **filters):
    """How many come before an entry in the newest-first order."""
    query = Query(scope, **filters)
    if by == "_id":
        query.add("e.id > {}", entry)
    else:
        place, entry = query.bind(place), query.bind(entry)
        query.conditions.append(f"({COLUMN[by]} > {place} OR ({COLUMN[by]} = {place} AND e.id > {entry}))")
    return f"SELECT COUNT(*) AS n FROM entry e WHERE {query.text()}", query.vals


def days(engine, scope, starts, **filters):
    """Which of the days that begin there have entries."""
    query = Query(scope, **filters)
    listed = engine.id_list(query.bind(json.dumps(starts)))
    return (f"SELECT d.day FROM (SELECT s.value AS day, LEAD(s.value) OVER (ORDER BY s.value) AS next FROM {listed} s) d "
            f"WHERE d.next IS NOT NULL AND EXISTS (SELECT 1 FROM entry e WHERE {query.text()} AND e.at >= d.day AND e.at < d.next LIMIT 1) "
            "ORDER BY d.day", query.vals)


def quarters(scope, **filters):
    query = Query(scope, **filters)
    by = f"e.at / {QUARTER}"
    return f"SELECT {by} AS quarter, COUNT(*) AS n FROM entry e WHERE {query.text()} GROUP BY {by} ORDER BY {by}", query.vals


def by_investigation(**filters):
    query = Query(None, **filters)
    counted = ", ".join(f"CAST(SUM(CASE WHEN e.type = '{kind}' THEN 1 ELSE 0 END) AS BIGINT) AS {kind}s" for kind in ("annotation", "notification"))
    return (f"SELECT e.investigation_id AS investigation, COUNT(*) AS n, {counted} FROM entry e WHERE {query.text()} "
            "AND e.investigation_id IS NOT NULL GROUP BY e.investigation_id ORDER BY e.investigation_id", query.vals)


def terms(question):
    """Conditions of a question: words, and whether the last is a beginning."""
    for n, part in enumerate(question.split('"')):
        for text in [part] if n % 2 else part.split():
            if found := words(text):
                yield found, text.rstrip().endswith("*")


def search(engine, question, books=None, instrument=None, limit=26, last=None, **filters):
    """`books`: numbers of logbooks, or None for all; `last`: the newest entry, if only the newest are looked at."""
    query = Query(("instrument", instrument) if instrument else None, **filters)
    labels = []
    if books is not None and len(books) <= MOST_LABELS:
        labels = [f"§{number}" for number in books]
    elif books is not None:
        query.conditions.append(f"e.book_id IN {engine.id_list(query.bind(json.dumps(books)))}")
    both, either = engine.both, engine.either
    asked = [f"({either.join(engine.word(label) for label in labels)})"] if labels else []
    patterns = []
    for found, is_open in terms(question):
        asked += [engine.word(word, is_open and n == len(found) - 1) for n, word in enumerate(found)]
        if len(found) > 1:
            patterns.append(f"% {' '.join(found)}{'' if is_open else ' '}%")
    query.conditions.append(engine.has_words(query.bind(both.join(asked))))
    for pattern in patterns:
        query.add("entry_words.tokens LIKE {} ESCAPE '\\'", pattern)
    if last is not None:
        query.add("entry_words.rowid < {}", last + 1)
        query.add("entry_words.rowid >= {}", last + 1 - NEWEST)
    limit = query.bind(limit)
    return (f"SELECT {COLUMNS} FROM entry_words CROSS JOIN entry e WHERE e.seq = entry_words.rowid AND {query.text()} "
            f"ORDER BY entry_words.rowid DESC LIMIT {limit}", query.vals)


RECORDS = "SELECT n, kind, at, actor, body, previous, hash FROM record WHERE book_id = $1 AND n > $2 ORDER BY n LIMIT $3"
FEED = ("SELECT f.n AS place, b.name, r.n, r.kind, r.at, r.actor, r.body, r.previous, r.hash FROM feed f JOIN record r ON "
        "r.book_id = f.record_book_id AND r.n = f.record_n JOIN book b ON b.id = f.record_book_id WHERE f.book_id = $1 AND f.n > $2 "
        "ORDER BY f.n LIMIT $3")
UNBOUND = (f"SELECT {COLUMNS} FROM entry WHERE proposal IS NOT NULL AND investigation_id IS NULL AND late = 0 AND id > $1 "
           "ORDER BY id LIMIT $2")
WITHOUT_INSTRUMENT = "SELECT COUNT(*) AS n FROM entry WHERE instrument IS NULL AND investigation_id IS NOT NULL"
