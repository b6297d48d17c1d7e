"""One person's window on the logbook's page: log in, open a logbook, write; and what every page must fulfil."""

import json
import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from logbook_facility import KEY

# Two cores that do something else as well.
expect.set_options(timeout=20_000)
JSON = {"Content-Type": "application/json"}
SUBMIT = "button.main"


def open_window(browser, **more):
    """An empty one; `errors` are those of scripts and of the policy, `addresses` all that was asked for."""
    settings = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, "locale": "en-GB", **more}
    context = browser.chromium.new_context(**settings)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.errors, page.addresses = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    # A status that is no success is told apart by each check.
    page.on("console", lambda m: m.type == "error" and "Failed to load resource" not in m.text and page.errors.append(m.text))
    context.on("request", lambda request: page.addresses.append(request.url))
    return page


def fill_login(page, account, password):
    plugin, name = account.split("/")
    page.locator("[name=plugin]").select_option(plugin)
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")


def log_in(browser, account, path="/logbook/app", **more):
    page = open_window(browser, **more)
    page.goto(browser.facility.url + path)
    fill_login(page, account, browser.facility.passwords[account])
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    return page


def open_logbook(page, facility, path, live=True):
    page.goto(f"{facility.url}/logbook/app/{path}")
    if live:
        expect(page.locator("#entries[data-connected]")).to_be_attached()
    return page


def choose_mode(page, mode, form="#write"):
    page.locator(f"{form} [name=mode]").select_option(mode)


def find_article(page, text):
    return page.locator("#entries article[data-entry]", has_text=text)


def write_markdown(page, text, tags="", form="#write"):
    """Markdown."""
    choose_mode(page, "markdown", form)
    page.locator(f"{form} [name=text]").fill(text)
    page.locator(f"{form} [name=tags]").fill(tags)
    page.locator(f"{form} {SUBMIT}").click()


def send_json(facility, session, method, path, body=None):
    """JSON over the interface that programs use."""
    status, answer = facility.send(method, path.replace("SESSION", session), body)
    assert status == 200, (path, status, answer)
    return json.loads(answer)


def write_by_api(facility, session, text, format="plainText", book=None, **more):
    """An entry's id."""
    new = {"type": "annotation", "category": "comment", "content": [{"format": format, "text": text}], **more}
    place = book or f"investigationId={facility.embargo}"
    return send_json(facility, session, "POST", f"/logbook/SESSION/event?{place}", new)["_id"]


def write_by_program(facility, text, category="error", investigation="ZZ/123", **more):
    message = {"type": "notification", "category": category, "content": [{"format": "plainText", "text": text}], **more}
    path = f"/dataacquisition/{KEY}/notification?investigationName={investigation.replace('/', '%2F')}&instrumentName=BL07"
    status, body = facility.post_json(path, message, JSON)
    assert status == 200, body


# What has the focus, whether a person sees that, and where it is; a date's parts have marks of their own.
FOCUS = """() => {
    const e = document.activeElement, s = getComputedStyle(e)
    const where = ['.skip', '#write', '#find', '.find-all', '#entries', '#export', 'nav'].find(name => e.closest(name))
    return e == document.body ? null : {where, seen: e.type == 'date' || s.outlineStyle != 'none' || s.boxShadow != 'none',
        name: `${e.localName} ${e.name ?? e.id}`}
}"""
CONTROLS = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "listbox", "Date", "spinbutton"}


def find_accessibility_faults(page, where):
    """What axe finds against WCAG 2 A and AA; controls without a name; landmarks and
    the language that are missing: (what, where)."""
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
    violations = Axe().run(page, options=options).response["violations"]
    found = [f"{rule['id']}: {node['html'][:100]!r}" for rule in violations for node in rule["nodes"]]
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = [(node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]]
    found += [f"a {role} without a name" for role, name in roles if role in CONTROLS and not name.strip()]
    if page.locator("h1").count() != 1 or page.locator("main").count() != 1 or not page.locator("html[lang]").count():
        found.append("not one h1, one main and a language")
    width, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    if width > room:
        found.append(f"{width} px wide where {room} px are")
    return [(what, where) for what in found]


def expect_status_line(page, text):
    """The line that assistive technology reads out."""
    expect(page.locator("[role=status]")).to_have_text(re.compile(text, re.I))
