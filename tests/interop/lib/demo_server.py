"""`undulator demo` as a server of tests."""

import json
import signal
import subprocess
import time

from suite import PROGRAM, Suite

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
