#!/usr/bin/env python3
"""An acknowledged write is on disk: strace sees the database's log flushed before the 200 leaves, and a server that is
killed right after its answer still has the row. A stop on request ends with code 0."""

import json
import re
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite

FACILITY = "---\nfacility: {f: {name: F}}\n"


def main():
    with Suite() as suite:
        (suite.dir / "facility.yaml").write_text(FACILITY)
        suite.run("icat", "import", suite.dir / "facility.yaml")
        suite.add_user("simple/root")
        trace = suite.dir / "trace"
        calls = "openat,open,fsync,fdatasync,write,writev,sendto,sendmsg"
        suite.start("strace", "-f", "-y", "-s", "2000", "-o", trace, "-e", f"trace={calls}")
        session = suite.login("simple/root")
        writes = 20
        for n in range(writes):
            entities = json.dumps({"Grouping": {"name": f"durable-{n}"}})
            form = {"sessionId": session, "entities": entities}
            status, _, body = suite.request("POST", "/icat/entityManager", form=form)
            assert status == 200, body
        suite.kill()
        acknowledged, flushed_since_last = 0, False
        for line in trace.read_text(errors="replace").splitlines():
            if re.search(r"f(data)?sync\(\d+<[^>]*icat\.db-wal>", line) and "resumed" not in line:
                flushed_since_last = True
            elif "HTTP/1.1 200 OK" in line and re.search(r'\\r\\n\\r\\n\[\d+\]"', line):
                assert flushed_since_last, f"an answer left before the flush: {line}"
                flushed_since_last = False
                acknowledged += 1
        assert acknowledged == writes, f"{acknowledged} answers seen in the trace"
        suite.start()
        session = suite.login("simple/root")
        assert suite.search(session, "SELECT COUNT(g) FROM Grouping g WHERE g.name LIKE 'durable-%'") == [writes]
        assert suite.kill(signal.SIGTERM) == 0, "a stop on request is no failure"
        suite.env["UNDULATOR_LOG__FORMAT"] = "json"
        suite.start()
        suite.request("GET", "/icat/version")
        assert suite.kill(signal.SIGTERM) == 0
        lines = [json.loads(line) for line in suite.log.read_text().splitlines() if line.startswith("{")]
        seen = [line for line in lines if line.get("http.route") == "/icat/version"]
        assert any(line.get("http.response.status_code") == 200 for line in seen), lines
        print(f"{writes} writes: each flushed before its answer, all there after kill -9")


if __name__ == "__main__":
    main()
