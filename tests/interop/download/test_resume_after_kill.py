#!/usr/bin/env python3
"""curl downloads a 64 MiB file, is cut off 20 times at random places, and goes on each time, though the server is
killed in between. No byte is lost, and hardly one is served twice."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite

SIZE = 64 << 20
CUTS = 20
SLACK = 1 << 20
FACILITY = """
---
facility: {f: {name: F}}
investigationType: {t: {facility: f, name: T}}
investigation: {i: {facility: f, name: I, title: t, type: t, visitId: V}}
"""


def fetch_part(url, offset, until, out, headers):
    """Takes bytes up to `until` through curl and hangs up; how many curl itself had received."""
    curl = subprocess.Popen(
        ["curl", "--silent", "--show-error", "--dump-header", headers, "--continue-at", str(offset), url],
        stdout=subprocess.PIPE,
    )
    left = until - offset
    while left:
        piece = curl.stdout.read(min(left, 1 << 16))
        if not piece:
            break
        out.write(piece)
        left -= len(piece)
    curl.kill() if until < SIZE else None
    curl.stdout.close()
    curl.wait()
    assert left == 0, f"{left} bytes short"


def check_conditional_requests(suite, query, etag, content):
    """What else RFC 9110 says of a file: HEAD, single ranges of each form, validators."""

    def request_file(headers, method="GET"):
        return suite.request(method, "/ids/getData", query, headers=headers)

    status, headers, body = request_file({}, "HEAD")
    assert (status, headers["Content-Length"], headers["ETag"], body) == (200, str(SIZE), etag, b"")
    modified = headers["Last-Modified"]
    assert headers["Accept-Ranges"] == "bytes" and headers["Content-Disposition"] == 'attachment; filename="big.dat"'
    status, headers, body = request_file({"Range": "bytes=0-99"}, "HEAD")
    assert (status, headers["Content-Length"], headers["Content-Range"]) == (206, "100", f"bytes 0-99/{SIZE}")
    for text, first, last in [("0-99", 0, 99), ("-100", SIZE - 100, SIZE - 1), (f"{SIZE - 5}-{SIZE + 5}", SIZE - 5, SIZE - 1)]:
        status, headers, body = request_file({"Range": f"bytes={text}", "If-Range": etag})
        assert (status, headers["Content-Range"]) == (206, f"bytes {first}-{last}/{SIZE}"), (text, status)
        assert body == content[first : last + 1], text
    for extra in [{"If-Range": '"another"'}, {"If-Range": "W/" + etag}, {"If-Range": "Mon, 12 Jan 1970 00:00:00 GMT"}]:
        status, _, body = request_file({"Range": "bytes=0-99", **extra})
        assert status == 200 and len(body) == SIZE, extra
    assert request_file({"Range": "bytes=0-9", "If-Range": modified})[0] == 206
    assert request_file({"Range": "bytes=0-9,20-29"})[0] == 200, "several ranges are answered whole"
    status, headers, body = request_file({"Range": f"bytes={SIZE}-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{SIZE}") and b'"code"' in body
    for validator in [{"If-None-Match": etag}, {"If-Modified-Since": modified}]:
        status, headers, body = request_file(validator)
        assert (status, headers["ETag"], body) == (304, etag, b""), validator
    assert request_file({"If-Match": '"another"'})[0] == 412
    assert request_file({}, "HEAD")[1]["Access-Control-Allow-Origin"] == "*"


def main():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print("seed", seed)
    with Suite() as suite:
        (suite.dir / "facility.yaml").write_text(FACILITY)
        suite.run("icat", "import", suite.dir / "facility.yaml")
        (suite.files / "I" / "scan").mkdir(parents=True)
        content = rng.randbytes(SIZE)
        (suite.files / "I" / "scan" / "big.dat").write_bytes(content)
        # The validator of a file that was written this very moment is weak.
        os.utime(suite.files / "I" / "scan" / "big.dat", (1.7e9, 1.7e9))
        suite.run("icat", "ingest", suite.files / "I", "--investigation", "I")
        suite.add_user("simple/root")
        suite.start()
        session = suite.login("simple/root")
        number = suite.search(session, "SELECT df.id FROM Datafile df")[0]
        url = f"{suite.url}/ids/getData?sessionId={session}&datafileIds={number}"
        cuts = sorted(rng.sample(range(1, SIZE), CUTS)) + [SIZE]
        target, headers = suite.dir / "big.dat", suite.dir / "headers"
        requested = 0
        etags = set()
        with target.open("wb") as out:
            offset = 0
            for until in cuts:
                fetch_part(url, offset, until, out, headers)
                head = dict(line.split(": ", 1) for line in headers.read_text().splitlines() if ": " in line)
                status = headers.read_text().split()[1]
                etags.add(head["etag"])
                if offset:
                    assert status == "206", status
                    assert head["content-range"] == f"bytes {offset}-{SIZE - 1}/{SIZE}", head
                requested += until - offset
                offset = until
                suite.kill()
                suite.start()
        assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(content).digest()
        assert requested <= SIZE + SLACK and len(etags) == 1, (requested, etags)
        check_conditional_requests(suite, {"sessionId": session, "datafileIds": number}, etags.pop(), content)
        print(f"{CUTS} resumes over {CUTS + 1} kills of the server: {requested} bytes taken of {SIZE}, sha256 equal")


if __name__ == "__main__":
    main()
