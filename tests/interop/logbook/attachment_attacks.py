"""Files that would do something if a browser opened them: attached in every way, opened by every address that they have.

The same bytes, served as their names say, must fire: that is the control.
"""

import json
import re

from logbook_client import PNG
from logbook_requests import upload_file

SCRIPT = "<script>trap(N)</script>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="trap(N)"><script>trap(N)</script></svg>'
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><body><script>trap(N)</script></body></html>'
PDF = """%PDF-1.7
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\("N"\\))>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/AA<</O<</S/URI/URI(http://elsewhere.example/N)>>>>>>endobj
trailer<</Root 1 0 R>>
"""
# Name, bytes, and as what a careless server would serve them.
FILES = [
    ("a.html", SCRIPT, "text/html"),
    ("a.HTM", f"<!doctype html>{SCRIPT}", "text/html"),
    ("a.xhtml", XHTML, "application/xhtml+xml"),
    ("a.svg", SVG, "image/svg+xml"),
    ("b.svg", f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]>{SVG}', "image/svg+xml"),
    ("a.svgz.svg", f"\ufeff  {SVG}", "image/svg+xml"),
    ("a.xml", f'<?xml version="1.0"?>{XHTML}', "text/xml"),
    ("b.xml", '<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>trap(N)</h:script></x>', "application/xml"),
    ("a.xsl", f'<?xml version="1.0"?>{XHTML}', "application/xslt+xml"),
    ("a.pdf", PDF, "application/pdf"),
    ("a.txt", SCRIPT, "text/html"),
    ("a.csv", f"a,b\n{SCRIPT}", "text/html"),
    ("a.json", f'{{"a": "{SCRIPT}"}}', "text/html"),
    ("a.md", f"# x\n\n{SCRIPT}", "text/html"),
    ("a.mht", f"MIME-Version: 1.0\nContent-Type: text/html\n\n{SCRIPT}", "text/html"),
    ("a.hta", SCRIPT, "text/html"),
    ("a", SCRIPT, "text/html"),
    ("a.png", SCRIPT, "text/html"),
    ("b.png", PNG + SCRIPT.encode(), "text/html"),
    ("a.gif", f"GIF89a{SCRIPT}", "text/html"),
    ("b.gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;" + SCRIPT.encode(), "text/html"),
    ("c.gif", "GIF89a=1;trap(N)", "text/javascript"),
    ("d.gif", b"GIF89a/*\x00\x00\x00*/=1;trap(N)", "text/javascript"),
    ("a.bmp", "BM=1;trap(N)", "text/javascript"),
    ("b.bmp", f"BM{SCRIPT}", "text/html"),
    ("a.webp", f"RIFF\x10\x00\x00\x00WEBPVP8 {SCRIPT}", "text/html"),
    ("a.jpg", b"\xff\xd8\xff\xfe\x00\x30" + SCRIPT.encode() + b"\xff\xd9", "text/html"),
    ("a.tiff", b"II*\x00" + SCRIPT.encode(), "text/html"),
    ("a.ico", b"\x00\x00\x01\x00" + SCRIPT.encode(), "text/html"),
    ("a.js", "trap(N)", "text/javascript"),
    ("a.mjs", "trap(N)", "text/javascript"),
    ("a.css", "*{background:url(//elsewhere.example/N)}", "text/css"),
    ("a.svg\u202egnp.html", SCRIPT, "text/html"),
]
# Names that may break the header, the path, or the page that shows them.
NAMES = [
    '"><img src=x onerror=trap(N)>.png', "<script>trap(N)</script>.html", 'x"; filename*=UTF-8\'\'y.html; z="', "../../../etc/N.html",
    "..\\..\\N.html", "N.html\r\nContent-Type: text/html\r\n\r\n<script>trap(N)</script>", "inline; N.html", ".", "..", " ", "N.png.html",
    "javascript:trap(N)", "%22%3E%3Csvg onload=trap(N)%3E.svg", "a\tb.html", "Ångström 日本.png", "x" * 300 + ".html", "CON", "\u202elmth.N",
]  # fmt: skip
WAYS = [
    '<iframe src="{}"></iframe>', '<embed src="{}">', '<object data="{}"></object>', '<object type=text/html data="{}"></object>',
    '<script src="{}"></script>', '<script type=module src="{}"></script>', '<link rel=stylesheet href="{}">', '<img src="{}">',
    '<video src="{}"></video>', '<svg><use href="{}#x"/></svg>', '<svg><image href="{}"/></svg>', '<embed type=image/svg+xml src="{}">',
]  # fmt: skip


def insert_number(content, number):
    return (content if isinstance(content, bytes) else content.encode()).replace(b"N)", b"%d)" % number).replace(b"/N", b"/%d" % number)


def attach_files(facility, session, base64):
    """number → (name, id of the entry, address by the session, address by a ticket)."""
    place = f"investigationId={facility.embargo}"
    files = [(name, content) for name, content, _ in FILES] + [(name, SCRIPT) for name in NAMES]
    made = {}
    for number, (name, content) in enumerate(files, 200_000):
        content = insert_number(content, number)
        if number % 2 and (name, content) not in NAMES:
            status, body = facility.post_json(
                f"/logbook/{session}/event/createfrombase64?{place}",
                {"base64": f"data:{'image/svg+xml' if 'svg' in name else 'text/html'};base64,{base64(content)}"},
                {"Content-Type": "application/json"},
            )
            assert status == 200, (name, body)
            entry = json.loads(body)
        else:
            entry = upload_file(facility, f"/resource/{session}/file/upload?{place}", name.replace("N", str(number)), content)
        (id,) = entry["file"]
        html = f'<p><a href="/resource/file/{id}">file</a><img src="/resource/file/{id}"></p>'
        new = {"type": "annotation", "category": "comment", "content": [{"format": "html", "text": html}]}
        status, body = facility.post_json(f"/logbook/{session}/event?{place}", new, {"Content-Type": "application/json"})
        ticket = re.search(r'href="([^"]+)"', json.loads(body)["content"][0]["text"])[1]
        made[number] = (name, f"/resource/{session}/file/download?resourceId={id}", ticket)
    return made


def check_headers(facility, made):
    """Nothing that could be a document is shown, and no name leaves its place in the header."""
    shown = 0
    for name, *addresses in made.values():
        for address in addresses:
            status, headers, _ = facility.request("GET", address)
            kind, disposition = headers["content-type"], headers["content-disposition"]
            assert status == 200 and headers["x-content-type-options"] == "nosniff", (name, status)
            assert "sandbox" in headers["content-security-policy"], (name, headers)
            inline = disposition.startswith("inline")
            assert kind in (["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"] if inline else ["application/octet-stream"])
            assert re.fullmatch(r"(inline|attachment); filename=\"[ !#-~]+\"(; filename\*=[!-~]+)?", disposition), (name, disposition)
            assert disposition.count('"') == 2, disposition
            shown += inline
    return shown


def check_opened_files(browser, made, both):
    """Opens them, each by both of its addresses or in turn by one; what fired."""
    page = browser.stage()
    fired = {}
    for which in (1, 2):
        these = {number: addresses for number, addresses in made.items() if both or number % 3 % 2 == which - 1}
        addresses = {number: browser.facility.url + addresses[which].replace("&", "&amp;") for number, addresses in these.items()}
        items = [(number, "".join(way.format(address) for way in WAYS)) for number, address in addresses.items()]
        for at in range(0, len(items), 60):
            fired |= browser.show(page, "raw", items[at : at + 60], strict=False)
        for number, addresses in these.items():
            fired |= browser.open(addresses[which], number)
    return fired


def count_firing_files(browser):
    """How many fire when they are served carelessly."""
    fired = {}
    for number, (_, content, kind) in enumerate(FILES, 300_000):
        path = f"/shown/file/{number}"
        browser.pages[path] = (kind, insert_number(content, number))
        if kind in ("text/javascript", "text/css"):
            tag = "<script src={}></script>" if kind == "text/javascript" else "<link rel=stylesheet href={}>"
            browser.pages[path + "/page"] = ("text/html", f"<body>{tag.format(path)}w")
            path += "/page"
        fired |= browser.open(path, number)
    return len(fired)
