"""Hostile entries in the logbook's own page: as lists, alone with their editor and earlier versions, found, and put in live.

The page's policy would stop most of what fires. So every page is also shown without it, and what a page is made of outside of
its contents is compared with pages of harmless entries.
"""

import html
import re
import urllib.parse

from attack_vectors import render_vector
from browser import TRAP
from logbook_client import IMAGE
from logbook_page import write_by_program, log_in, open_logbook

FIRST_PAGE = 500_000
PAGES = 12
FIRST_MARKDOWN = 600_000
# What Markdown makes of it, besides HTML within it.
MARKDOWN = [
    "[w](javascript:TRAP)", "[w](<java\nscript:TRAP>)", "[w](javascript&colon;TRAP)", "[w][r]\n\n[r]: javascript:TRAP",
    "![w](javascript:TRAP)", "![\"onerror=TRAP x=\"](x)", "![w](x \"\\\"onerror=TRAP x=\")", "![w](//SITE)", "![w](https://SITE.png)",
    "<javascript:TRAP>", "<data:text/html,<script>TRAP</script>>", "[w](data:text/html;base64,⟦b64 <script>TRAP</script>⟧)",
    "```\"onclick=TRAP x=\"\ncode\n```", "```<img src=x onerror=TRAP>\nw\n```", "~~~\n</code></pre><svg onload=TRAP>\n~~~",
    "| <img src=x onerror=TRAP> |\n|---|\n| `<svg onload=TRAP>` |", "- [ ] <svg onload=TRAP>", "`</code><svg onload=TRAP>`",
    "a\n<svg onload=TRAP>\nb", "<div\n\nonclick=TRAP>w", "**<img src=x\nonerror=TRAP>**", "[<svg onload=TRAP>](x)", "\\<svg onload=TRAP>",
    "<a href=\"x\n\n\"onclick=TRAP>w", "&lt;svg onload=TRAP&gt;", "[w](\u0001javascript:TRAP)", "# <svg onload=TRAP>", "> <svg onload=TRAP>",
]  # fmt: skip
CANARY = """() => new Promise(resolve => {
    addEventListener('securitypolicyviolation', resolve)
    document.body.append(document.createRange().createContextualFragment('<b onclick=trap(1)>w</b>'))
})"""
HARMLESS = "<p>w <b>w</b></p>"


class Live:
    """A window on the logbook in which entries appear as they are written."""

    def __init__(self, browser):
        self.browser = browser
        self.page = log_in(browser, "simple/alice")
        self.page.add_init_script("window.fired = []; addEventListener('securitypolicyviolation', e => fired.push(e.violatedDirective))")
        self.page.add_init_script(TRAP)
        self.page.on("dialog", lambda dialog: dialog.dismiss())
        open_logbook(self.page, browser.facility, f"investigation/{browser.facility.embargo}")

    def end(self, marker):
        """When the last one is there: what fired or was asked for, and how many entries there are."""
        self.page.locator("#entries", has_text=marker).wait_for()
        own = re.compile(re.escape(self.browser.facility.url) + r"/(logbook/app(/|\?|$)|resource/file/[0-9a-f]{24}$|favicon.ico$)")
        asked = [address for address in self.page.addresses if not own.match(address)]
        articles = self.page.locator("#entries > article").count()
        assert articles == self.page.locator("article").count(), "an entry is not where it belongs"
        fired = self.page.evaluate("fired") + asked + self.page.errors
        # That this would have been told.
        self.page.evaluate(CANARY)
        return fired, articles


def write_markdown(facility, live, base):
    """As people write it in the page, and every tenth vector in both of its forms; the last one's text."""
    (cookie,) = live.page.context.cookies()
    headers = {"Cookie": f"undulator-session={cookie['value']}", "Content-Type": "application/json"}
    texts = [render_vector(template, number) for number, template in enumerate(MARKDOWN, FIRST_MARKDOWN)]
    texts += [text for _, _, text in base[::10] if "\x00" not in text]
    address = f"/logbook/app/investigation/{facility.embargo}"
    refused = 0
    for mode in ("markdown", "html"):
        for text in texts:
            status, body = facility.post_json(address, {"mode": mode, "text": text, "tags": text[:100]}, headers)
            # Nothing may be left of it, or it is nested too deeply.
            assert status in (200, 400, 422), (status, body, text)
            refused += status != 200
    status, _ = facility.post_json(address, {"mode": "markdown", "text": "the last of all"}, headers)
    assert status == 200, status
    return 2 * len(texts) - refused


def check_pages(browser, facility, live, book, every):
    """Every list, single entries and what is found, read with alice's session and shown without a policy; what is wrong."""
    stage = browser.stage()
    (cookie,) = live.page.context.cookies()
    headers = {"Cookie": f"undulator-session={cookie['value']}"}

    def read_page(path):
        status, _, body = facility.request("GET", path, headers=headers)
        assert status == 200, (path, status)
        return body.decode()

    base = f"/logbook/app/investigation/{facility.embargo}"

    def list_pages(path):
        pages = []
        while path:
            pages.append(read_page(path))
            more = re.search(r'class="more" rel="next" href="([^"]+)"', pages[-1])
            path = more and html.unescape(more[1])
            assert len(pages) < 200
        return pages

    def list_entries(pages):
        return list(dict.fromkeys(re.findall('data-entry="([0-9a-f]{24})"', "".join(pages))))

    # Another logbook with the same kinds of entries, all of them harmless.
    other = f"/logbook/app/investigation/{facility.other}"
    fields = dict.fromkeys(["title", "username", "fullName"], "w")
    place = f"investigationId={facility.other}"
    for more in ({}, fields, {"tag": [{"name": "w"}]}, {**fields, "tag": [{"name": "w"}]}):
        for text in (HARMLESS, "w"):
            status, made = book.send("POST", f"/logbook/{book.session}/event?{place}", book.comment([text], **more))
            assert status == 200, made
            changed = book.comment([text + "w"], **more)
            status, made = book.send("PUT", f"/logbook/{book.session}/event?{place}", {"event": {"_id": made["_id"], **changed}})
            assert status == 200, made
    for address in (IMAGE, "data:text/plain;base64,dw=="):
        status, made = book.send("POST", f"/logbook/{book.session}/event/createfrombase64?{place}", {"base64": address})
        assert status == 200, made
    for n in range(60):
        write_by_program(facility, f"w{n}", investigation="ZZ-124")
    harmless = list_pages(other) + list_pages(f"{other}?search=w")
    harmless += [read_page(f"{other}/entry/{id}") for id in list_entries(harmless)[:12] + list_entries(harmless)[-12:]] + [read_page("/logbook/app/find?search=w")]
    harmless += [read_page(f"{other}?date=2020-01-01&search=none&tags=x"), read_page("/logbook/app/find?search=nothing-at-all")]
    known = {kind for text in harmless for kind in stage.evaluate("misplaced", text)[0]}

    pages = list_pages(base)
    ids = list_entries(pages)
    pages += [read_page(f"{base}/entry/{id}") for id in ids[::every]]
    words = ["trap", "script", "onerror", "javascript", '"onerror=trap"', "<img", "svg onload", "elsewhere*"]
    pages += [read_page(f"{path}?search={urllib.parse.quote(word)}") for word in words for path in (base, "/logbook/app/find")]
    wrong = []
    for text in pages:
        kinds, found = stage.evaluate("misplaced", text)
        wrong += [f"{kind} in {re.search('<title>([^<]*)', text)[1]}" for kind in kinds if kind not in known] + found
    items = list(enumerate(pages, FIRST_PAGE))
    for at in range(0, len(items), PAGES):
        wrong += [f"{number} {how}" for number, how in browser.show(stage, "page", items[at : at + PAGES], strict=False).items()]
    return len(pages), len(ids), list(dict.fromkeys(wrong))
