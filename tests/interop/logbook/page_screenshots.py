"""The picture of the logbook's page: an ordinary night at a beamline."""

import base64
import datetime
import io
import math
import struct
import zlib

from playwright.sync_api import expect

from browser import Browser
from logbook_facility import Facility
from logbook_page import write_by_api, write_by_program, log_in, open_logbook

TITLE = "Structure of a light-driven proton pump at room temperature"
TABLE = """<p>Run 2 is the better one, see <a href="https://example.org/">the summary</a>:</p>
<table><thead><tr><th>run</th><th>resolution</th><th>completeness</th><th>R<sub>merge</sub></th></tr></thead><tbody>
<tr><td>1</td><td>1.62 Å</td><td>99.1 %</td><td>0.062</td></tr><tr><td>2</td><td>1.48 Å</td><td>98.7 %</td><td>0.071</td></tr>
</tbody></table>"""
# Minutes ago, who (nobody: a program), what, and its tags or its category.
NIGHT = [
    (1500, "carol", "<p>Handed over to the night shift. Cryostream refilled.</p>", "shift"),
    (171, "alice", "<p>Beam on the detector: 2·10¹² photons/s at 12.7 keV, slits 0.2 × 0.2 mm.</p>", "optics beam"),
    (131, "", "ascan omega 0 90 900 0.1", "commandline"),
    (64, "alice", TABLE, "processing"),
    (36, "", "Shutter did not open: interlock PSS-3", "error"),
    (29, "carol", "<p>Interlock reset by the control room. Go on with <b>A8</b>.</p>", "shift"),
    (14, "alice", "<p>Ice on the loop, annealed once, then clean: spots to the edge.</p><p>IMAGE</p>", "sample A8"),
    (6, "", "ascan omega 0 180 1800 0.1", "commandline"),
    (2, "", "Scan 5 of 1800 points: done in 188 s", "info"),
]


def draw_diffraction_pattern(width=240, height=150):
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


def fill_logbook(facility):
    """Comments of two people, commands, an error, an image, a table, tags; the entry with the image."""
    sessions = {name: facility.login(f"simple/{name}") for name in ("alice", "carol")}
    facility.create("Investigation", {"id": facility.embargo, "title": TITLE})
    image = '<img src="data:image/png;base64,' + base64.b64encode(draw_diffraction_pattern()).decode() + '" alt="diffraction pattern">'
    now, shown = datetime.datetime.now(datetime.UTC), None
    for minutes, who, text, words in NIGHT:
        at = (now - datetime.timedelta(minutes=minutes)).isoformat()
        if not who:
            write_by_program(facility, text, words, creationDate=at)
            continue
        tags = [{"name": name} for name in words.split()]
        id = write_by_api(facility, sessions[who], text.replace("IMAGE", image), "html", creationDate=at, tag=tags)
        shown = id if "IMAGE" in text else shown
    return shown


def take_screenshots(path, shots=None):
    """Light into the documentation; with `shots` all others into that directory."""
    with Facility() as facility, Browser(facility) as browser:
        entry = fill_logbook(facility)
        place = f"investigation/{facility.embargo}"
        page = open_logbook(log_in(browser, "simple/alice"), facility, place)
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
