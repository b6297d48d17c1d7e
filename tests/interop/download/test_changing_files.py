#!/usr/bin/env python3
"""Files that change while they are downloaded: the transfer breaks off before its end, whatever the change was and
whatever the form, and what was prepared is gone, so that no client can join two generations."""

# seconds: 15
# long: --mebibytes 64

import argparse
import http.client
import json
import os
import random
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from download_facility import MTIME, Facility

options = argparse.ArgumentParser()
options.add_argument("--mebibytes", type=int, default=24, help="size of a file: more than the sockets between server and client hold")
SIZE = options.parse_args().mebibytes << 20
TAKEN = 1 << 20
FORMS = ["raw", "zip", "blocks", "tar", "deflate", "tar.gz"]


def truncate_file(path):
    os.truncate(path, SIZE // 2)


def rewrite_block(path):
    with path.open("r+b") as file:
        file.seek(SIZE - 4096)
        file.write(random.randbytes(4096))


def rewrite_block_with_old_times(path):
    """With its old times, as far as anybody can set them."""
    rewrite_block(path)
    os.utime(path, (MTIME, MTIME))


def touch_file(path):
    os.utime(path)


def replace_file(path):
    other = path.with_suffix(".new")
    other.write_bytes(random.randbytes(SIZE))
    os.utime(other, (MTIME, MTIME))
    other.rename(path)


def append_to_file(path):
    with path.open("ab") as file:
        file.write(b"more")


def leave_unchanged(_):
    """The control."""


CHANGES = [leave_unchanged, truncate_file, rewrite_block, rewrite_block_with_old_times, touch_file, replace_file, append_to_file]


def download_while_changing(suite, query, change, path):
    """Whether it came to its end, and the validator."""
    connection = http.client.HTTPConnection("127.0.0.1", suite.public, timeout=60)
    connection.request("GET", "/ids/getData?" + urllib.parse.urlencode(query))
    answer = connection.getresponse()
    assert answer.status == 200, (answer.status, answer.read())
    taken = len(answer.read(TAKEN))
    assert taken == TAKEN
    change(path)
    try:
        while piece := answer.read(1 << 20):
            taken += len(piece)
    except (http.client.IncompleteRead, ConnectionError):
        return False, answer.headers["ETag"]
    length = answer.headers["Content-Length"]
    return length is None or taken == int(length), answer.headers["ETag"]


def main():
    with Facility() as suite:
        dataset = suite.dataset("scan")
        tried = 0
        for form in FORMS:
            for change in CHANGES:
                name = f"{form}-{change.__name__}"
                path = suite.files / "scan" / name
                files = [(name, f"scan/{name}", random.randbytes(SIZE))]
                if form not in ("raw",):
                    files.append((name + "-2", f"scan/{name}-2", b"behind it"))
                ids = suite.put_files(dataset, files, checksums=form != "blocks")
                options = {"compress": "true"} if form == "deflate" else {}
                prepared = suite.prepare(datafileIds=",".join(map(str, ids)), **options)
                query = {"preparedId": prepared} | ({"format": form} if form.startswith("tar") else {})
                complete, etag = download_while_changing(suite, query, change, path)
                status, _, body = suite.data(query, Range="bytes=1-", If_Range=etag or '"none"')
                if change is leave_unchanged:
                    assert complete and status in (200, 206), (name, complete, status)
                else:
                    assert not complete, f"{name}: a complete transfer of a changed file"
                    failure = json.loads(body)
                    assert (status, failure["code"]) == (404, "NotFoundException"), (name, status, body[:200])
                    assert "has changed since this selection was prepared; prepare it again" in failure["message"]
                    status, headers, _ = suite.data({"sessionId": suite.root, "datafileIds": ids[0]}, "HEAD")
                    assert status == 200 and headers["ETag"] != etag, (name, status)
                tried += 1
                for _, location, _ in files:
                    (suite.files / location).unlink()
        suite.kill()
    print(f"{len(CHANGES) - 1} kinds of change in {len(FORMS)} forms: each transfer broke off; {len(FORMS)} untouched ones did not")


if __name__ == "__main__":
    main()
