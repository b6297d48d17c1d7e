#!/usr/bin/env python3
"""Exports of a large logbook to a reader that is slow: what they need of memory, and what others' programs say of the files.
An `.eln` comes in again; a `.pdf` opens.

    tests/interop/logbook/test_exports.py [--entries N]      2,000 if not given; 100,000 for a change of exports
"""

# needs: browser logbook_clients pdf_readers
# seconds: 22
# long: --entries 100000

import argparse
import base64
import collections
import hashlib
import io
import json
import random
import re
import socket
import struct
import subprocess
import sys
import time
import traceback
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from logbook_facility import Facility
from suite import ROOT

sys.path += [str(ROOT / "bench/logbook"), str(ROOT / "bench/lib")]

import pdf_inspection
from logbook_client import PNG
from logbook_page import write_by_program
from logbook_requests import Book, create_investigation
from rows import Books
from stores import Sqlite
from texts import Texts

FORMATS = ["csv", "txt", "jsonl", "eln", "pdf"]
# A part of a PDF is laid out in memory as a whole; the others are written as they are read. The allocator keeps freed memory
# for a moment.
MOST_MEGABYTES = {**dict.fromkeys(FORMATS, 96), "pdf": 224}
SLOW_SECONDS = 1
BATCH = 20_000
IMPORTED = 1_000
FIRST, LAST = "Alphaundulation", "Omegaundulation"
# Of which an entry each has one, more than fits beside what an export needs.
PICTURES, PICTURE_SIDE = 24, 600
NAMES = ["ümlaut 日本.bin", "../../up.bin", "a?b#c%41.bin", "x" * 300 + ".bin", ".hidden", "CON", "same.bin", "same.bin"]
SETTING = {"UNDULATOR_LOGBOOK__LARGEST_ATTACHMENT": "8MiB"}


def make_picture(chance):
    """A PNG that cannot be made much smaller."""
    side = PICTURE_SIDE
    rows = b"".join(b"\x00" + chance.randbytes(3 * side) for _ in range(side))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def write_few(book):
    """What a logbook has besides words: attachments by many names, the same one twice, an image within, an edited entry."""
    made = [book.attach(name, name.encode() * 3) for name in NAMES]
    (image,) = book.attach("image.png", PNG)["file"]
    book.write(f'<p>Within: <img src="/resource/file/{image}"> <b>É日本</b> ∑ √2</p><table><tr><td>a</td><td>b</td></tr></table>')
    old = book.write("Before", title="Of two versions", tag=[{"name": "edited"}])
    new = {**old, "content": [{"format": "html", "text": "After <i>all</i>"}]}
    book.send("PUT", "event", {"event": {key: new[key] for key in ("_id", "type", "category", "content", "title", "tag")}})
    # Programs say for whom they write, as they like.
    for username, name in (("alice", "Alice Example"), ("alice", "Dr Alice"), ("a <b> \"c\" Ü", "None")):
        write_by_program(book.facility, "1 < 2 & <b>not bold</b>", username=username, fullName=name)
    return len(made) + 6


def insert_entries(facility, count):
    """The rest, directly into the database; the first and the last can be told by a word."""
    facility.kill()
    engine, texts, out = Sqlite(facility), Texts(count), collections.defaultdict(list)
    engine.open()
    engine.begin_fill()
    known = engine.values("SELECT id, name, records, head, fed FROM book")
    books = Books(known, engine.values("SELECT scope, folded FROM tag"), engine.following())
    place = {"investigationId": facility.embargo, "investigationName": "ZZ/123", "instrumentName": "BL07"}
    begin = 1_700_000_000_000_000
    for n in range(count):
        event = texts.entry() | place | {"at": begin + n * 60_000_000}
        if n in (0, count - 1):
            event["content"] = [{"format": "plainText", "text": FIRST if n == 0 else LAST}]
        actor = f"simple/{event['username']}" if event["type"] == "annotation" else "simple/acquisition"
        books.add(f"{event['at'] // 1_000_000:08x}{n:016x}", event, event["at"], actor, out)
        if len(out["entry"]) >= BATCH or n == count - 1:
            engine.open_books(books)
            engine.add(out)
            out.clear()
    engine.end_fill(books)
    engine.close()
    facility.start()


class Memory:
    """Megabytes of the server over what it has when nothing was asked for but a list."""

    def __init__(self, facility, book):
        facility.kill()
        facility.start()
        self.pid = facility.server.pid
        book.send("GET", "event?limit=100")
        self.idle = self.value("VmRSS")
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def value(self, name):
        return int(re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())[1]) / 1024

    def peak(self):
        return self.value("VmHWM") - self.idle


class Slow:
    """One answer, read as slowly as wanted."""

    def __init__(self, facility, path):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.settimeout(300)
        self.socket.connect(("127.0.0.1", facility.public))
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        self.got = bytearray()

    def some(self, seconds):
        """A little at a time for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            piece = self.socket.recv(4096)
            if not piece:
                return
            self.got += piece
            time.sleep(0.02)

    def rest(self):
        """Headers and the whole body."""
        while piece := self.socket.recv(1 << 20):
            self.got += piece
        self.socket.close()
        head, _, body = bytes(self.got).partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        assert " 200 " in status, (status, body[:300])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            body = decode_chunks(body)
        return headers, body


def decode_chunks(body):
    pieces, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end], 16)
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


def check_eln(path, body, count):
    """What stands in the archive is what its metadata say; the archive's files by their names."""
    path.write_bytes(body)
    done = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:]
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.endswith("/")]
    directories = {name.split("/", 1)[1] for name in archive.namelist() if name.endswith("/")}
    files = {name.split("/", 1)[1]: archive.read(name) for name in names}
    assert len(files) == len(names) and len({name.split("/")[0] for name in archive.namelist()}) == 1
    # No name leaves the archive's directory, or has a meaning to a shell or a browser.
    assert not [name for name in files if re.search(r"(^|/)\.\.?(/|$)|[\\:?#%<>\"*|\x00-\x20]|^/", name)], list(files)
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.2/context"
    graph = {item["@id"]: item for item in crate["@graph"]}
    assert len(graph) == len(crate["@graph"]), "an @id stands twice"
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["@type"] == "CreativeWork" and descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.2"}
    assert root["@type"] == "Dataset" and root["name"] and re.match(r"\d{4}-\d\d-\d\dT", root["datePublished"])
    broken = [id for id in graph if re.search(r'[\x00-\x20<>"{}|\\^`]', id)]
    assert not broken, f"no addresses: {broken[:5]}"

    def find_nested_objects(value, depth=0):
        """Objects within objects that are more than references; and what is nothing."""
        if isinstance(value, dict):
            if depth > 1 and value.keys() != {"@id"}:
                yield value
            for each in value.values():
                yield from find_nested_objects(each, depth + 1)
        elif isinstance(value, list):
            for each in value:
                yield from find_nested_objects(each, depth)
        elif value is None:
            yield value

    found = [*find_nested_objects(crate["@graph"], 1)]
    assert not found, f"the metadata are not flat: {found[:3]}"

    def list_references(value):
        if isinstance(value, dict):
            if value.keys() == {"@id"} and not value["@id"].startswith("https://w3id.org/"):
                yield value["@id"]
            for each in value.values():
                yield from list_references(each)
        elif isinstance(value, list):
            for each in value:
                yield from list_references(each)

    assert not [id for id in list_references(crate) if id not in graph][:5], "something is named that is not described"
    reached, left = set(), ["./"]
    while left:
        id = left.pop()
        assert id not in reached, f"{id} is part of two"
        reached.add(id)
        left += [part["@id"] for part in graph[id].get("hasPart", [])]
    kinds = collections.Counter(str(item["@type"]) for item in graph.values())
    entries = [item for id, item in graph.items() if item["@type"] == "Dataset" and id != "./"]
    assert len(entries) == count, (len(entries), count)
    assert {f"./{name}" for name in directories} == {item["@id"] for item in entries}, "each entry has a directory"
    described = {id: item for id, item in graph.items() if item["@type"] in ("Dataset", "File")}
    assert reached == described.keys(), f"not reached from the root: {[*(described.keys() - reached)][:5]}"
    stated = {id.removeprefix("./"): item for id, item in graph.items() if item["@type"] == "File"}
    assert stated.keys() == files.keys() - {"ro-crate-metadata.json"}, stated.keys() ^ files.keys()
    for name, item in stated.items():
        assert hashlib.sha256(files[name]).hexdigest() == item["sha256"], name
        assert len(files[name]) == int(item["contentSize"]), name
    lines = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    assert [line["id"] for line in lines] == [item["identifier"] for item in entries], "lines and entries are not the same"
    named = {file["path"] for line in lines for file in line["files"]}
    assert named <= files.keys(), f"named and not there: {[*(named - files.keys())][:5]}"
    return files, kinds


def check_eln_of_all(facility, body, count):
    files, kinds = check_eln(facility.dir / "all.eln", body, count)
    (facility.dir / "records.jsonl").write_bytes(files["records.jsonl"])
    told = facility.run("logbook", "verify", facility.dir / "records.jsonl").stdout.strip()
    return f"eln: {len(files)} files as stated, {dict(kinds)}; {told[:60]}"


def check_import(facility, source, target, limit):
    """What was exported is there again, once, with its times, authors and attachments."""
    count = min(source.count(), limit)
    _, body = source.export("eln", f"&limit={limit}")
    for created in (count, 0):
        taken = target.take(body)
        assert taken == (200, {"created": created, "present": count - created}), taken
    assert target.count() == count, (target.count(), count)

    def comparable_entries(archive):
        """All but ids and where it is."""
        files, _ = check_eln(facility.dir / "known.eln", archive, count)
        found = []
        for line in files["entries.jsonl"].splitlines():
            line = json.loads(line)
            own = {key: value for key, value in line["event"].items() if key not in ("files", "investigationId")}
            text = re.sub("[0-9a-f]{24}", "ID", json.dumps(own, sort_keys=True))
            found.append((text, sorted((file["filename"], file["sha256"]) for file in line["files"])))
        return sorted(found)

    before, after = comparable_entries(body), comparable_entries(target.export("eln")[1])
    assert before == after, next((one, other) for one, other in zip(before, after) if one != other)
    return f"{count} entries came in again, each once"


def check_refusals(facility, source, target):
    """Others may not import, nor is an archive taken that is not whole: nothing of it is written."""
    _, body = source.export("eln", f"&limit={len(NAMES)}&sortBy=_id&sortOrder=-1")
    member = Book(facility, facility.login("simple/alice"), facility.other)
    status, text = member.take(body)
    assert status == 403, (status, text)
    count = target.count()
    archive = zipfile.ZipFile(io.BytesIO(body))
    (attached, *_) = [name for name in archive.namelist() if name.endswith(".bin")]

    def change_member(name, content):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as new:
            for each in archive.namelist():
                if each != name or content is not None:
                    new.writestr(each, content if each == name else archive.read(each))
        return out.getvalue()

    lines = next(name for name in archive.namelist() if name.endswith("entries.jsonl"))
    for what, wrong in {
        "cut off": body[: len(body) // 2],
        "none": b"no archive",
        "another content": change_member(attached, b"another"),
        "without a file": change_member(attached, None),
        "half a line": change_member(lines, archive.read(lines)[:-20]),
    }.items():
        status, text = target.take(wrong)
        assert status == 422, (what, status, text)
    assert target.count() == count, "something was written"
    return "archives that are not whole do not come in"


def check_pdf(headers, body, count):
    """Pages and parts."""
    parts = pdf_inspection.list_parts(headers["content-type"], body)
    assert (len(parts) > 1) == (count > 500), (len(parts), count)
    pages = sum(pdf_inspection.check_file(part) for part in parts)
    assert not [found for part in parts for found in pdf_inspection.find_active_content(part)], "something in it acts"
    # A report begins with the oldest entry; the newest are those of today, which may fill the last part.
    first, *last = [pdf_inspection.extract_text(part) for part in (parts[0], *parts[-2:])]
    assert FIRST in first and LAST in "".join(last), [text[:300] for text in (first, *last)]
    return len(parts), pages


def check_pictures(facility, book):
    """However many megabytes of pictures there are, only some are in memory."""
    chance = random.Random(1)
    book.write('<img src="data:image/png;base64,%s">' % base64.b64encode(PNG).decode(), tag=[{"name": "goes"}])
    for _ in range(PICTURES):
        book.attach("noise.png", make_picture(chance))
    told = []
    for format in ("eln", "pdf"):
        memory = Memory(facility, book)
        reading = Slow(facility, book.path(f"event?format={format}"))
        reading.some(SLOW_SECONDS)
        headers, body = reading.rest()
        told.append((format, len(body) / 1e6, memory.peak()))
    text = ", ".join("{} {:.0f} MB with {:.0f} MB of memory".format(*each) for each in told)
    assert all(peak < MOST_MEGABYTES[format] for format, _, peak in told), text
    return f"{PICTURES} pictures of a megabyte: {text}"


def check_meanwhile(facility, book):
    """Somebody writes and removes while it is read: the archive is of one piece, and comes in again."""
    reading = Slow(facility, book.path("event?format=eln"))
    reading.some(0.5)
    book.send("PUT", "event/remove?tags=goes")
    book.attach("late.png", PNG)
    _, body = reading.rest()
    lines = zipfile.ZipFile(io.BytesIO(body)).read(f"logbook-investigation-{book.id}/entries.jsonl")
    target = Book(facility, book.session, create_investigation(facility, "ZZ-127"))
    status, text = target.take(body)
    assert status == 200, f"what is removed while an archive is read makes it worthless: {text}"
    check_eln(facility.dir / "meanwhile.eln", body, lines.count(b"\n"))
    return "somebody wrote and removed while an archive was read"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--entries", type=int, default=2_000)
    options = options.parse_args()
    started = time.monotonic()
    lap = lambda what: print(f"{time.monotonic() - started:5.1f} s {what}", flush=True)  # noqa: E731
    wrong = []
    with Facility(**SETTING) as facility:
        admin = facility.login("simple/admin")
        book = Book(facility, admin, facility.embargo)
        few = write_few(book)
        insert_entries(facility, options.entries)
        book.session = admin = facility.login("simple/admin")
        count = few + options.entries
        assert book.count() == count, book.count()
        lap(f"{count:,} entries are there")
        exports = {}
        for format in FORMATS:
            memory, began = Memory(facility, book), time.monotonic()
            # A report begins with the oldest entry by itself.
            order = "" if format == "pdf" else "&sortBy=creationDate&sortOrder=-1"
            reading = Slow(facility, book.path(f"event?format={format}{order}"))
            reading.some(SLOW_SECONDS)
            headers, body = exports[format] = reading.rest()
            peak = memory.peak()
            assert headers["content-disposition"].startswith("attachment; ") and headers["x-content-type-options"] == "nosniff"
            lap(f"{format}: {len(body) / 1e6:.1f} MB in {time.monotonic() - began:.1f} s with {peak:.0f} MB of memory")
            if peak > MOST_MEGABYTES[format]:
                wrong.append(f"{format} takes {peak:.0f} MB")
        lines = [json.loads(line) for line in exports["jsonl"][1].splitlines()]
        assert len(lines) == len({line["_id"] for line in lines}) == count, len(lines)
        other = Book(facility, admin, facility.other)
        pictures = Book(facility, admin, create_investigation(facility, "ZZ-126"))
        for check in [
            lambda: check_eln_of_all(facility, exports["eln"][1], count),
            lambda: "pdf: {} parts, {} pages".format(*check_pdf(*exports["pdf"], count)),
            lambda: check_import(facility, book, other, IMPORTED),
            lambda: check_refusals(facility, book, other),
            lambda: check_pictures(facility, pictures),
            lambda: check_meanwhile(facility, pictures),
        ]:
            try:
                lap(check())
            except AssertionError as e:
                where = traceback.extract_tb(e.__traceback__)[-1]
                wrong.append(f"{where.name}: {where.line}\n    {str(e)[:1000]}")
                lap(f"FAILED {wrong[-1]}")
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    main()
