#!/usr/bin/env python3
"""Random selections as ZIP and tar: the length that HEAD tells is that of the formulas and of the bytes, every range is
the slice of what a second writer makes of the same files, and everybody's readers take the whole.

    tests/interop/download/test_archives.py          a few small selections, and one of many gigabytes
    tests/interop/download/test_archives.py --all    300 of them, to 70,000 members, and readers on archives of 4 GiB
"""

# needs: downloaders
# seconds: 19
# long: --all

import hashlib
import http.client
import os
import random
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.parse
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from archive_layout import Archive, Member, clean_path, tar_archive, make_names_unique, zip_archive
from download_facility import MTIME, Facility

ALL = "--all" in sys.argv
MANIFESTS = 300 if ALL else 12
RANGES = 100
WHOLE = 64 << 20
GUARD = 300
SMALL = [0, 1, 2, 511, 512, 513, 65534, 65535, 65536, 131070, 131071, 200_000]
LARGE = [(1 << 32) - 1, 1 << 32, 8 << 30] if ALL else [1 << 32]
HOSTILE = ["../../etc/passwd", "/etc/shadow", "C:\\Windows\\x.dll", "a/../../b", "./c", "a//b", "tab\there", "con:1", "~", "-rf"]
PREFIX = "ids/SUN/MX-1/1/"


class Pool:
    """Files that many selections share."""

    def __init__(self, suite, rng):
        self.files = {}
        (suite.files / "pool").mkdir()
        for n, size in enumerate(SMALL * 2 + LARGE):
            path = suite.files / "pool" / f"f{n}"
            if size in LARGE:
                with path.open("wb") as file:
                    file.truncate(size)
                    file.seek(size - 8192)
                    file.write(rng.randbytes(5000))
            else:
                path.write_bytes(rng.randbytes(size))
            mtime = MTIME + rng.choice([0, 1, -MTIME, 10**9])
            os.utime(path, (mtime, mtime))
            self.files[f"f{n}"] = (size, mtime, compute_crc(path), os.open(path, os.O_RDONLY))

    def pick(self, rng, large):
        names = [name for name, (size, *_) in self.files.items() if (size in LARGE) == large]
        return rng.choice(names)


def compute_crc(path):
    """Of a file that may have a large hole."""
    value = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            value = zlib.crc32(piece, value)
    return value


def a_name(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(HOSTILE)
    if kind == 1:
        return "n" * rng.randint(60, 250)
    if kind == 2:
        return "".join(rng.choices("éß数据Å\u0301e\u0301🔬 ", k=rng.randint(1, 60))).strip() or "é"
    if kind == 3:
        return "/".join(f"d{rng.randrange(3)}" for _ in range(3)) + "/same.h5"
    return f"scan_{rng.randrange(10**6):06}.h5"


def make_names(rng, count):
    """Different in the catalogue; cleaned, some are equal."""
    if count > 2000:
        return [f"{n:05}/{rng.choice(['a', 'é'])}.h5" for n in range(count)]
    found = set()
    while len(found) < count:
        name = a_name(rng)
        while name in found:
            name = rng.choice(["./", "/", "x/./"]) + name
            if len(name) > 250:
                name = f"{rng.randrange(10**9)}.h5"
        found.add(name)
    return rng.sample(sorted(found), count)


def choose_member_counts(rng):
    """How many members each selection has, and how many of them are huge."""
    all = [(0, 0), (1, 0), (2, 1), (3, 2)]
    if ALL:
        all += [(70_000, 0), (65_535, 0), (65_536, 0), (5000, 1)] + [(rng.randint(1, 6), 2) for _ in range(12)]
    return all + [(rng.choice([1, 2, 3, 10, 40, 300 if ALL else 60]), 0) for _ in range(MANIFESTS - len(all))]


class Client:
    """One connection that is kept."""

    def __init__(self, suite):
        self.connection = http.client.HTTPConnection("127.0.0.1", suite.public, timeout=120)

    def ask(self, method, query, headers):
        self.connection.request(method, "/ids/getData?" + urllib.parse.urlencode(query), headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, query, **headers):
        """Asks again for as long as checksums are being computed."""
        deadline = time.monotonic() + GUARD
        while True:
            status, answer, body = self.ask("GET", query, headers)
            if status != 503 or b"checksums" not in body:
                return status, answer, body
            assert answer["Retry-After"] and time.monotonic() < deadline, body


def choose_ranges(rng, archive):
    """Anywhere, and around the places where one thing ends and another begins."""
    for n in range(RANGES):
        if archive.starts and n % 2:
            start = max(0, min(rng.choice(archive.starts) + rng.randint(-3, 3), archive.total - 1))
        else:
            start = rng.randrange(archive.total)
        longest = archive.total - start
        yield start, start + rng.choice([1, min(3, longest), rng.randint(1, min(longest, 300_000))])


def check_archive(client, query, archive, rng, path):
    """Length and ranges; the whole is left at `path` if it is not too large. Whether it was."""
    status, head, body = client.ask("HEAD", query, {})
    assert (status, int(head["Content-Length"]), body) == (200, archive.total, b""), (query, head["Content-Length"], archive.total)
    etag = head["ETag"]
    assert etag.startswith('"'), etag
    whole = None
    if archive.total <= WHOLE:
        status, answer, whole = client.get(query)
        assert status == 200 and len(whole) == archive.total == int(answer["Content-Length"])
        assert answer["ETag"] == etag
        expected = archive.read(0, archive.total)
        assert hashlib.sha256(whole).digest() == hashlib.sha256(expected).digest(), (query, "differs")
        path.write_bytes(whole)
    for start, end in choose_ranges(rng, archive):
        status, answer, body = client.get(query, Range=f"bytes={start}-{end - 1}", **{"If-Range": etag})
        assert (status, answer["Content-Range"]) == (206, f"bytes {start}-{end - 1}/{archive.total}"), (status, body[:300])
        assert body == (archive.read(start, end) if whole is None else whole[start:end]), (query, start, end)
    return whole is not None


def run_curl(*command, allowed=(0,)):
    done = subprocess.run([str(part) for part in command], capture_output=True)
    assert done.returncode in allowed, (command, done.returncode, done.stdout[-500:], done.stderr[-500:])


def read_zip(path, members, heavy=False):
    with zipfile.ZipFile(path) as archive:
        assert [i.filename for i in archive.infolist()] == [m.name.decode() for m in members]
        assert archive.testzip() is None
    # An archive without members is a warning for unzip.
    run_curl("unzip", "-tqq", path, allowed=(0,) if members else (1,))
    if not heavy:
        run_curl("7z", "t", "-bd", path)
        run_curl("bsdtar", "-xOf", path)


def read_tar(path, members):
    with tarfile.open(path) as archive:
        found = [(i.name, i.size, i.mtime) for i in archive]
    assert found == [(m.name.decode(), m.size, m.mtime) for m in members], path
    run_curl("tar", "-tf", path)
    run_curl("tar", "-xOf", path, "--to-stdout")
    run_curl("bsdtar", "-tf", path)
    run_curl("7z", "l", path)


def make_selection(suite, pool, rng, number, count, huge):
    """A dataset of files of the pool; what its members must be."""
    known = rng.random() < 0.5
    # Under another name the same files have no checksum that the server has seen.
    folder = suite.files / f"p{number}"
    folder.symlink_to("pool")
    dataset = suite.dataset(f"ds{number}")
    rows, members = [], []
    for n, name in enumerate(make_names(rng, count)):
        file = pool.pick(rng, n < huge)
        size, mtime, checksum, descriptor = pool.files[file]
        row = {"name": name, "location": f"{folder.name}/{file}", "fileSize": size, "dataset": {"id": dataset}}
        if known:
            row["checksum"] = f"{checksum:x}"
        rows.append(row)
        read = lambda offset, length, d=descriptor: os.pread(d, length, offset)  # noqa: E731
        members.append((name, size, mtime, checksum, read))
    suite.create_all("Datafile", rows)
    paths = make_names_unique([clean_path(f"{PREFIX}ds{number}/{name}") for name, *_ in members])
    members = [Member(path, *rest) for path, (_, *rest) in zip(paths, members)]
    blocks = not known and any(m.size for m in members)
    return dataset, members, blocks


def check_large_archives(suite, pool, client):
    """Archives just above 4 GiB, read from end to end."""
    if not ALL:
        return 0
    file = next(name for name, (size, *_) in pool.files.items() if size == 1 << 32)
    small = next(name for name, (size, *_) in pool.files.items() if size == 513)
    read = 0
    for blocks in [False, True]:
        folder = suite.files / f"heavy{blocks}"
        folder.symlink_to("pool")
        dataset = suite.dataset(folder.name)
        rows = [
            {"name": name, "location": f"{folder.name}/{name}", "fileSize": pool.files[name][0], "dataset": {"id": dataset},
             **({} if blocks else {"checksum": f"{pool.files[name][2]:x}"})}
            for name in [file, small]
        ]
        suite.create_all("Datafile", rows)
        prepared = suite.prepare(datasetIds=dataset)
        for form in ["zip", "tar"] if blocks else ["zip"]:
            path = suite.dir / "heavy"
            url = f"{suite.url}/ids/getData?preparedId={prepared}&format={form}"
            run_curl("curl", "--fail", "--silent", "--output", path, url)
            if form == "tar":
                run_curl("tar", "-tf", path)
                run_curl("bsdtar", "-tf", path)
            else:
                with zipfile.ZipFile(path) as archive:
                    assert archive.testzip() is None
                run_curl("unzip", "-tqq", path)
                run_curl("7z", "t", "-bd", path)
                run_curl("bsdtar", "-xOf", path, "-q", "nothing", allowed=(0, 1))
                read_with_java(suite, [f"{path} 2 {(1 << 32) + 513}"])
            path.unlink()
            read += 1
    return read


def read_with_java(suite, lines):
    listing = suite.dir / "zips"
    listing.write_text("\n".join(lines))
    done = subprocess.run(
        ["java", Path(__file__).with_name("ReadZips.java"), listing], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert int(done.stdout) == len(lines), done.stdout


def main():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print("seed", seed, flush=True)
    with Facility() as suite:
        pool = Pool(suite, rng)
        client = Client(suite)
        archives = suite.dir / "archives"
        archives.mkdir()
        zips, asked, wholes, members_in_all = [], 0, 0, 0
        for number, (count, huge) in enumerate(choose_member_counts(rng)):
            dataset, members, blocks = make_selection(suite, pool, rng, number, count, huge)
            prepared = suite.prepare(datasetIds=dataset)
            members_in_all += count
            for form in ["zip", "tar"]:
                archive: Archive = zip_archive(members, blocks) if form == "zip" else tar_archive(members)
                path = archives / f"{number}.{form}"
                query = {"preparedId": prepared, "format": form}
                asked += RANGES
                if check_archive(client, query, archive, rng, path):
                    wholes += 1
                    if form == "zip":
                        read_zip(path, members)
                        if members:
                            zips.append(f"{path} {count} {sum(m.size for m in members)}")
                    else:
                        read_tar(path, members)
                        path.unlink()
        read_with_java(suite, zips)
        shutil.rmtree(archives)
        huge = check_large_archives(suite, pool, client)
    print(
        f"{number + 1} selections of {members_in_all} members, {asked} ranges equal to the slice, {wholes} whole archives "
        f"and {huge} above 4 GiB read by everybody"
    )


if __name__ == "__main__":
    main()
