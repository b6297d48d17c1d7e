#!/usr/bin/env python3
"""What attackers write is written into the logbook and shown in Chromium: nothing fires, as a content, as a document, in
exports or as an attachment. Shown raw, the same vectors do fire. What people write comes back unchanged.

    tests/interop/logbook/test_cross_site_scripting.py [--thorough] [--mutations N] [--seed N]

Each run has 300 mutations and samples of what is long; with `--thorough`, for a change of what may stay, 10,000 and all.
"""

# needs: browser logbook_clients pdf_readers
# seconds: 45
# long: --thorough --mutations 100000

import argparse
import base64
import collections
import io
import json
import random
import re
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import attachment_attacks
import harmless_entries
import page_attacks
import pdf_inspection
from attack_vectors import FIRST_MUTATION, SILENT, VECTORS, generate_mutations, list_vectors
from browser import Browser
from logbook_client import IMAGE
from logbook_facility import KEY, Facility

GROUP = 100
DEPTH = 10_000
GUARD_SECONDS = 5
SHOWN = 50
DEEP = [
    *["<div>", "<a href=x><p>", "<b>", "<table><td>", "<math><mi>", "<ul><li>", "<i><p>", "<font><nobr>", "<b></p>"],
    *["<div><!--</div>-->", "<div title='</div>'>", "<div><table></div></table>", "<div><p title=\"</div>\"></p>", "<div></span>"],
]
BATCH = 150
RAW_BATCH = 90
# Of how many vectors one is written as plain text too.
PLAIN = 20
RAW_MUTATIONS = 270
# So many of each class are shown raw first.
RAW_OF_CLASS = 8
FORMATS = ["csv", "txt", "jsonl", "eln", "pdf"]
FIRST_EXPORTED = 700_000


class Book:
    """One investigation's logbook, as one member writes and reads it."""

    def __init__(self, facility):
        self.facility, self.session = facility, facility.login("simple/alice")
        self.place = f"investigationId={facility.embargo}"

    def comment(self, texts, format="html", **more):
        content = [{"format": format, "text": text} for text in texts]
        return {"type": "annotation", "category": "comment", "content": content, **more}

    def send(self, method, path, body):
        """Status, and JSON or the text of a refusal."""
        status, text = self.facility.send(method, path, body)
        return status, json.loads(text) if status == 200 else text

    def write(self, texts, format="html", **more):
        status, made = self.send("POST", f"/logbook/{self.session}/event?{self.place}", self.comment(texts, format, **more))
        assert status == 200, (status, made, texts[:1])
        return made["_id"]

    def read(self):
        """All entries by their ids."""
        entries = {}
        while True:
            query = {"investigationId": self.facility.embargo, "limit": 500, "skip": len(entries), "sortBy": "_id", "sortOrder": 1}
            status, headers, body = self.facility.request("GET", f"/logbook/{self.session}/event", query)
            assert status == 200 and headers["content-type"] == "application/json", (status, body)
            found = json.loads(body)
            entries |= {entry["_id"]: entry for entry in found}
            if not found:
                return entries


def write_vectors(book, base):
    """Each in an entry of its own, in every field; by its number, the ids of entries and which of their contents it is."""
    where = collections.defaultdict(list)
    place = f"/logbook/{book.session}/event?{book.place}"
    taken = []
    for name, number, text in base:
        for sign, is_refused, why in (("NUL", "\x00" in text, "NUL"), ("deep", len(text) > 1500, "nested")):
            if is_refused:
                # Wherever in an entry it stands, and whatever the HTML is called.
                for format in ("plainText", "html") if sign == "NUL" else ("html", "text/html"):
                    status, body = book.send("POST", place, book.comment([text], format))
                    assert (status, why in body) == (400, True), (name, number, status, body)
                break
        else:
            taken.append((name, number, text))
    for _, number, text in taken:
        fields = dict.fromkeys(["title", "datasetName", "software", "machine", "source", "filename", "filepath", "username", "fullName"], text)
        id = book.write([text], **fields, tag=[{"name": text[:200]}])
        where[number].append((id, 0))
    # As a change of an entry, whose earlier version has another vector, and as a program's message.
    for at in range(0, len(taken), GROUP):
        group = taken[at : at + GROUP]
        id = book.write([text for *_, text in reversed(group)])
        comment = book.comment([text for *_, text in group])
        status, changed = book.send("PUT", place, {"event": {"_id": id, **comment}})
        assert (status, changed["_id"]) == (200, id), changed
        path = f"/dataacquisition/{KEY}/notification?investigationName=ZZ%2F123&instrumentName=BL07"
        status, sent = book.send("POST", path, comment)
        assert status == 200, sent
        for n, (_, number, _) in enumerate(group):
            where[number] += [(id, n), (id, len(group) - 1 - n, "previousVersionEvent"), (sent["_id"], n)]
    # As plain text, which is none of HTML's business wherever it is shown.
    for _, number, text in taken[::PLAIN]:
        book.write([text], "plainText")
    return where


def write_mutations(book, mutated):
    where = {}
    for at in range(0, len(mutated), GROUP):
        group = mutated[at : at + GROUP]
        id = book.write([text for *_, text in group])
        where |= {number: [(id, n)] for n, (_, number, _) in enumerate(group)}
    return where


def distinct_contents(where, entries):
    """(number, html) as read back; what is the same but for the number is shown once."""
    items, seen = [], set()
    for number, places in where.items():
        for id, n, *key in places:
            entry = entries[id][key[0]] if key else entries[id]
            text = entry["content"][n]["text"]
            form = text.replace(str(number), "N")
            if form not in seen:
                seen.add(form)
                items.append((number, text))
    return items


def show_in_all_ways(browser, items, source):
    """Shows them in all ways; ends with the culprits, if any."""
    page, fired = browser.stage(), {}
    parsed = page.evaluate("items => items.map(([number, html]) => reparsed(html))", items)
    again = [(number, text) for (number, html), texts in zip(items, parsed, strict=True) for text in {*texts} - {html}]
    base = [(number, html) for number, html in items if number < FIRST_MUTATION]
    # Nearly all of what mutations left is what vectors left: one way is enough for them.
    for way, these in [("element", items), ("document", base), ("article", base), ("element", again)]:
        for at in range(0, len(these), BATCH):
            batch = these[at : at + BATCH]
            found = browser.show(page, way, batch)
            if -1 in found:
                found |= browser.culprit(page, way, batch, set(found))
            fired |= found
    for number, how in list(fired.items())[:SHOWN]:
        print(f"FIRED {number}, {how}\n  sent: {source.get(number, '?')[:400]!r}\n  read: {[t[:400] for n, t in items if n == number]}")
    return len(again), fired


def show_raw(browser, way, items):
    """The numbers of those that fire."""
    fired = set()
    for at in range(0, len(items), RAW_BATCH):
        page = browser.stage()
        fired |= browser.show(page, way, items[at : at + RAW_BATCH], strict=False).keys()
        page.close()
    return fired


def count_firing_vectors(browser, base, mutated, thorough):
    """The same, as sent: how many of every class fire. Unless it is thorough, the first of each class are enough if one of
    them fires."""
    numbers = collections.defaultdict(list)
    for name, number, _ in base:
        numbers[name].append(number)
    first = {number for all in numbers.values() for number in (all if thorough else all[:RAW_OF_CLASS])}
    items = [(number, text) for _, number, text in base]
    # Some also as elements, where scripts do not run.
    fired = show_raw(browser, "element", items[:: 5 if thorough else 20])
    fired |= show_raw(browser, "document", [item for item in items if item[0] in first])
    rest = {number for all in numbers.values() if fired.isdisjoint(all) for number in all} - first
    fired |= show_raw(browser, "document", [item for item in items if item[0] in rest])
    counts = collections.Counter(name for name, number, _ in base if number in fired)
    for name, templates in VECTORS.items():
        print(f"  {counts[name]:3} of {len(templates):3} in all: {name}")
    silent = {name for name in VECTORS if not counts[name]}
    assert silent <= SILENT, f"these cannot fire any more: {silent - SILENT}"
    items = [(number, text) for _, number, text in mutated]
    count = len(show_raw(browser, "document", items) & dict(items).keys())
    return sum(counts.values()), count


def check_fields(book, entries, where, base):
    """Other fields are text, and come back as what they are, in JSON."""
    for _, number, text in base:
        for id, _ in where.get(number, [])[:1]:
            entry = entries[id]
            for key in ("title", "datasetName", "software", "machine", "source", "filename", "filepath"):
                assert entry[key] == text, (key, entry[key], text)


def check_formats(book):
    """Whatever says that it is HTML is harmless; which names of formats do not do that."""
    names = ["HTML", "Html", " html", "html ", "html\n", "text/html", "xhtml", "application/xhtml+xml", "HTML5"]
    made = {book.write(["<img src=x onerror=trap(1)>"], format=name): name for name in names}
    entries = book.read()
    return [name for id, name in made.items() if "onerror" in entries[id]["content"][0]["text"]]


def check_words(book):
    """What looks like an address of an image is text where no image is; an image that is none goes."""
    text = "data:image/png;base64,AAAA and src=\"data:image/png;base64,AAAA\" are words"
    for format in ("plainText", "html"):
        status, made = book.send("POST", f"/logbook/{book.session}/event?{book.place}", book.comment([text], format))
        assert (status, made["content"][0]["text"], made["file"]) == (200, text, []), made


def check_reach(facility, book):
    """Who names an attachment of a logbook that they may not read gets nothing that opens it."""
    (kind,), (place,) = (facility.search(facility.root, f"SELECT x.id FROM {name} x") for name in ("InvestigationType", "Facility"))
    (admin,) = facility.search(facility.root, "SELECT u.id FROM User u WHERE u.name = 'simple/admin'")
    new = {"name": "ZZ-900", "visitId": "1", "title": "Secret", "facility": {"id": place}, "type": {"id": kind}}
    (secret,) = facility.create("Investigation", {**new, "releaseDate": "2099-01-01T00:00:00Z"})
    facility.create("InvestigationUser", {"user": {"id": admin}, "investigation": secret, "role": "PI"})
    path = f"/logbook/{facility.login('simple/admin')}/event/createfrombase64?investigationId={secret['id']}"
    status, made = book.send("POST", path, {"base64": IMAGE})
    assert status == 200, made
    (file,) = made["file"]
    status, _, _ = facility.request("GET", f"/resource/{book.session}/file/download?resourceId={file}")
    assert status == 403, status
    status, made = book.send("POST", f"/logbook/{book.session}/event?{book.place}", book.comment([f'<img src="/resource/file/{file}">']))
    assert status == 200, made
    addresses = re.findall('src="([^"]+)"', made["content"][0]["text"])
    assert addresses == [f"/resource/file/{file}"], addresses
    return [address for address in addresses if facility.request("GET", address)[0] == 200]


def check_depth(book):
    """What is nested deeply is refused in time, also where it hides behind ends that end nothing; which was not."""
    wrong = []
    for start in DEEP:
        began = time.monotonic()
        status, text = book.send("POST", f"/logbook/{book.session}/event?{book.place}", book.comment([start * DEPTH]))
        took = time.monotonic() - began
        if status != 400 or "nested" not in text or took > GUARD_SECONDS:
            wrong.append(f"{start}: {status} after {took:.1f} s")
    long = "<p>a<br><li><div>b</div>" * DEPTH
    status, _ = book.send("POST", f"/logbook/{book.session}/event?{book.place}", book.comment([long]))
    assert status == 200, "long is not deep"
    return wrong


def check_exports(browser, book):
    """Files are for saving; opened by their address, nothing is shown. What they hold, and what others would show of it."""
    path = f"/logbook/{book.session}/event?{book.place}"
    bodies = {}
    for format in FORMATS:
        status, headers, body = book.facility.request("GET", f"{path}&format={format}")
        assert status == 200 and headers["x-content-type-options"] == "nosniff", (format, status, headers)
        assert headers["content-disposition"].startswith("attachment; filename=\"") and "html" not in headers["content-type"], (format, headers)
        fired = browser.open(f"{path}&format={format}", 400_000, download=True)
        assert not fired, (format, fired)
        bodies[format] = headers["content-type"], body
    fired = browser.open(path + "&limit=1000", 400_001)
    assert not fired, fired
    return check_eln(browser, bodies["eln"][1]), check_pdf(*bodies["pdf"])


def check_eln(browser, body):
    """Its texts are HTML to other notebooks: how many there are, and what fires."""
    archive = zipfile.ZipFile(io.BytesIO(body))
    (name,) = [name for name in archive.namelist() if name.endswith("/ro-crate-metadata.json")]
    texts = {item["text"]: None for item in json.loads(archive.read(name))["@graph"] if "text" in item}
    lines = [json.loads(line) for line in archive.read(name.replace("ro-crate-metadata.json", "entries.jsonl")).splitlines()]
    html = {content["text"]: None for line in lines for content in line["event"]["content"] if content["format"] == "html"}
    # What leads to a file of the archive itself asks nobody else.
    members = {"./" + member.split("/", 1)[1] for member in archive.namelist()}
    own = {"src": 'data-inside=""', "href": 'href="#"'}
    inside = lambda link: own[link[1]] if link[2] in members else link[0]  # noqa: E731
    texts = {re.sub(r'(src|href)="(\./[^"]+)"', inside, text): None for text in texts}
    page, fired = browser.stage(), {}
    for way in ("element", "article"):
        items = list(enumerate(texts | html if way == "element" else texts, FIRST_EXPORTED))
        for at in range(0, len(items), BATCH):
            # What is asked for from elsewhere by an address of its own, what runs by the number of its vector.
            fired |= browser.show(page, way, items[at : at + BATCH])
    page.close()
    return len(texts), fired


def check_pdf(kind, body):
    """Its text is there, and nothing in it acts: how many pages, and what does."""
    parts = pdf_inspection.list_parts(kind, body)
    assert len(parts) > 1
    text = "".join(map(pdf_inspection.extract_text, parts))
    # As they were written in plain text.
    assert "onerror" in text and "<script" in text and len(text) > 10_000, text[:1000]
    return sum(map(pdf_inspection.check_file, parts)), [found for part in parts for found in pdf_inspection.find_active_content(part)]


def check_benign(book, image):
    """What people write comes back; prints what does not."""

    def write_entry(html):
        status, made = book.send("POST", f"/logbook/{book.session}/event?{book.place}", book.comment([html]))
        assert status == 200, made
        return made

    lost = harmless_entries.find_changed_documents(lambda made: made["content"][0]["text"], write_entry, image)
    for name, (sent, came) in lost.items():
        print(f"  {name}\n    sent: {sent[:300]}\n    read: {came[:300]}")
    return lost


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--thorough", action="store_true")
    options.add_argument("--mutations", type=int)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = options.parse_args()
    print(f"seed {options.seed}")
    base, mutated = list_vectors(), list(generate_mutations(options.seed, options.mutations or (10_000 if options.thorough else 300)))
    source = {number: text for _, number, text in base + mutated}
    started = time.monotonic()
    lap = lambda what: print(f"{time.monotonic() - started:5.1f} s {what}", flush=True)  # noqa: E731
    with Facility() as facility, Browser(facility) as browser:
        browser.set_trap()
        book = Book(facility)
        live = page_attacks.Live(browser)
        where = write_vectors(book, base)
        places = where | write_mutations(book, mutated)
        entries = book.read()
        items = distinct_contents(places, entries)
        lap(f"{len(base)} vectors of {len(VECTORS)} classes and {len(mutated)} mutations are in {len(entries)} entries")
        written = page_attacks.write_markdown(facility, live, base)
        happened, count = live.end("the last of all")
        lap(f"{count} entries came live into a page, {written} of them written as in its forms: {len(happened)} fired")
        check_fields(book, entries, where, base)
        again, fired = show_in_all_ways(browser, items, source)
        lap(f"{len(items)} contents as element, document and article, {again} parsed and written again: {len(fired)} fired")
        pages, alone, misplaced = page_attacks.check_pages(browser, facility, live, book, 1 if options.thorough else 12)
        lap(f"{pages} pages of the logbook with {alone} entries: {len(misplaced)} fired or not in their place")
        (texts, exported), (pages, active) = check_exports(browser, book)
        lap(f"exports are saved, not shown: {texts} texts of an .eln, {len(exported)} fired; {pages} pages of PDF, {len(active)} act")
        encode = lambda content: base64.b64encode(content).decode()  # noqa: E731
        made = attachment_attacks.attach_files(facility, book.session, encode)
        image = next(iter(made.values()))[1].rsplit("=", 1)[1]
        inline = attachment_attacks.check_headers(facility, made)
        opened = attachment_attacks.check_opened_files(browser, made, options.thorough)
        careless = attachment_attacks.count_firing_files(browser)
        files = len(attachment_attacks.FILES)
        lap(f"{len(made)} files, {inline // 2} of them shown: {len(opened)} fired; served carelessly, {careless} of {files} did")
        raw_count = RAW_MUTATIONS if options.thorough else RAW_BATCH // 2
        raw, raw_mutated = count_firing_vectors(browser, base, mutated[:raw_count], options.thorough)
        lap(f"control: raw, {raw} vectors of {len(VECTORS)} classes and {raw_mutated} of {len(mutated[:raw_count])} mutations fired")
        lost = check_benign(book, image)
        lap(f"{len(harmless_entries.DOCUMENTS)} harmless documents: {len(lost)} changed")
        formats = check_formats(book)
        reached = check_reach(facility, book)
        check_words(book)
        slow = check_depth(book)
        lap(f"{len(DEEP)} contents nested {DEPTH} deep: {len(slow)} not refused")
        print(f"  formats left as they are: {formats}; attachments of others that open: {len(reached)}")
    for what in happened + misplaced:
        print(f"  in the page: {what}"[:400])
    assert not fired and not opened, (len(fired), opened)
    assert not exported, f"{len(exported)} fire: {list(exported.values())[:5]}"[:3000]
    assert not active, active[:10]
    assert not happened and not misplaced, "something fires in the page"
    assert not lost.keys() - harmless_entries.DROPPED, lost.keys() - harmless_entries.DROPPED
    assert not formats, f"HTML under these names stays as it is: {formats}"
    assert not reached, f"attachments of others are opened by {reached}"
    assert not slow, "\n".join(slow)


if __name__ == "__main__":
    main()
