#!/usr/bin/env python3
"""`undulator demo` as somebody who tries it meets it: its logbook has a history and grows while it serves, images too; it
ends at once when it is told to, and goes on at the next start without telling the history again.

    tests/interop/demo.py
"""

import json
import signal
import stat
import subprocess
import time

from suite import PROGRAM, Suite, until

GUARD_SECONDS = 300
STOP_SECONDS = 10


class Demo(Suite):
    """A suite whose databases and files lie where the demo makes them."""

    def __init__(self):
        super().__init__()
        for name in ("DATA_DIR", "STORAGE__MAIN__URL"):
            del self.env[f"UNDULATOR_{name}"]

    def start(self, *options):
        """Starts the demo and waits until it has greeted; what it says then."""
        self.log = self.dir / "log"
        with self.log.open("a") as log:
            self.server = subprocess.Popen(
                [PROGRAM, "demo", *options], env=self.env, cwd=self.dir, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True,
            )
        said = ""
        for line in self.server.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        else:
            raise SystemExit(f"the demo did not start\n{self.log.read_text()}")
        self.drain = subprocess.Popen(["cat"], stdin=self.server.stdout, stdout=subprocess.DEVNULL)
        lines = (self.dir / "demo-data" / "passwords").read_text().splitlines()
        self.passwords = dict(line.split() for line in lines)
        return said

    def stop(self):
        started = time.monotonic()
        code = self.kill(signal.SIGTERM)
        took = time.monotonic() - started
        assert code == 0 and took < STOP_SECONDS, (code, took)
        return took

    def count(self, session, **filter):
        status, _, body = self.request("GET", f"/logbook/{session}/event/count", filter)
        assert status == 200, (filter, status, body)
        return json.loads(body)


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
            until(kind, lambda: demo.count(alice, types=kind, **place), GUARD_SECONDS)
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
        until("a new entry", lambda: everything() > history, GUARD_SECONDS)
        until("a new image", lambda: demo.count(alice, investigationId=mx, types="attachment-file"), GUARD_SECONDS)
        took.append(demo.stop())
        print(f"{history} entries of history, new ones and images follow; stopped within {max(took):.1f} s")


if __name__ == "__main__":
    main()
