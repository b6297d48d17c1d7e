#!/usr/bin/env python3
"""The page of the portal guide as people would use it: served from another origin, on the screen of a telephone. Log in,
choose an investigation, read its logbook, write an entry, download the data; a wrong password says so.

    tests/interop/suite/test_portal_page.py
"""

# needs: browser

import io
import json
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from playwright.sync_api import sync_playwright

from browser import launch_chromium, serve_page
from demo_server import Demo
from suite import ROOT

PAGE = ROOT / "docs" / "examples" / "clients" / "portal.html"
MOST_LINES = 30
SERVER = "http://localhost:8080"
TEXT = "shutter <b>closed</b> & beam lost"


def log_in(page, account, password):
    page.fill("[name=account]", account)
    page.fill("[name=password]", password)
    page.click("text=Log in")


def main():
    text = PAGE.read_text()
    assert len(text.splitlines()) <= MOST_LINES and text.count(SERVER) == 1, PAGE
    with Demo() as demo, sync_playwright() as driver:
        origin = serve_page(text.replace(SERVER, demo.url))
        demo.env["UNDULATOR_HTTP__CORS__ALLOWED_ORIGINS"] = json.dumps([origin])
        demo.start("--quiet-beamline")
        browser = launch_chromium(driver)
        page = browser.new_page(viewport={"width": 390, "height": 844}, accept_downloads=True)
        page.on("pageerror", lambda error: (_ for _ in ()).throw(error))
        page.goto(origin)
        log_in(page, "db/alice", "wrong")
        page.wait_for_function("document.querySelector('pre').textContent.startsWith('403')")
        log_in(page, "db/alice", demo.passwords["db/alice"])
        page.wait_for_function("document.querySelectorAll('option').length > 0")
        with page.expect_response(lambda response: "/ids/prepareData" in response.url):
            page.select_option("[name=investigation]", label="MX-2417")
        page.fill("[name=text]", TEXT)
        with page.expect_response(lambda response: "/ids/prepareData" in response.url):
            page.click("text=Write")
        page.wait_for_function("text => document.querySelector('pre').textContent.split('\\n')[0] == text", arg=TEXT)
        with page.expect_download() as downloading:
            page.click("text=Download")
        with open(downloading.value.path(), "rb") as file:
            names = zipfile.ZipFile(io.BytesIO(file.read())).namelist()
        assert names, "the archive is empty"
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, "the page is wider than a telephone"
        browser.close()
        print(f"{len(text.splitlines())} lines: logged in, read, wrote, and downloaded {len(names)} files")


if __name__ == "__main__":
    main()
