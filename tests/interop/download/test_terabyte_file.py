#!/usr/bin/env python3
"""A hundred bytes at the offset of 1 TB, of a file and of archives: they come at once, and to give them hardly more than
they is read from the disk."""

# runs-alone: it measures how much is read and how soon the bytes come

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from download_facility import MTIME, Facility

SIZE = 1 << 40
AT = 10**12
LENGTH = 100
MARK = b"here, a terabyte in"
MOST_READ = 1 << 20
MOST_SECONDS = 1


def bytes_read(suite):
    """By the server's process: from the disk, and by any call that reads."""
    lines = open(f"/proc/{suite.server.pid}/io").read().splitlines()
    fields = dict(line.split(": ") for line in lines)
    return int(fields["read_bytes"]), int(fields["rchar"])


def mark_offset(suite, form, query):
    """How much further the mark lies in an archive than in the file."""
    if form == "raw":
        return 0
    status, _, body = suite.data({**query, "format": "json"})
    assert status == 200, (status, body)
    large = json.loads(body)[-1]
    if form == "tar":
        return large["tarOffset"]
    blocks = 5 * (AT // 65535 + 1) if "behind" in form else 0
    return large["offset"] + blocks


def main():
    with Facility() as suite:
        dataset = suite.dataset("scan")
        [small] = suite.put_files(dataset, [("a.h5", "scan/a.h5", b"small")])
        path = suite.files / "scan" / "b.h5"
        with path.open("wb") as file:
            file.truncate(SIZE)
            file.seek(AT)
            file.write(MARK)
        os.utime(path, (MTIME, MTIME))
        row = {"name": "b.h5", "location": "scan/b.h5", "fileSize": SIZE, "dataset": {"id": dataset}}
        told = suite.create("Datafile", checksum="1", **row)
        ids = f"{small},{told}"
        prepared = suite.prepare(datafileIds=ids)
        raw = suite.prepare(datafileIds=told)
        # Under another name nothing is known of its checksum, which then stands behind the data.
        (suite.files / "again").symlink_to("scan")
        other = suite.create("Datafile", **{**row, "name": "c.h5", "location": "again/b.h5"})
        forms = {
            "raw": {"preparedId": raw},
            "zip": {"preparedId": prepared, "format": "zip"},
            "zip, checksums behind": {"sessionId": suite.root, "datafileIds": other, "zip": "true"},
            "tar": {"preparedId": prepared, "format": "tar"},
        }
        for form, query in forms.items():
            status, headers, _ = suite.data(query, "HEAD")
            assert status == 200 and int(headers["Content-Length"]) >= SIZE, (form, status)
            at = AT + mark_offset(suite, form, query)
            disk, all = bytes_read(suite)
            started = time.monotonic()
            status, headers, body = suite.data(query, Range=f"bytes={at}-{at + LENGTH - 1}")
            seconds = time.monotonic() - started
            disk, all = (now - before for now, before in zip(bytes_read(suite), (disk, all)))
            assert status == 206 and len(body) == LENGTH, (form, status, body)
            assert body.startswith(MARK), (form, body)
            assert disk < MOST_READ and all < MOST_READ, (form, disk, all)
            assert seconds < MOST_SECONDS, (form, seconds)
            print(f"{form}: {LENGTH} bytes at {at} in {seconds * 1000:.0f} ms; {disk} bytes read from the disk, {all} in all")


if __name__ == "__main__":
    main()
