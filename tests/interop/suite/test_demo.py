#!/usr/bin/env python3
"""`undulator demo` as somebody who tries it meets it: its logbook has a history and grows while it serves, images too; it
ends at once when it is told to, and goes on at the next start without telling the history again.

    tests/interop/suite/test_demo.py
"""

# mostly-waits: for entries that the demo writes
# seconds: 35

import json
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from demo_server import Demo
from suite import wait_until

GUARD_SECONDS = 300


def main():
    with Demo() as demo:
        said = demo.start("--quiet-beamline")
        assert f"{demo.url}/logbook/app" in said and "beamline-key" in said, said
        for name in ("passwords", "beamline-key"):
            mode = stat.S_IMODE((demo.dir / "demo-data" / name).stat().st_mode)
            assert mode == 0o600, (name, oct(mode))
        alice, dan = demo.login("db/alice"), demo.login("db/dan")
        (mx,) = demo.search(alice, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
        kinds = ["notification-info", "notification-commandline", "notification-error", "notification-debug"]
        for kind in [*kinds, "annotation-comment", "broadcast-info", "broadcast-error"]:
            place = {} if kind.startswith("broadcast") else {"investigationId": mx}
            # The first ones may have been written before the catalogue said where they belong.
            wait_until(kind, lambda: demo.count(alice, types=kind, **place), GUARD_SECONDS)
        assert demo.request("GET", f"/logbook/{dan}/event", {"investigationId": mx})[0] == 403
        query = {"investigationId": mx, "search": "scan-003: image", "limit": 1}
        _, _, body = demo.request("GET", f"/logbook/{alice}/event", query)
        (image,) = json.loads(body)
        _, headers, png = demo.request("GET", f"/resource/{alice}/file/download", {"resourceId": image["file"][0]})
        assert headers["content-type"] == "image/png" and png[:4] == b"\x89PNG", headers
        session = demo.login("simple/root")
        everything = lambda: demo.count(session, investigationId=mx) + demo.count(session, instrumentName="ID29", filterInvestigation="true")  # noqa: E731
        history = everything()
        took = [demo.stop()]

        demo.start()
        assert history <= everything() < history + 10, "the history was told again"
        wait_until("a new entry", lambda: everything() > history, GUARD_SECONDS)
        wait_until("a new image", lambda: demo.count(alice, investigationId=mx, types="attachment-file"), GUARD_SECONDS)
        took.append(demo.stop())
        print(f"{history} entries of history, new ones and images follow; stopped within {max(took):.1f} s")


if __name__ == "__main__":
    main()
