"""Generates the rows that the service stores for an entry; `facility.prove` compares them with those of the service."""

import functools
import hashlib
import json
import re
import unicodedata

EVENT = ["type", "category", "at", "content", "tags", "title", "investigationId", "investigationName", "instrumentName",
         "datasetId", "datasetName", "username", "fullName", "software", "machine", "source", "filename", "filepath",
         "fileSize", "contentType", "files"]
TABLES = {
    "entry": "id, seq, book_id, type, category, at, created_at, updated_at, version, removed, late, investigation_id, "
             "proposal, instrument, body, words",
    "entry_words": "rowid, tokens",
    "entry_tag": "entry_id, name",
    "tag": "id, scope, folded, name, description, color, beamline, investigation_id",
    "record": "book_id, n, kind, at, actor, body, previous, hash",
    "version": "entry_id, version, book_id, n",
    "feed": "book_id, n, record_book_id, record_n",
}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_mark(c):
    return unicodedata.category(c).startswith("M")


@functools.lru_cache(100_000)
def fold(text):
    if text.isascii():
        return text.lower()
    return "".join("ss" if c == "ß" else c for d in unicodedata.normalize("NFKD", text) if not is_mark(d) for c in d.lower())


def words(text):
    if text.isascii():
        return re.findall("[a-z0-9]+", text.lower())
    runs = "".join(c if c.isalnum() or is_mark(c) else " " for c in text).split()
    return [word for run in runs for word in re.findall(r"[^\W_]+", fold(run))]


def plain(html):
    return re.sub("<[^>]*>", "", html)


def texts(event):
    found = []
    for part in event["content"]:
        text = plain(part["text"]) if part["format"] == "html" else part["text"]
        if not any(known.strip() == text.strip() for known in found):
            found.append(text)
    more = [event[key] for key in ("title", "username", "fullName", "datasetName", "filename")]
    return found + [text for text in more if text is not None] + event["tags"]


def digest(name, n, kind, at, actor, body, previous):
    out = "undulator logbook record 1\n"
    for part in (name, str(n), kind, str(at), actor, body, previous):
        out += f"{len(part.encode())}:{part}\n"
    return hashlib.sha256(out.encode()).hexdigest()


class Book:
    def __init__(self, number, name, records=0, head="", fed=0):
        self.number, self.name, self.records, self.head, self.fed = number, name, records, head, fed


class Books:
    """What a service keeps of its logbooks; goes on from what is stored."""

    def __init__(self, known, tags, following):
        self.books = {name: Book(number, name, *more) for number, name, *more in known}
        self.tags, self.following = set(tags), following

    def number(self):
        self.following += 1
        return self.following - 1

    def book(self, name):
        if name not in self.books:
            self.books[name] = Book(self.number(), name)
        return self.books[name]

    def scopes(self, event):
        own = f"investigation/{event['investigationId']}" if event["investigationId"] is not None else None
        instrument = f"instrument/{fold(event['instrumentName'])}" if event["instrumentName"] else None
        return own, instrument

    def add(self, entry, event, written, actor, out):
        """Appends to the rows of each table what the service stores for an entry of that id."""
        event = {key: event.get(key) for key in EVENT} | {"files": event.get("files", [])}
        own, instrument = self.scopes(event)
        scope = own or instrument
        book, seq = self.book(scope), self.number()
        body, found = compact(event), texts(event)
        lines = [fold(text) for text in found]
        lines = [line for n, line in enumerate(lines) if n == 0 or lines[n - 1] != line]
        name, beamline = event["investigationName"], event["instrumentName"]
        out["entry"].append((
            entry, seq, book.number, event["type"], event["category"], event["at"], written, written, 1, 0, 0, event["investigationId"],
            None if name is None else fold(name), None if beamline is None else fold(beamline), body, "\n".join(lines),
        ))
        tokens = " ".join(word for text in found for word in words(text))
        out["entry_words"].append((seq, f" {tokens}{' ' * bool(tokens)}§{book.number} "))
        for tag in event["tags"]:
            out["entry_tag"].append((entry, fold(tag)))
            if not {("global", fold(tag)), (scope, fold(tag)), (instrument, fold(tag))} & self.tags:
                self.tags.add((scope, fold(tag)))
                number = hashlib.sha256(f"{scope}/{tag}".encode()).hexdigest()[:24]
                upper = beamline.upper() if own is None else None
                out["tag"].append((number, scope, fold(tag), tag, None, None, upper, event["investigationId"]))
        book.records += 1
        record = compact({"entry": entry, "version": 1, "event": event})
        following = digest(book.name, book.records, "created", written, actor, record, book.head)
        out["record"].append((book.number, book.records, "created", written, actor, record, book.head, following))
        book.head = following
        out["version"].append((entry, 1, book.number, book.records))
        if instrument:
            feed = self.book(instrument)
            feed.fed += 1
            out["feed"].append((feed.number, feed.fed, book.number, book.records))
        return out
