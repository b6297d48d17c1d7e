#!/usr/bin/env python3
"""The logbook's page in Chromium, as people use it: write Markdown and rich text, paste an image, see it live in another
window, search, jump to a day, export; with the keyboard alone; and every control says what it is.

    tests/interop/logbook_page.py [--screenshot]

With `--screenshot` it also takes the picture of the documentation.
"""

import argparse
import base64
import json
import re

from logbook_facility import KEY, Facility
from suite import ROOT

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from browser import Browser  # noqa: E402
from logbook_client import PNG  # noqa: E402
from playwright.sync_api import expect  # noqa: E402

PICTURE = ROOT / "docs/src/images/logbook.png"
# What a person pastes: an event as the browser makes it, with a file.
PASTE = """(box, [base64, type]) => {
    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0))
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File([bytes], 'image.png', {type}))
    box.focus()
    box.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}))
}"""
JSON = {"Content-Type": "application/json"}


def log_in(browser, account):
    """A window of this person, at the form first."""
    facility = browser.facility
    plugin, name = account.split("/")
    context = browser.chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True, locale="en-GB")
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
    page.goto(facility.url + "/logbook/app")
    form = page.locator("form", has=page.locator("input[name=password]"))
    check_accessible(page, "login")
    chosen = form.locator("[name=plugin]")
    chosen.select_option(plugin) if chosen.evaluate("e => e.localName") == "select" else chosen.fill(plugin)
    form.locator("[name=username]").fill(name)
    form.locator("[name=password]").fill(facility.passwords[account])
    form.locator("[name=password]").press("Enter")
    expect(page.locator("input[name=password]")).to_have_count(0)
    cookies = context.cookies()
    assert cookies and all(cookie["httpOnly"] and cookie["sameSite"] in ("Strict", "Lax") for cookie in cookies), cookies
    return page


def open_book(page, facility, investigation):
    page.goto(f"{facility.url}/logbook/app/investigation/{investigation}")
    expect(page.locator("#write")).to_be_visible()
    expect(page.locator("[role=status]")).to_have_count(1)
    return page


def choose_mode(page, mode):
    """A list of choices or buttons to choose from."""
    switch = page.locator("#write [name=mode]")
    if switch.first.evaluate("e => e.localName") == "select":
        switch.select_option(mode)
    else:
        page.locator(f"#write [name=mode][value={mode}]").check()


def article(page, text):
    return page.locator("#entries article[data-entry]", has_text=text)


def submit(page):
    page.locator("#write [type=submit], #write button:not([type])").first.click()


def write(page, other):
    """Markdown and rich text; live in the other window, which is not loaded again."""
    other.evaluate("window.loadedOnce = true")
    choose_mode(page, "markdown")
    page.locator("#write [name=text]").fill("Markdown: the beam **is back**\n\n| n | size |\n|---|---|\n| 1 | 2 |\n")
    submit(page)
    for window in (page, other):
        expect(article(window, "Markdown: the beam").locator("strong, b")).to_have_text("is back")
        expect(article(window, "Markdown: the beam").locator("td")).to_have_text(["1", "2"])
    expect(page.locator("#write [name=text]")).to_have_value("")
    choose_mode(page, "html")
    rich = page.locator("#rich[contenteditable]")
    rich.click()
    page.keyboard.type("Rich text: slits ")
    page.keyboard.press("Control+b")
    page.keyboard.type("closed")
    page.keyboard.press("Control+b")
    submit(page)
    for window in (page, other):
        expect(article(window, "Rich text: slits").locator("strong, b")).to_have_text("closed")
    # The newest stands first.
    expect(page.locator("#entries article").first).to_contain_text("Rich text")
    assert other.evaluate("window.loadedOnce"), "the other window was loaded again"


def paste(page, other):
    """An image from the clipboard, in both editors."""
    for mode, box in (("html", "#rich"), ("markdown", "#write [name=text]")):
        choose_mode(page, mode)
        page.locator(box).click()
        page.keyboard.type(f"Pasted in {mode} ")
        page.locator(box).evaluate(PASTE, [base64.b64encode(PNG).decode(), "image/png"])
        if mode == "html":
            expect(page.locator("#rich img")).to_have_count(1)
        else:
            expect(page.locator(box)).to_have_value(re.compile(r"!\[.*\]\(.+\)"))
        submit(page)
        for window in (page, other):
            image = article(window, f"Pasted in {mode}").locator("img")
            expect(image).to_have_js_property("complete", True)
            expect(image).to_have_js_property("naturalWidth", 1)


def by_api(facility, session, text, **more):
    new = {"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}], **more}
    status, body = facility.post_json(f"/logbook/{session}/event?investigationId={facility.embargo}", new, JSON)
    assert status == 200, body
    return json.loads(body)["_id"]


def live(facility, session, page):
    """What programs and other people write comes by itself, and is told."""
    message = {"type": "notification", "category": "error", "content": [{"format": "plainText", "text": "Beam lost at 14:05"}]}
    path = f"/dataacquisition/{KEY}/notification?investigationName=ZZ%2F123&instrumentName=BL07"
    status, body = facility.post_json(path, message, JSON)
    assert status == 200, body
    expect(article(page, "Beam lost at 14:05")).to_be_visible()
    id = by_api(facility, session, "Literally <b>this</b> & that")
    shown = page.locator(f"article[data-entry='{id}']")
    expect(shown).to_contain_text("Literally <b>this</b> & that")


def search(page):
    """Only what matches, with the words marked; and back."""
    field = page.locator("#find [name=search]")
    before = page.locator("#entries article").count()
    field.fill("slits")
    field.press("Enter")
    expect(page.locator("#entries article")).to_have_count(1)
    expect(page.locator("#entries article mark").first).to_have_text(re.compile("slits", re.I))
    page.locator("#find [name=search]").fill("nothing has this word")
    page.locator("#find [name=search]").press("Enter")
    expect(page.locator("#entries article")).to_have_count(0)
    expect(page.locator("[role=status]")).not_to_be_empty()
    page.locator("#find [name=search]").fill("")
    page.locator("#find [name=search]").press("Enter")
    expect(page.locator("#entries article")).to_have_count(before)


def jump(facility, session, page):
    """To a day that has an entry."""
    id = by_api(facility, session, "Long ago", creationDate="2025-03-02T09:14:05+01:00")
    expect(article(page, "Long ago")).to_have_count(1)
    field = page.locator("[name=date]")
    field.fill("2025-03-02")
    field.press("Enter")
    expect(page.locator("#entries article")).to_have_count(1)
    expect(page.locator(f"#entries article[data-entry='{id}']")).to_be_visible()


def export(page):
    """Every link saves a file."""
    links = page.locator("#export a[href]")
    saved = []
    for n in range(links.count()):
        with page.expect_download() as begun:
            links.nth(n).click()
        name, content = begun.value.suggested_filename, open(begun.value.path(), "rb").read()
        assert content and "." in name, name
        saved.append(f"{name} {len(content)} bytes")
    assert len(saved) >= 3, saved
    return saved


def check_accessible(page, where):
    """axe finds nothing; the tree of accessibility has a name for every control; one h1 and the landmarks."""
    broken = [
        f"{found['id']}: {node['html'][:120]}" for found in Axe().run(page).response["violations"] for node in found["nodes"]
    ]
    assert not broken, (where, broken)
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    controls = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "listbox", "Date", "spinbutton"}
    roles = [(node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
    nameless = [role for role, name in roles if role in controls and not name.strip()]
    assert not nameless, (where, nameless)
    assert page.locator("h1").count() == 1 and page.locator("main").count() == 1, where
    assert page.locator("html").get_attribute("lang"), where
    return sum(role in controls for role, _ in roles)


def keyboard(page):
    """Tab reaches the editor, the search and the entries; an entry is written without the mouse."""
    page.locator("body").evaluate("body => { document.activeElement?.blur(); scrollTo(0, 0) }")
    reached, visible = [], True
    for _ in range(150):
        page.keyboard.press("Tab")
        at = page.evaluate("""() => {
            const e = document.activeElement, s = getComputedStyle(e)
            const where = ['#write', '#find', '#entries', '#export', 'nav'].filter(name => e.closest(name))[0]
            return e == document.body ? null : {where, seen: s.outlineStyle != 'none' || s.boxShadow != 'none',
                name: `${e.localName}[${e.name ?? e.id}]`}
        }""")
        if at is None:
            break
        assert at["seen"], f"nobody sees that {at['name']} has the focus"
        reached.append(at["where"])
    assert {"#write", "#find", "#entries"} <= set(reached), reached
    page.locator("#write [name=text]").focus()
    page.keyboard.type("By keyboard alone")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#write [type=submit], #write button:not([type])')"):
            break
    page.keyboard.press("Enter")
    expect(article(page, "By keyboard alone")).to_be_visible()
    return len(reached)


def take_picture(facility, session, page):
    """An ordinary shift."""
    for text in ("Sample A mounted, 100 K", "Refill at 14:30, shutter closed for 5 minutes", "Slits 0.2 × 0.2 mm; flux 2·10¹² ph/s"):
        by_api(facility, session, text, tag=[{"name": "shift"}])
    open_book(page, facility, facility.embargo)
    expect(article(page, "Slits 0.2")).to_be_visible()
    PICTURE.parent.mkdir(exist_ok=True)
    page.screenshot(path=PICTURE)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--screenshot", action="store_true")
    options = options.parse_args()
    with Facility() as facility, Browser(facility) as browser:
        session = facility.login("simple/alice")
        page, other = log_in(browser, "simple/alice"), log_in(browser, "simple/carol")
        for window in (page, other):
            open_book(window, facility, facility.embargo)
        write(page, other)
        paste(page, other)
        print("Markdown, rich text and pasted images are seen live in a second window")
        live(facility, session, other)
        search(page)
        print("search marks what it finds")
        print(f"{check_accessible(page, 'logbook')} controls with names, one h1, landmarks; axe finds nothing")
        assert page.locator("nav").count() >= 1
        choose_mode(page, "markdown")
        print(f"{keyboard(page)} stops of the Tab key; an entry written by keyboard alone")
        print("saved:", *export(page), sep=" ")
        jump(facility, session, page)
        print("the day picker leads to a day")
        page.goto(f"{facility.url}/logbook/app/instrument/BL07")
        expect(page.locator("h1")).to_contain_text("BL07")
        check_accessible(page, "instrument")
        if options.screenshot:
            take_picture(facility, session, page)
        assert not page.errors and not other.errors, (page.errors, other.errors)


if __name__ == "__main__":
    main()
