"""What people do with the logbook's page beside writing: on a telephone, with files, when the session or the connection ends."""

import io
import re
import urllib.parse

from playwright.sync_api import expect

from logbook_client import PNG
from logbook_page import SUBMIT, find_article, write_by_program, log_in, open_logbook, expect_status_line, write_markdown
from page_access_checks import Everybody

TELEPHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Journeys(Everybody):
    """On the way, and after something went wrong."""

    def telephone(self):
        """The newest entry is seen at once; the editor and the filters open when they are asked for."""
        self.api("The newest of all")
        page = log_in(self.browser, "simple/alice", **TELEPHONE)
        open_logbook(page, self.facility, self.place)
        box = page.locator("#entries article").first.bounding_box()
        assert box["y"] + box["height"] < 844, f"the first entry ends {box['y'] + box['height']} px below the top"
        for inside in ("#write [name=text]", "#find [name=search]"):
            expect(page.locator(inside)).to_be_hidden()
        page.locator("summary", has_text="Write an entry").tap()
        expect(page.locator("#write [name=text]")).to_be_visible()
        write_markdown(page, "By telephone")
        expect(find_article(page, "By telephone")).to_be_visible()
        page.locator("summary", has_text="Search").tap()
        page.locator("#find [name=search]").fill("telephone")
        page.locator("#find button").tap()
        expect(page.locator("#entries article")).to_have_count(1)
        width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width <= room, (width, room)
        page.context.close()

    def files(self):
        """Pictures go into the entry, other files become entries of their own; one can be taken out before."""
        page, other = self.windows()
        files = [{"name": "photo.png", "mimeType": "image/png", "buffer": PNG},
                 {"name": "scan ü.csv", "mimeType": "text/csv", "buffer": b"1,2\n"},
                 {"name": "wrong.txt", "mimeType": "text/plain", "buffer": b"wrong"}]  # fmt: skip
        page.locator("#write .attach input").first.set_input_files(files)
        expect(page.locator("#write .pasted img")).to_have_count(1)
        expect(page.locator("#write .waiting li")).to_have_count(2)
        page.get_by_role("button", name="Remove wrong.txt").click()
        write_markdown(page, "With files")
        for each in (page, other):
            expect(find_article(each, "With files").locator("img")).to_have_js_property("naturalWidth", 1)
            expect(find_article(each, "scan ü.csv")).to_have_count(1)
            expect(find_article(each, "wrong.txt")).to_have_count(0)
        with page.expect_download() as begun:
            find_article(page, "scan ü.csv").get_by_role("link", name="scan ü.csv").click()
        assert open(begun.value.path(), "rb").read() == b"1,2\n"
        # Files alone are no empty entry, and one that is too large stays where it is.
        count = page.locator("#entries article").count()
        page.locator("#write .attach input").first.set_input_files([{"name": "alone.bin", "mimeType": "", "buffer": b"x"}])
        page.locator(f"#write {SUBMIT}").click()
        expect(find_article(page, "alone.bin")).to_have_count(1)
        expect(page.locator("#entries article")).to_have_count(count + 1)
        large = {"name": "large.bin", "mimeType": "", "buffer": b"x" * 300_000}
        page.locator("#write .attach input").first.set_input_files([large])
        page.locator(f"#write {SUBMIT}").click()
        expect_status_line(page, "over")
        expect(page.locator("#write .waiting li")).to_have_count(1)

    def removing(self):
        """An entry is removed, found among the removed ones, and restored."""
        page, other = self.windows()
        id = self.api("Removed by mistake")
        address = f"{self.place}/entry/{id}"
        expect(find_article(other, "Removed by mistake")).to_be_visible()
        open_logbook(page, self.facility, address, live=False)
        page.get_by_role("button", name="Remove it").click()
        expect(page.locator("main")).to_contain_text("This entry is removed")
        expect(page.locator("#change")).to_have_count(0)
        expect(find_article(other, "Removed by mistake")).to_have_count(0)
        open_logbook(page, self.facility, self.place)
        page.get_by_role("link", name="Removed entries").click()
        expect(page.locator("#write")).to_have_count(0)
        find_article(page, "Removed by mistake").locator(".when").click()
        page.get_by_role("button", name="Restore it").click()
        expect(page.get_by_role("button", name="Remove it")).to_be_visible()
        expect(find_article(other, "Removed by mistake")).to_be_visible()
        # Who may only read finds neither button.
        admin = self.facility.login("simple/admin")
        status, _, _ = self.facility.request("GET", f"/logbook/app/{self.place}?removed=true")
        assert status == 200, "a form to log in"
        dan = log_in(self.browser, "simple/dan")
        assert dan.goto(f"{self.facility.url}/logbook/app/{self.place}?removed=true").status == 403 and admin
        dan.context.close()

    def session_ends(self):
        """Whoever is logged out meanwhile sees it, logs in again, and finds what they had written."""
        page = log_in(self.browser, "simple/alice")
        open_logbook(page, self.facility, self.place)
        page.locator("#write [name=text]").fill("Written in vain?")
        page.locator("#write [name=tags]").fill("kept, \"a, b\"")
        page.context.clear_cookies()
        page.locator(f"#write {SUBMIT}").click()
        expect(page.locator("#ended")).to_be_visible()
        size = page.locator("#ended h2").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 20, f"{size} px are no large message"
        expect(page.locator("#write [name=text]")).to_have_value("Written in vain?")
        page.get_by_role("link", name="Log in again").click()
        page.locator("[name=username]").fill("simple/alice")
        page.locator("[name=password]").fill(self.facility.passwords["simple/alice"])
        page.locator("[name=password]").press("Enter")
        expect(page.locator("#write [name=text]")).to_have_value("Written in vain?")
        page.locator(f"#write {SUBMIT}").click()
        expect(find_article(page, "Written in vain?").locator(".tag")).to_have_text(["kept", "a, b"])
        page.reload()
        expect(page.locator("#write [name=text]")).to_have_value("")
        page.context.close()

    def connection_ends(self):
        """A stream that is answered otherwise than 200 is told, and the page comes back by itself."""
        page = log_in(self.browser, "simple/alice")
        refused = []

        def refuse(route):
            refused.append(route.request.url)
            route.fulfill(status=503, content_type="text/plain", body="not now") if len(refused) < 3 else route.continue_()

        page.context.route("**/live?*", refuse)
        open_logbook(page, self.facility, self.place, live=False)
        expect_status_line(page, "trying again")
        expect(page.locator("#entries[data-connected]")).to_be_attached()
        assert len(refused) >= 3, refused
        expect_status_line(page, "connected again")
        self.api("After the interruption")
        expect(find_article(page, "After the interruption")).to_be_visible()
        page.context.close()

    def choosing(self):
        """The start page has all investigations, page by page, narrowed by name, instrument and year; `/logbook` leads there."""
        facility = self.facility
        (kind,), (place,) = (facility.search(facility.root, f"SELECT x.id FROM {x} x") for x in ("InvestigationType", "Facility"))
        (instrument,) = facility.search(facility.root, "SELECT n.id FROM Instrument n WHERE n.name = 'BL07'")
        rows = [{"name": f"OLD-{n:03}", "visitId": "1", "title": f"Sample {n % 7}", "facility": {"id": place}, "type": {"id": kind},
                 "startDate": f"19{80 + n % 10}-03-0{n % 9 + 1}T08:00:00Z", "releaseDate": "2001-01-01T00:00:00Z"} for n in range(120)]  # fmt: skip
        made = facility.create("Investigation", *rows)
        facility.create("InvestigationInstrument", *({"investigation": {"id": made[n]["id"]}, "instrument": {"id": instrument}} for n in (3, 4)))
        page = log_in(self.browser, "simple/alice")
        page.goto(f"{facility.url}/logbook")
        assert page.url == f"{facility.url}/logbook/app", page.url
        names = []
        while True:
            names += page.locator("#investigations ~ .books a").all_inner_texts()
            older = page.get_by_role("link", name="Older")
            if not older.count():
                break
            older.click()
            page.wait_for_load_state()
        assert len(names) == len({*names}) and {row["name"] for row in rows} <= {*names}, len(names)

        def show(**fields):
            page.goto(f"{facility.url}/logbook/app")
            for name, value in fields.items():
                field = page.locator(f"#choose [name={name}]")
                field.select_option(value) if name == "instrument" else field.fill(value)
            page.locator("#choose button").click()
            page.wait_for_load_state()
            return page.locator("#investigations ~ .books a")

        expect(show(name="old-00")).to_have_count(10)
        expect(show(name="sample 3")).to_have_count(17)
        expect(show(year="1984")).to_have_count(12)
        expect(show(instrument="BL07", name="OLD-")).to_have_text(["OLD-004", "OLD-003"])
        expect(page.locator("#choose [name=name]")).to_have_value("OLD-")
        expect(show(name="no such name")).to_have_count(0)
        expect(page.locator("main")).to_contain_text("Nothing was found")
        page.context.close()

    def found_once(self):
        """What is found is text and not Markdown, once, with its day; times are as people read them."""
        write_markdown(self.windows()[0], "**Goniometer** [manual](https://example.org/x) at `5`", "found")
        page = self.page
        expect(find_article(page, "Goniometer manual")).to_be_visible()
        page.locator(".find-all input").fill("goniometer")
        page.locator(".find-all input").press("Enter")
        entry = find_article(page, "Goniometer manual at 5")
        expect(entry).to_have_count(1)
        assert entry.inner_text().count("Goniometer") == 1, entry.inner_text()
        assert "**" not in entry.inner_text() and "](" not in entry.inner_text()
        expect(entry.locator("time")).to_have_text(re.compile(r"^\w+day, \d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d$"))

    def markdown(self):
        """Nothing that is written is lost; lines, addresses, formulas and years are as one means them; text runs as it is read."""
        page, _ = self.windows()
        write_markdown(page, "mean <I> = 300, if a<b and c>d\nsee https://example.org/a?b=1\n\n$E = mc^2$\n\n1986. A year\n\nשלום עולם", "beam, \"slits, front\"")
        entry = find_article(page, "mean <I> = 300, if a<b and c>d")
        expect(entry).to_have_count(1)
        expect(entry.locator("a[href='https://example.org/a?b=1']")).to_have_text("https://example.org/a?b=1")
        expect(entry.locator("p").first.locator("br")).to_have_count(1)
        expect(entry.locator("math msup")).to_have_count(1)
        assert "E = mc^2" not in entry.inner_text(), "the source of the formula is not seen"
        expect(entry.locator(".tag")).to_have_text(["beam", "slits, front"])
        marker = entry.locator("ol li").evaluate("e => { const r = document.createRange(); r.selectNodeContents(e); return r.getBoundingClientRect().left - e.closest('.text').getBoundingClientRect().left }")
        assert marker >= 30, f"the year has {marker} px"
        direction = entry.locator("p", has_text="שלום").evaluate("e => { const r = document.createRange(); r.selectNodeContents(e); const t = r.getBoundingClientRect(), b = e.getBoundingClientRect(); return b.right - t.right < t.left - b.left }")
        assert direction, "Hebrew begins at the right"
        write_by_program(self.facility, "log at https://example.org/log", "info")
        expect(find_article(page, "log at").locator("a[href='https://example.org/log']")).to_have_count(1)

    def printing(self):
        """On paper there is what was written, and nothing to press."""
        page, _ = self.windows()
        self.api("On paper")
        page.emulate_media(media="print")
        expect(find_article(page, "On paper")).to_be_visible()
        for gone in ("header.top", "#write", "#find", "#export"):
            expect(page.locator(gone)).to_be_hidden()
        assert page.pdf()[:5] == b"%PDF-"
        page.emulate_media(media="screen")
        icon = page.locator("link[rel=icon]").get_attribute("href")
        status, headers, body = self.facility.request("GET", urllib.parse.urlsplit(icon).path)
        assert status == 200 and headers["content-type"] == "image/svg+xml" and b"<svg" in io.BytesIO(body).read()
