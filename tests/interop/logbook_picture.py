"""The picture of the logbook's page: an ordinary night at a beamline."""

import base64
import datetime
import io
import math
import struct
import zlib

from logbook_facility import Facility

from browser import Browser  # noqa: E402
from logbook_window import by_api, by_program, log_in, open_book, send  # noqa: E402
from playwright.sync_api import expect  # noqa: E402

SIZE = (900, 520)
NIGHT = [
    ("00:12:04", "Sample **A7** mounted at 100 K. Ice on the loop, annealed once, then clean.", ["sample"]),
    ("00:31:40", "Beam on the detector: 2·10¹² photons/s at 12.7 keV, slits 0.2 × 0.2 mm.", ["optics", "beam"]),
    ("01:05:22", "<table><thead><tr><th>run</th><th>resolution</th><th>completeness</th><th>R<sub>merge</sub></th></tr></thead><tbody>"
     "<tr><td>1</td><td>1.62 Å</td><td>99.1 %</td><td>0.062</td></tr><tr><td>2</td><td>1.48 Å</td><td>98.7 %</td><td>0.071</td></tr>"
     "</tbody></table><p>Run 2 is the better one. See <a href=\"https://example.org/\">the summary</a>.</p>", ["processing"]),
]  # fmt: skip


def diffraction(width=420, height=280):
    """A PNG that looks like one: rings and spots."""
    rows = io.BytesIO()
    for y in range(height):
        rows.write(b"\x00")
        for x in range(width):
            dx, dy = x - width / 2, y - height / 2
            r = math.hypot(dx, dy)
            spot = max(0, math.cos(dx / 7.3 + dy / 19) * math.cos(dy / 6.1 - dx / 23)) ** 24 * (1 if 14 < r else 0)
            ring = math.exp(-(((r % 62) - 31) / 7) ** 2) * 26
            rows.write(bytes([max(0, min(255, int(236 - ring - spot * 210 - 40 * math.exp(-r / 60) - (230 if r < 9 else 0))))]))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.getvalue())) + chunk(b"IEND", b"")


def fill(facility):
    """Comments of two people, commands, an error, an image, a table, tags."""
    alice, carol = facility.login("simple/alice"), facility.login("simple/carol")
    day = datetime.date.today().isoformat()
    at = lambda time: f"{day}T{time}"  # noqa: E731
    yesterday = (datetime.date.today() - datetime.timedelta(1)).isoformat()
    by_api(facility, carol, "Handed over to the night shift. Cryostream refilled.", creationDate=f"{yesterday}T22:02:00", tag=[{"name": "shift"}])
    for time, text, tags in NIGHT:
        format = "html" if text.startswith("<") else "plainText"
        html = text if format == "html" else text.replace("**A7**", "<b>A7</b>")
        by_api(facility, alice, f"<p>{html}</p>" if format != "html" else html, "html", creationDate=at(time), tag=[{"name": t} for t in tags])
    for text, kind in (("ascan omega 0 90 900 0.1", "commandline"), ("Scan 4 of 900 points: done in 94 s", "info"), ("Shutter did not open: interlock PSS-3", "error")):
        by_program(facility, text, kind)
    by_api(facility, carol, "Interlock reset by the control room. Continue with **A8**.".replace("**A8**", "A8"), tag=[{"name": "shift"}])
    image = "data:image/png;base64," + base64.b64encode(diffraction()).decode()
    html = f'<p>First image of <b>A8</b>: spots to the edge.</p><p><img src="{image}" alt="diffraction pattern"></p>'
    id = by_api(facility, alice, html, "html", tag=[{"name": "sample"}, {"name": "A8"}])
    return id


def take(path, shots=None):
    """Light into the documentation; with `shots` all others into that directory."""
    with Facility() as facility, Browser(facility) as browser:
        entry = fill(facility)
        place = f"investigation/{facility.embargo}"
        size = {"width": SIZE[0] + 380, "height": 900}
        page = open_book(log_in(browser, "simple/alice", viewport=size), facility, place)
        expect(page.locator("#entries img")).to_have_js_property("complete", True)
        path.parent.mkdir(exist_ok=True)
        page.screenshot(path=path)
        if shots:
            places = {"home": "", "book": place, "single": f"{place}/entry/{entry}", "found": f"{place}?search=shift", "closed": f"investigation/{facility.released}"}
            for scheme in ("light", "dark"):
                for width in (1280, 400):
                    page = log_in(browser, "simple/alice", color_scheme=scheme, viewport={"width": width, "height": 900})
                    for name, place in places.items():
                        page.goto(f"{facility.url}/logbook/app/{place}".rstrip("/"))
                        page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
                        page.wait_for_load_state()
                        page.screenshot(path=shots / f"{name}-{scheme}-{width}.png", full_page=True)
                    page.context.close()
