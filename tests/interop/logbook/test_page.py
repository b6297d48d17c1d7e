#!/usr/bin/env python3
"""The logbook's page in Chromium, as people use it: write Markdown and rich text, paste an image, see it live in another
window, search, filter, jump to a day, change, export; with the keyboard alone, in the dark, on a phone, and without a
script. Every check is made, whatever the others find.

    tests/interop/logbook/test_page.py [--screenshot] [--only NAME] [--thorough]

With `--screenshot` it takes the picture of the documentation instead. With `--thorough`, for a change of how pages look, each
is looked at light and dark at both widths; else light where it is wide, dark where it is narrow.
"""

# needs: browser logbook_clients pdf_readers
# seconds: 67
# long: --thorough

import argparse
import base64
import io
import re
import sys
import time
import traceback
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from playwright.sync_api import expect

import page_screenshots
import pdf_inspection
from browser import Browser
from logbook_client import PNG
from logbook_facility import Facility
from logbook_page import SUBMIT, find_article, write_by_program, choose_mode, log_in, open_logbook, send_json, expect_status_line, write_markdown
from page_access_checks import Everybody
from page_journey_checks import Journeys
from suite import ROOT

# What a person pastes: an event as the browser makes it, with a file.
PASTE = """(box, [base64, type]) => {
    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File([bytes], 'image.png', {type}))
    box.focus()
    box.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}))
}"""
OWN_IMAGE = re.compile(r"^/logbook/app/file/[0-9a-f]{24}$")


class Check(Journeys):
    """What people do with a logbook."""

    def writing(self):
        """Markdown and rich text, live in the other window, which is not loaded again."""
        page, other = self.windows()
        other.evaluate("window.loadedOnce = true")
        write_markdown(page, "Markdown: the beam **is back**\n\n| n | size |\n|---|---|\n| 1 | 2 |\n", "shift, beam")
        for each in (page, other):
            entry = find_article(each, "Markdown: the beam")
            expect(entry.locator("strong")).to_have_text("is back")
            expect(entry.locator("td")).to_have_text(["1", "2"])
            expect(entry.locator(".tag")).to_have_text(["shift", "beam"])
        expect(page.locator("#write [name=text]")).to_have_value("")
        expect_status_line(page, "written")
        choose_mode(page, "html")
        page.locator("#rich").click()
        page.keyboard.type("Rich text: slits ")
        page.keyboard.press("Control+b")
        page.keyboard.type("closed")
        page.keyboard.press("Control+b")
        page.locator("#write").get_by_role("button", name="Italic").click()
        page.keyboard.type(" quickly")
        page.locator(f"#write {SUBMIT}").click()
        for each in (page, other):
            entry = find_article(each, "Rich text: slits")
            expect(entry.locator(".text strong, .text b")).to_have_text("closed")
            expect(entry.locator(".text em, .text i")).to_have_text(re.compile("quickly"))
        expect(page.locator("#entries article").first).to_contain_text("Rich text")
        assert other.evaluate("window.loadedOnce"), "the other window was loaded again"
        write_markdown(page, " \n")
        expect_status_line(page, "nothing in the entry")

    def pasting(self):
        """An image from the clipboard is an attachment of ours, in both editors."""
        page, other = self.windows()
        for mode, box in (("html", "#rich"), ("markdown", "#write [name=text]")):
            choose_mode(page, mode)
            page.locator(box).click()
            page.keyboard.type(f"Pasted in {mode} ")
            page.locator(box).evaluate(PASTE, [base64.b64encode(PNG).decode(), "image/png"])
            expect_status_line(page, "pasted")
            expect(page.locator("#write .pasted img, #rich img")).to_have_count(1)
            page.locator(f"#write {SUBMIT}").click()
            for each in (page, other):
                image = find_article(each, f"Pasted in {mode}").locator("img")
                expect(image).to_have_js_property("naturalWidth", 1)
                expect(image).to_have_attribute("src", OWN_IMAGE)
            expect(page.locator("#write .pasted img, #rich img")).to_have_count(0)

    def living(self):
        """What programs and others write, change and remove is seen as it happens; of an instrument as well."""
        _, page = self.windows()
        page.evaluate("window.loadedOnce = true")
        write_by_program(self.facility, "Beam lost at 14:05")
        expect(find_article(page, "Beam lost at 14:05")).to_have_class(re.compile("error"))
        id = self.api("Literally <b>this</b> & that", tag=[{"name": "shortlived"}])
        entry = page.locator(f"article[data-entry='{id}']")
        expect(entry).to_contain_text("Literally <b>this</b> & that")
        changed = {"_id": id, "type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": "Said anew"}]}
        changed["tag"] = [{"name": "shortlived"}]
        send_json(self.facility, self.carols, "PUT", f"/logbook/SESSION/event?investigationId={self.facility.embargo}", {"event": changed})
        expect(entry).to_contain_text("Said anew")
        expect(entry.locator(".edited")).to_be_visible()
        expect(entry).to_have_count(1)
        old = self.api("Of a day alone", creationDate="2025-04-02T09:14:05+02:00", tag=[{"name": "shortlived"}])
        expect(page.locator(f"article[data-entry='{old}']")).to_be_visible()
        send_json(self.facility, self.session, "PUT", f"/logbook/SESSION/event/remove?investigationId={self.facility.embargo}&tags=shortlived")
        expect(entry).to_have_count(0)
        assert page.evaluate("window.loadedOnce"), "the page was loaded again"
        expect(page.locator("h2[data-day='2025-04-02']"), "the heading of a day without entries").to_have_count(0)
        open_logbook(page, self.facility, "instrument/BL07")
        self.api("Seen at the instrument")
        expect(find_article(page, "Seen at the instrument")).to_be_visible()

    def nothing_missed(self):
        """What is written after the page was rendered and before its stream is open comes too."""
        page = log_in(self.browser, "simple/alice")

        def late(route):
            self.api("Between the page and its stream")
            route.continue_()

        page.context.route("**/live?*", late, times=1)
        open_logbook(page, self.facility, self.place)
        expect(find_article(page, "Between the page and its stream")).to_be_visible(timeout=5_000)
        page.context.close()

    def bursts(self):
        """What comes while something is fetched is fetched at once then, and shown even if the server had no time for it."""
        page = log_in(self.browser, "simple/alice")
        open_logbook(page, self.facility, self.place)
        held, asked = [], []
        page.on("request", lambda request: asked.append(request.url) if "/entries?ids=" in request.url else None)
        page.context.route("**/entries?ids=*", lambda route: held.append(route), times=1)
        with page.expect_request("**/entries?ids=*"):
            first = self.api("The first of many")
        ids = [self.api(f"Burst {n}") for n in range(30)]
        brief = self.api("Gone before it was seen", tag=[{"name": "brief"}])
        send_json(self.facility, self.session, "PUT", f"/logbook/SESSION/event/remove?investigationId={self.facility.embargo}&tags=brief")
        # The stream has told of them all when it tells of this one, on a page that is not held.
        other = log_in(self.browser, "simple/alice")
        open_logbook(other, self.facility, self.place)
        last = self.api("The last of many")
        expect(find_article(other, "The last of many")).to_be_visible()
        held[0].fulfill(status=503, body="no time")
        for id in (first, *ids, last):
            expect(page.locator(f"article[data-entry='{id}']")).to_have_count(1)
        expect(page.locator(f"article[data-entry='{brief}']")).to_have_count(0)
        texts = page.locator("#entries article").all_inner_texts()
        order = [next(n for n, text in enumerate(texts) if f"Burst {wanted}\n" in f"{text}\n") for wanted in range(30)]
        assert order == sorted(order, reverse=True), "the newest first"
        assert len(asked) < 10, f"{len(asked)} requests for {len(ids)} entries"
        page.context.close()
        other.context.close()

    def draft(self):
        """What somebody is writing stays, also when the list has to be read anew."""
        page = log_in(self.browser, "simple/alice")
        held = []
        page.context.route("**/live?*", lambda route: held.append(route), times=1)
        with page.expect_request("**/live?*"):
            open_logbook(page, self.facility, self.place, live=False)
        choose_mode(page, "html")
        page.locator("#rich").click()
        page.keyboard.type("A long story")
        held[0].fulfill(status=200, content_type="text/event-stream", body='event: reset\ndata: {"record":1}\n\n')
        expect(page.locator("#entries[data-connected]")).to_be_attached()
        expect(page.locator("#rich")).to_have_text("A long story", timeout=5_000)
        page.context.close()

    def searching(self):
        """Words with marks; kinds and tags; and back to everything."""
        self.api("Slits were shut twice", tag=[{"name": "optics"}])
        self.api("No slits, but a <script> word", tag=[{"name": "optics"}, {"name": "beam"}])
        write_by_program(self.facility, "ascan slitx 0 1 10 0.1", "commandline")
        page, _ = self.windows()

        def show(**fields):
            for name, value in {"search": "", "types": "", "tags": "", **fields}.items():
                field = page.locator(f"#find [name={name}]")
                field.select_option(value) if name == "types" else field.fill(value)
            page.locator("#find button").click()
            page.wait_for_load_state()
            return page.locator("#entries article")

        everything = page.locator("#entries article").count()
        found = show(search="slits were")
        expect(found).to_have_count(1)
        expect(found.locator("mark").first).to_have_text(re.compile("slits", re.I))
        expect(show(search='"slits, but a"')).to_have_count(1)
        assert show(search="slit*").count() >= 3
        expect(show(search="nothing has this word")).to_have_count(0)
        expect(page.locator("main")).to_contain_text("Nothing was found")
        shown = show(types="notification-commandline")
        expect(shown).to_have_text([re.compile("ascan slitx")])
        expect(page.locator("#find [name=types]")).to_have_value("notification-commandline")
        expect(show(tags="optics")).to_have_count(2)
        expect(show(tags="optics,beam")).to_have_count(1)
        expect(show(search="slits", tags="beam")).to_have_count(1)
        page.get_by_role("link", name="Everything").click()
        expect(page.locator("#entries article")).to_have_count(everything)
        page.locator(".find-all input").fill("slits")
        page.locator(".find-all input").press("Enter")
        expect(page.locator("h1")).to_contain_text("all logbooks")
        find_article(page, "Slits were shut").locator(".when").click()
        expect(page.locator("h1")).to_contain_text("Entry of")

    def days(self):
        """To a day, to the next one with entries, and to what is earlier than the first fifty."""
        ids = [self.api(f"Number {n:03}", creationDate=f"2025-03-02T09:{n:02}:00+01:00") for n in range(58)]
        self.api("The day before", creationDate="2025-03-01T23:59:59+01:00")
        page, _ = self.windows()
        page.locator("#find [name=date]").fill("2025-03-02")
        page.locator("#find button").click()
        expect(page.locator("h2.day")).to_have_text(["Sunday, 2 March 2025"])
        expect(page.locator("#entries article")).to_have_count(50)
        page.get_by_role("link", name="Earlier entries").click()
        expect(page.locator("#entries article")).to_have_count(8)
        expect(page.locator("#entries article").last).to_have_attribute("data-entry", ids[0])
        page.get_by_role("link", name="1 March 2025").click()
        expect(page.locator("#entries article")).to_have_text([re.compile("The day before")])
        page.get_by_role("link", name="2 March 2025").click()
        expect(page.locator("h2.day")).to_have_text(["Sunday, 2 March 2025"])
        # From the newest on, nothing is left out or shown twice.
        open_logbook(page, self.facility, self.place)
        seen = []
        while True:
            seen += page.locator("#entries article").evaluate_all("all => all.map(each => each.dataset.entry)")
            more = page.get_by_role("link", name="Earlier entries")
            if not more.count():
                break
            more.click()
            page.wait_for_load_state()
        count = send_json(self.facility, self.session, "GET", f"/logbook/SESSION/event/count?investigationId={self.facility.embargo}")
        count = count[0]["totalNumber"] if isinstance(count, list) else count
        assert len(seen) == len({*seen}) == count, (len(seen), len({*seen}), count)
        # An old entry that is changed does not come into a list that ends before it.
        open_logbook(page, self.facility, self.place)
        event = {"_id": ids[0], "type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": "Changed"}]}
        send_json(self.facility, self.session, "PUT", f"/logbook/SESSION/event?investigationId={self.facility.embargo}", {"event": event})
        self.api("After that change")
        expect(find_article(page, "After that change")).to_be_visible()
        expect(page.locator(f"article[data-entry='{ids[0]}']")).to_have_count(0)

    def changing(self):
        """Earlier versions stay; tags, images and form as well; who comes second is told, and loses nothing."""
        page, other = self.windows()
        write_markdown(page, "First **thought**", "shift, beam")
        entry = find_article(page, "First thought")
        expect(entry).to_be_visible()
        address = f"{self.book.removeprefix('/logbook/app/')}/entry/{entry.get_attribute('data-entry')}"
        for each in (page, other):
            open_logbook(each, self.facility, address, live=False)
            each.locator("summary").click()
        expect(page.locator("#change [name=text]")).to_have_value("First **thought**")
        expect(page.locator("#change [name=tags]")).to_have_value("shift, beam")
        page.locator("#change [name=text]").fill("Second **thought**")
        page.locator(f"#change {SUBMIT}").click()
        expect(page.locator("main > article strong")).to_have_text("thought")
        expect(page.locator("main > article")).to_contain_text("Second thought")
        expect(page.locator("main > article .tag")).to_have_text(["shift", "beam"])
        expect(page.locator(".old article")).to_contain_text(["First thought"])
        other.locator("#change [name=text]").fill("Carol's thought")
        other.locator(f"#change {SUBMIT}").click()
        expect_status_line(other, "changed this entry meanwhile")
        expect(other.locator("#change [name=text]")).to_have_value("Carol's thought")
        # She sees what is there now, and sends hers after all.
        expect(other.locator("main > article")).to_contain_text("Second thought")
        other.locator(f"#change {SUBMIT}").click()
        expect(other.locator("main > article")).to_contain_text("Carol's thought")
        expect(other.locator(".old article")).to_have_count(2)

    def changing_rich(self):
        """Rich text with an image stays what it is when a word of it is changed."""
        page, _ = self.windows()
        choose_mode(page, "html")
        page.locator("#rich").click()
        page.keyboard.press("Control+b")
        page.keyboard.type("Bold word")
        page.locator("#rich").evaluate(PASTE, [base64.b64encode(PNG).decode(), "image/png"])
        expect_status_line(page, "pasted")
        page.locator(f"#write {SUBMIT}").click()
        expect(find_article(page, "Bold word").locator("img")).to_have_count(1)
        find_article(page, "Bold word").locator(".when").click()
        page.locator("summary").click()
        expect(page.locator("#rich-change")).to_be_visible()
        page.locator("#rich-change").click()
        page.keyboard.press("Control+Home")
        page.keyboard.type("Very ")
        page.locator(f"#change {SUBMIT}").click()
        expect(page.locator("main > article")).to_contain_text("Very")
        expect(page.locator("main > article .text b")).to_have_text(re.compile("Bold word"))
        expect(page.locator("main > article img")).to_have_js_property("naturalWidth", 1)
        expect(page.locator("main > article img")).to_have_count(1)

    def changing_markdown_image(self):
        """So does an image that was pasted beside Markdown."""
        page, _ = self.windows()
        choose_mode(page, "markdown")
        page.locator("#write [name=text]").fill("Look *here*")
        page.locator("#write [name=text]").evaluate(PASTE, [base64.b64encode(PNG).decode(), "image/png"])
        expect(page.locator("#write .pasted img")).to_have_count(1)
        page.locator(f"#write {SUBMIT}").click()
        find_article(page, "Look here").locator(".when").click()
        page.locator("summary").click()
        write_markdown(page, "Look *there*", form="#change")
        expect(page.locator("main > article")).to_contain_text("Look there")
        expect(page.locator("main > article img")).to_have_count(1)

    def exporting(self):
        """Every link saves a file; of a search, what was found."""
        page, _ = self.windows()
        self.api("Exported with ümlaut")
        open_logbook(page, self.facility, f"{self.place}?search=ümlaut", live=False)
        links, kinds = page.locator("#export a[href]"), set()
        for n in range(links.count()):
            with page.expect_download() as begun:
                links.nth(n).click()
            name, content = begun.value.suggested_filename, open(begun.value.path(), "rb").read()
            if name.endswith(".pdf"):
                content = pdf_inspection.extract_text(content).encode()
            elif name.endswith(".eln"):
                archive = zipfile.ZipFile(io.BytesIO(content))
                # Its history has all that ever was.
                content = b"".join(archive.read(each) for each in archive.namelist() if not each.endswith("/records.jsonl"))
            kinds.add(name.rpartition(".")[2])
            assert b"Exported with" in content and b"Beam lost" not in content, (name, content[:300])
        assert kinds == {"csv", "txt", "jsonl", "eln", "pdf"}, kinds


CHECKS = [name for kind in (Check, Journeys, Everybody) for name, item in vars(kind).items() if name[0] != "_" and callable(item) and item.__doc__]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--screenshot", action="store_true")
    options.add_argument("--thorough", action="store_true")
    options.add_argument("--only", action="append", choices=CHECKS)
    options = options.parse_args()
    if options.screenshot:
        return page_screenshots.take_screenshots(ROOT / "docs/src/images/logbook.png")
    failed = []
    with Facility() as facility, Browser(facility) as browser:
        check = Check(facility, browser, options.thorough)
        for name in options.only or CHECKS:
            began = time.monotonic()
            try:
                getattr(check, name)()
                assert not check.page.errors + check.other.errors, check.page.errors + check.other.errors
            except Exception as e:
                failed.append(name)
                lines = [line for line in traceback.format_exception_only(e)]
                where = [frame for frame in traceback.extract_tb(e.__traceback__) if frame.filename.endswith(("page.py", "everybody.py", "journeys.py"))]
                print(f"FAILED {name}, line {where[-1].lineno}: {where[-1].line}\n{''.join(lines)[:3000]}", flush=True)
                check.page.errors.clear(), check.other.errors.clear()
            else:
                print(f"{time.monotonic() - began:5.1f} s {name}: {getattr(check, name).__doc__}", flush=True)
    assert not failed, failed


if __name__ == "__main__":
    main()
