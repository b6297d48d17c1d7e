#!/usr/bin/env python3
"""The page of the search in Chromium: search, narrow, browse folders, turn pages, download, and go to the logbook without
another login; with the keyboard alone, without a script, and on a telephone. Every check is made, whatever the others find.

    tests/interop/search/test_page.py [--screenshots] [--only NAME]

With `--screenshots` it takes the pictures of the documentation instead.
"""

# needs: browser
# seconds: 120

import argparse
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

from browser import Browser
from logbook_page import fill_login, find_accessibility_faults, log_in, open_window
from search_facility import CONTENT, LONG_NAME, SearchFacility
from suite import ROOT

PAGE = "/search/app"
PHONE = {"width": 360, "height": 740}
# What has the focus, and whether a person sees that; the parts of a date have marks of their own.
FOCUS = """() => {
    const e = document.activeElement, s = getComputedStyle(e)
    const where = ['.skip', 'header.top', '#search', '.tabs', '.chips', 'aside', '#results'].find(name => e.closest(name))
    return e == document.body ? null : {where, seen: e.type == 'date' || s.outlineStyle != 'none', name: `${e.localName} ${e.name ?? e.href}`}
}"""
# Every kind of page; the last ones have what is hard to lay out.
PLACES = ["", "?q=lysozyme", "?q=lysozyme&in=datasets", "?in=investigations", "?q=scan_0001.nxs&f=instrument.name:ID29&mine=true",
          "?dir=data/2026/id29/mx2417/raw", "?q=nothinghasthis&f=instrument.name:ID29", "?q=a+AND", "?q=very_long&all=datafileFormat.name",
          f"?q={'x' * 200}&dir=/{'y' * 200}&f=sample.name:{'z' * 200}"]  # fmt: skip


class Check:
    """What people do with the search."""

    def __init__(self, facility, browser):
        self.facility, self.browser = facility, browser

    def log_in(self, path=PAGE, account="simple/alice", **more):
        return log_in(self.browser, account, path, **more)

    def searching(self):
        """From the start to the file: a word, a value, another tab, the next page; everything in the address."""
        page = self.log_in()
        expect(page.locator("#q")).to_be_focused()
        expect(page.get_by_role("heading", name="What you can type")).to_be_visible()
        page.locator("#q").fill("lysozyme")
        page.locator("#q").press("Enter")
        expect(page.locator("mark").first).to_have_text(re.compile("lysozyme", re.I))
        everything = page.locator(".tabs [aria-current] .count").inner_text()
        page.locator("aside").get_by_role("link", name=re.compile("^HDF5")).click()
        expect(page.locator(".chips")).to_contain_text("Format: HDF5")
        expect(page.locator(".tabs [aria-current] .count")).not_to_have_text(everything)
        page.get_by_role("link", name="Remove Format: HDF5").first.click()
        expect(page.locator(".tabs [aria-current] .count")).to_have_text(everything)
        page.locator(".tabs").get_by_role("link", name=re.compile("Investigations")).click()
        expect(page.locator(".hit h3")).to_contain_text(["SC-5120"])
        expect(page.locator(".hit", has_text="SC-5120").locator("time")).to_have_text("3 Oct 2026 – 6 Oct 2026")
        page.locator(".hit", has_text="MX-2417").get_by_role("link", name="Datafiles").click()
        expect(page.locator("#total")).to_have_text("50 datafiles")
        first = page.locator(".hit").all_inner_texts()
        page.get_by_role("link", name="Next page").click()
        expect(page.get_by_role("link", name="First page")).to_be_visible()
        expect(page.locator(".hit")).to_have_count(25)
        assert not {*first} & {*page.locator(".hit").all_inner_texts()}
        address, second = page.url, page.locator(".hit h3").all_inner_texts()
        other = self.log_in(address.removeprefix(self.facility.url))
        expect(other.locator(".hit h3")).to_have_text(second)
        self.finish(page, other)

    def browsing(self):
        """Folders open one after the other, with the numbers of their files; the page leads back through them."""
        page = self.log_in()
        for name, files in (("data", 85), ("2026", 70), ("id29", 50), ("mx2417", 50), ("raw", 25)):
            folder = page.locator(".tree").get_by_role("link", name=re.compile(f"^{name} "))
            expect(folder.locator(".count")).to_have_text(str(files))
            folder.click()
            expect(page.locator(".tree [aria-current]")).to_contain_text(name)
            expect(page.locator("#total")).to_have_text(f"{files} datafiles")
        expect(page.locator(".tree a")).to_have_text([re.compile(name) for name in ("All folders", "data", "2026", "id29", "mx2417", "raw")])
        page.locator(".tree").get_by_role("link", name=re.compile("^2026 ")).click()
        expect(page.locator(".tree")).to_contain_text("d22")
        page.locator(".hit", has_text=".nxs").first.locator(".path a").click()
        expect(page.locator(".tree [aria-current]")).to_contain_text("raw")
        page.get_by_role("link", name="All folders").click()
        expect(page.locator(".chips")).to_have_count(0)
        dan = self.log_in(account="simple/dan")
        expect(dan.locator(".tree .count")).to_have_text(["15"])
        dan.goto(f"{self.facility.url}{PAGE}?dir=data/2026")
        expect(dan.locator("#total")).to_have_text("Nothing was found")
        self.finish(page, dan)

    def completing(self):
        """The path at the end of the box is completed."""
        page = self.log_in()
        page.locator("#q").press_sequentially("lysozyme AND data/20")
        expect(page.locator("#paths option").first).to_have_attribute("value", "lysozyme AND data/2025/")
        expect(page.locator("#paths option")).to_have_count(2)
        page.locator("#q").press_sequentially("26/")
        expect(page.locator("#paths option").first).to_have_attribute("value", "lysozyme AND data/2026/d22/")
        self.finish(page)

    def downloading(self):
        """Selected files as a ZIP, one as it is, a dataset; the session stands in no address."""
        page = self.log_in(f"{PAGE}?q=name:raw.log&sort=name")
        boxes = page.locator(".hit input")
        expect(boxes).to_have_count(3)
        boxes.nth(0).check()
        name, content = self.download(page, "Download selected")
        assert (name, content) == ("raw.log", CONTENT), name
        boxes.nth(1).check()
        _, content = self.download(page, "Download selected", unpack=True)
        assert len(content) == 2, content
        _, content = self.download(page, "Download these 3", unpack=True)
        assert len(content) == 3, content
        page.goto(f"{self.facility.url}{PAGE}?in=datasets&q=name:316l_raw")
        expect(page.locator(".hit")).to_have_count(1)
        _, content = self.download(page, "Download these 1", unpack=True)
        assert len(content) == 7, content
        page.get_by_role("button", name="Download selected").click()
        expect(page.locator(".problem")).to_contain_text("nothing is selected")
        page.get_by_role("link", name="To the search").click()
        expect(page.locator("#q")).to_be_visible()
        self.finish(page)

    def download(self, page, button, unpack=False):
        with page.expect_download() as begun:
            page.get_by_role("button", name=button).click()
        path = begun.value.path()
        return begun.value.suggested_filename, zipfile.ZipFile(path).namelist() if unpack else Path(path).read_bytes()

    def one_login(self):
        """The logbook needs no second login; whoever logs out there is logged out here."""
        page = self.log_in(f"{PAGE}?in=investigations&q=MX-2417")
        page.locator(".hit").get_by_role("link", name="Logbook").click()
        expect(page.locator("h1")).to_have_text("MX-2417")
        (cookie,) = page.context.cookies()
        about = {key: cookie[key] for key in ("httpOnly", "sameSite", "path")}
        assert about == {"httpOnly": True, "sameSite": "Lax", "path": "/"}, about
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("[name=password]")).to_be_visible()
        page.goto(self.facility.url + PAGE)
        expect(page.locator("[name=password]")).to_be_visible()
        page.goto(self.facility.url)
        page.get_by_role("link", name="Search").click()
        fill_login(page, "simple/alice", "wrong")
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        self.finish(page)

    def keyboard(self):
        """Past the head and the filters to the results; Tab reaches everything; a search and a download without a mouse."""
        page = self.log_in(f"{PAGE}?q=name:raw.log")
        page.keyboard.press("Tab")
        expect(page.locator(".skip").first).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#results")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator(".hit input").first).to_be_focused()
        page.keyboard.press("Space")
        expect(page.locator(".hit input").first).to_be_checked()
        page.get_by_role("button", name="Download selected").focus()
        with page.expect_download():
            page.keyboard.press("Enter")
        page.keyboard.press("/")
        expect(page.locator("#q")).to_be_focused()
        page.keyboard.press("Control+a")
        page.keyboard.type("scan_0001.nxs data/2026")
        page.keyboard.press("Enter")
        expect(page.locator("#total")).to_contain_text("datafiles")
        page.locator("body").evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0) }")
        reached = []
        for _ in range(300):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUS)
            if at is None:
                break
            assert at["seen"], f"nobody sees that {at['name']} has the focus"
            reached.append(at["where"])
        order = list(dict.fromkeys(reached))
        assert order == [".skip", "header.top", "#search", ".tabs", "aside", "#results"], order
        self.finish(page)

    def telephone(self):
        """On 360 px nothing is wider than the screen; filters are folded, and open without a script as well."""
        for script in (True, False):
            page = self.log_in(viewport=PHONE, has_touch=True, java_script_enabled=script)
            expect(page.locator("#q")).to_be_visible()
            expect(page.locator("aside").get_by_role("heading", name="Folders")).to_be_hidden()
            expect(page.locator("[name=from]")).to_be_hidden()
            page.get_by_text("Narrow the search").click()
            page.locator("aside").get_by_role("link", name=re.compile("^NeXus")).click()
            expect(page.locator(".chips")).to_contain_text("NeXus")
            page.get_by_text("Days, mine, order").click()
            page.locator("[name=from]").fill("2026-01-01")
            page.locator("[name=sort]").select_option("largest")
            page.get_by_role("button", name="Apply").click()
            expect(page.locator(".chips")).to_contain_text("From: 2026-01-01")
            expect(page.locator("[name=until]")).to_be_visible()
            expect(page.locator(".chips")).to_contain_text("NeXus")
            expect(page.locator(".hit h3").first).to_have_text("scan_0024.nxs")
            self.finish(page)

    def accessible(self):
        """By axe, light and dark, wide and narrow: every kind of page, and none is wider than the screen."""
        found = []
        for scheme, size in (("light", {"width": 1280, "height": 900}), ("dark", PHONE), ("light", {"width": 800, "height": 900})):
            page = open_window(self.browser, color_scheme=scheme, viewport=size)
            where = f"{scheme}, {size['width']} px"
            page.goto(self.facility.url + PAGE)
            found += find_accessibility_faults(page, f"login, {where}")
            fill_login(page, "simple/alice", self.facility.passwords["simple/alice"])
            expect(page.get_by_role("button", name="Log out")).to_be_visible()
            for place in PLACES:
                page.goto(f"{self.facility.url}{PAGE}{place}")
                found += find_accessibility_faults(page, f"{place[:40] or 'start'}, {where}")
                if size == PHONE:
                    page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
                    found += find_accessibility_faults(page, f"{place[:40] or 'start'}, unfolded, {where}")
            self.finish(page)
        places = {what: [place for other, place in found if other == what] for what, _ in found}
        assert not found, "\n".join(f"{what}: {len(at)} times, first {at[0]}" for what, at in places.items())

    def without_script(self):
        """Log in, search, narrow, turn the page, download and log out by forms and links alone."""
        page = self.log_in(f"{PAGE}?q=scan*", java_script_enabled=False)
        expect(page.locator(".hit")).to_have_count(25)
        page.get_by_role("link", name="Next page").click()
        expect(page.get_by_role("link", name="First page")).to_be_visible()
        page.locator("[name=mine]").check()
        page.locator("[name=sort]").select_option("largest")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator(".chips")).to_contain_text("Only: mine")
        expect(page.locator(".hit h3").first).to_contain_text("scan_0024")
        page.locator("#q").fill("name:raw.log")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.locator(".hit")).to_have_count(2)
        _, names = self.download(page, "Download these 2", unpack=True)
        assert len(names) == 2, names
        page.locator("#q").fill("a AND")
        page.locator("#q").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("could not be parsed")
        expect(page.locator("#q")).to_have_value("a AND")
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("[name=password]")).to_be_visible()
        self.finish(page)

    def finish(self, *pages):
        """No script failed, nothing was asked of others, and no address had the session."""
        for page in pages:
            assert not page.errors, page.errors
            secrets = [cookie["value"] for cookie in page.context.cookies()]
            wrong = [a for a in page.addresses if not a.startswith(self.facility.url) or any(secret in a for secret in secrets)]
            assert not wrong, wrong
            page.context.close()


def take_screenshots(directory):
    """A search on a desk and on a telephone."""
    with SearchFacility() as facility, Browser(facility) as browser:
        for name, place, size in (
            ("search-desktop", "?q=lysozyme&dir=data/2026", {"width": 1280, "height": 960}),
            ("search-phone", "?q=lysozyme", {"width": 390, "height": 844}),
        ):
            page = log_in(browser, "simple/alice", PAGE + place, viewport=size)
            page.locator("body").evaluate("() => document.activeElement?.blur()")
            page.screenshot(path=directory / f"{name}.png")
            page.context.close()


CHECKS = [name for name, item in vars(Check).items() if callable(item) and item.__doc__ and name != "finish"]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--screenshots", action="store_true")
    options.add_argument("--only", action="append", choices=CHECKS)
    options = options.parse_args()
    if options.screenshots:
        return take_screenshots(ROOT / "docs/src/images")
    failed = []
    with SearchFacility() as facility, Browser(facility) as browser:
        facility.add_file(LONG_NAME, f"data/{'long/' * 20}{LONG_NAME}")
        check = Check(facility, browser)
        for name in options.only or CHECKS:
            began = time.monotonic()
            try:
                getattr(check, name)()
            except Exception as e:
                failed.append(name)
                where = [frame for frame in traceback.extract_tb(e.__traceback__) if frame.filename == __file__]
                text = "".join(traceback.format_exception_only(e))
                print(f"FAILED {name}, line {where[-1].lineno}: {where[-1].line}\n{text[:3000]}", flush=True)
            else:
                print(f"{time.monotonic() - began:5.1f} s {name}: {getattr(check, name).__doc__}", flush=True)
    assert not failed, failed


if __name__ == "__main__":
    main()
