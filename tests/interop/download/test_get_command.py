#!/usr/bin/env python3
"""`undulator get` downloads datasets and investigations; the client and the server are killed in the middle, files change
under it, bytes are spoiled on the way and on disk, and a hostile server sends names that lead elsewhere. What arrives is
what lies at the facility or is refused, and the session id is seen nowhere."""

# seconds: 19

import http.server
import json
import os
import random
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from download_facility import MTIME, Facility
from get_client import GUARD, Client, Proxy, Quiet, compute_sha256, digest_files

MIB = 1 << 20
PART = 16 * MIB
BIG = 6 * PART + 12345


def check_whole_download(suite, client, expected, small):
    """A dataset, then the investigation around it, then again."""
    out = suite.dir / "whole"
    report = client.report("--dataset", small, "--out", out)
    assert (report["downloaded"], report["present"], report["failed"]) == (30, 0, []), report
    assert int((out / "ids/SUN/MX-1/1/small/00.h5").stat().st_mtime) == MTIME
    report = client.report("--investigation", "MX-1", "--out", out)
    assert (report["downloaded"], report["present"], report["unverified"]) == (len(expected) - 30, 30, 0), report
    assert digest_files(out) == expected
    report = client.report("--investigation", "MX-1", "--visit", "1", "--out", out)
    assert (report["downloaded"], report["bytes_received"]) == (0, 0), report
    # A file that was damaged here is noticed, and it alone is taken again.
    (out / "ids/SUN/MX-1/1/small/07.h5").write_bytes(b"x" * (out / "ids/SUN/MX-1/1/small/07.h5").stat().st_size)
    assert client.report("--investigation", "MX-1", "--out", out)["downloaded"] == 1
    assert digest_files(out) == expected
    suite.dir.joinpath("ids.txt").write_text(" ".join(map(str, suite.small_files[:3])) + "\n")
    assert client.report("--list", "ids.txt", "--out", suite.dir / "listed")["downloaded"] == 3
    client.get("--investigation", "nobody", "--out", out, code=1)
    client.get("--dataset", small, "--datafile", 1, "--out", out, code=2)
    print(f"whole: {len(expected)} files of a dataset and an investigation, nothing twice")


def client_killed(suite, client, proxy, large, expected):
    """kill -9 in the middle; a part that was spoiled on disk meanwhile is taken again."""
    out, jobs = suite.dir / "killed", 3
    proxy.hold_after(BIG // 2)
    running = client.start("--datafile", large, "--out", out, "--jobs", jobs, url=proxy.url)
    proxy.wait_until_held()
    states = client.look(running, out)
    running.kill()
    client.seen += running.communicate()
    proxy.release()
    assert len(states) == 1, states
    kept = len(json.loads(states[0].read_text())["parts"]) * PART
    report = client.report("--datafile", large, "--out", out, "--jobs", jobs)
    assert digest_files(out) == {expected[0]: expected[1]}
    again = proxy.served + report["bytes_received"] - BIG
    assert report["bytes_received"] == BIG - kept and again <= jobs * PART + MIB, (report, kept, again)
    print(f"client killed at {proxy.served >> 20} MiB: {kept >> 20} MiB kept, {again >> 20} MiB asked again (≤ {jobs} parts)")


def spoiled_on_disk(suite, client, proxy, large, expected):
    out = suite.dir / "spoiled"
    proxy.hold_after(BIG // 2)
    running = client.start("--datafile", large, "--out", out, "--jobs", 1, url=proxy.url)
    proxy.wait_until_held()
    running.kill()
    running.communicate()
    proxy.release()
    with next(out.rglob("*.part")).open("r+b") as part:
        part.seek(1000)
        part.write(b"spoiled")
    _, said = client.get("--datafile", large, "--out", out)
    assert "damaged on disk" in said and digest_files(out) == {expected[0]: expected[1]}, said
    print("spoiled on disk: noticed, that part alone taken again")


def server_killed(suite, client, proxy, large, expected):
    out = suite.dir / "server"
    proxy.hold_after(BIG // 2)
    running = client.start("--json", "--datafile", large, "--out", out, url=proxy.url)
    proxy.wait_until_held()
    suite.kill()
    proxy.release()
    suite.start()
    report = json.loads(client.finish(running)[0])
    assert digest_files(out) == {expected[0]: expected[1]}
    assert report["bytes_received"] == BIG, report
    print(f"server killed: {report['bytes_received']} bytes received of {BIG}")


def spoiled_on_the_way(suite, client, proxy, large):
    out = suite.dir / "way"
    proxy.served, proxy.spoil = 0, 3 * MIB
    report = client.report("--datafile", large, "--out", out, "--jobs", 1, url=proxy.url, code=1)
    assert "checksum" in report["failed"][0]["reason"], report
    assert digest_files(out) == {}, "nothing wrong is kept"
    proxy.served, proxy.spoil = 0, 3 * MIB
    report = client.report("--datafile", large, "--out", out, "--no-verify", url=proxy.url)
    assert (report["downloaded"], report["unverified"]) == (1, 1), report
    print("spoiled on the way: refused; --no-verify takes it")


def check_changed_file(suite, client, proxy, rng):
    """A file is written anew while it is downloaded: the new one arrives, whole; without asking for it anew, none."""
    dataset = suite.dataset("changing")
    number = suite.put_files(dataset, [("a.h5", "changing/a.h5", rng.randbytes(BIG))], checksums=False)[0]
    place = suite.files / "changing/a.h5"
    prepared = suite.prepare(datafileIds=number)
    for what, code in [(["--prepared", prepared], 1), (["--datafile", number], 0)]:
        out = suite.dir / f"changed{code}"
        proxy.hold_after(BIG // 2)
        running = client.start("--json", *what, "--out", out, url=proxy.url)
        proxy.wait_until_held()
        after = rng.randbytes(BIG)
        place.write_bytes(after)
        os.utime(place, (MTIME + 100, MTIME + 100))
        proxy.release()
        report = json.loads(client.finish(running, code)[0])
        if code:
            assert "changed" in report["failed"][0]["reason"] and digest_files(out) == {}, (report, digest_files(out))
        else:
            assert digest_files(out) == {"ids/SUN/MX-1/1/changing/a.h5": compute_sha256(after)}, report
    print("changed: the prepared selection fails visibly, the datafile arrives in its new version")


def check_pipe_to_tar(suite, client, proxy, expected, names):
    """`--tar - | tar x`, the server killed and started again."""
    out = suite.dir / "piped"
    out.mkdir()
    proxy.hold_after(BIG // 2)
    tar = subprocess.Popen(["tar", "xf", "-", "-C", out], stdin=subprocess.PIPE)
    running = client.start("--dataset", *names, "--tar", "-", url=proxy.url, stdout=tar.stdin)
    tar.stdin.close()
    proxy.wait_until_held()
    suite.kill()
    proxy.release()
    suite.start()
    client.finish(running)
    assert tar.wait(GUARD) == 0
    assert digest_files(out) == expected
    proxy.served, proxy.spoil = 0, 40 * MIB
    with (suite.dir / "spoiled.tar").open("wb") as file:
        running = client.start("--dataset", *names, "--tar", "-", url=proxy.url, stdout=file)
        _, said = client.finish(running, 1)
    assert "differ from the list" in said, said
    print("piped: tar x over a kill of the server, a spoiled byte named")
    for form in ["zip", "tar"]:
        target = suite.dir / f"all.{form}"
        proxy.hold_after(BIG // 2)
        running = client.start("--dataset", *names, f"--{form}", target, "--jobs", 2, url=proxy.url)
        proxy.wait_until_held()
        running.kill()
        client.seen += running.communicate()
        proxy.release()
        received = client.report("--dataset", *names, f"--{form}", target)["bytes_received"]
        assert proxy.served + received <= target.stat().st_size + 2 * PART + MIB, (proxy.served, received)
        assert client.report("--dataset", *names, f"--{form}", target)["bytes_received"] == 0
        if form == "zip":
            subprocess.run(["python3", "-m", "zipfile", "-t", target], check=True, stdout=subprocess.DEVNULL)
        else:
            with tarfile.open(target) as tar:
                members = {member.name: compute_sha256(tar.extractfile(member).read()) for member in tar}
            assert members == expected
    print("archives: a ZIP and a tar, the client killed, gone on with")


class Old(http.server.BaseHTTPRequestHandler):
    """An ids.server that has no lists, or another that lists names that lead elsewhere; both busy at first."""

    protocol_version = "HTTP/1.1"
    content, hostile, busy, asked = b"", None, 1, []

    def answer(self, status, body, kind="text/plain", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        Old.asked.append((self.path, form))
        self.answer(200, b"5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10")

    def do_GET(self):
        Old.asked.append((self.path, self.headers.get("Range")))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/ids/getDatafileIds":
            return self.answer(200, json.dumps({"ids": self.server.ids}).encode(), "application/json")
        if Old.busy:
            Old.busy -= 1
            return self.answer(503, b'{"code":"DataNotOnlineException","message":"restoring"}', Retry_After=1)
        if self.hostile and query.get("format") == "json":
            self.server.lists = getattr(self.server, "lists", 0) + 1
            files = [
                {"path": path, "size": 5, "url": f"http://elsewhere.invalid/x?token={self.server.lists}", "crc32": "3610a686"}
                for path in self.hostile
            ]
            return self.answer(200, json.dumps(files).encode(), "application/json")
        if self.hostile and query["token"] == "1":
            return self.answer(403, b'{"code":"InsufficientPrivilegesException","message":"not valid any more"}')
        if self.hostile:
            return self.answer(200, b"hello", ETag='"h"')
        start = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
        self.answer(206 if int(start) else 200, Old.content[int(start) :], "application/octet-stream")

    def log_message(self, *_):
        pass


def other_server(**attributes):
    server = Quiet(("127.0.0.1", 0), type("Handler", (Old,), attributes))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


def check_hostile_names(suite, client):
    """Names that lead out, and a directory that is a link."""
    out, outside = suite.dir / "below" / "out", suite.dir / "outside"
    outside.mkdir()
    out.mkdir(parents=True)
    (out / "link").symlink_to(outside)
    bad = ["../up", "/etc/up", "a/../../up", "link/up", "a\\..\\up", "\x1b[2J", "x" * 300, "", "a//b", f"{outside}/up", "same", "same"]
    _, url = other_server(hostile=[*bad, "good"])
    before = digest_files(suite.dir)
    report = client.report("--datafile", 1, "--out", out, url=url, code=1)
    new = {path for path in digest_files(suite.dir) if path not in before}
    assert new == {"below/out/good", "below/out/same"}, new
    assert len(report["failed"]) == len(bad) - 1, report
    assert not any("\x1b" in failed["path"] for failed in report["failed"])
    print(f"hostile: {len(bad) - 1} of {len(bad) + 1} names refused, the rest below the directory")


def check_server_without_lists(suite, client, large, content):
    """A server of before: names and sizes from the catalogue, no session id in an address."""
    Old.content, Old.busy, Old.asked = content, 1, []
    server, url = other_server()
    server.ids = [large]
    out = suite.dir / "old"
    report = client.report("--ids-url", f"{url}/ids", "--datafile", large, "--out", out)
    assert report["downloaded"] == 1 and list(digest_files(out).values()) == [compute_sha256(content)], report
    assert client.session in str(Old.asked) and not any(client.session in path for path, _ in Old.asked)
    print("old: a server without lists, names and checksums from the catalogue")


def check_logins(suite, client, small):
    """With a password, from a file and from stdin; a wrong one; nobody."""
    client.env.pop("ICAT_SESSION_ID")
    (suite.dir / "password").write_text(suite.passwords["simple/root"] + "\n")
    arguments = ["--dataset", small, "--out", suite.dir / "whole", "--user", "simple/root"]
    client.get(*arguments, "--password-file", "password")
    (suite.dir / "wrong").write_text("wrong\n")
    _, said = client.get(*arguments, "--password-file", "wrong", code=1)
    assert "cannot log in" in said, said
    _, said = client.get("--dataset", small, code=2)
    assert "--session-file" in said, said
    _, said = client.get("--dataset", small, "--user", "root", code=2)
    assert "has no mechanism" in said and "MECHANISM/NAME, such as db/root. This catalogue has db, simple, anon" in said, said
    (suite.dir / "session").write_text(client.session + "\n")
    client.get("--dataset", small, "--out", suite.dir / "whole", "--session-file", "session")
    (suite.dir / "session").write_text("5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10\n")
    _, said = client.get("--dataset", small, "--session-file", "session", code=1)
    assert "5b0c1c8e" not in said, said
    print("logins: password, session file; wrong ones and nobody are told what to do")


def main():
    seed, started = random.randrange(1 << 32), time.monotonic()
    rng = random.Random(seed)
    print("seed", seed, flush=True)
    with Facility() as suite:
        small, big = suite.dataset("small"), suite.dataset("big")
        files = [(f"{n:02}.h5", f"small/{n:02}.h5", rng.randbytes(rng.randint(0, 20_000))) for n in range(30)]
        suite.small_files = suite.put_files(small, files)
        content = rng.randbytes(BIG)
        large = suite.put_files(big, [("big.h5", "big/big.h5", content)])[0]
        place = "ids/SUN/MX-1/1/big/big.h5"
        expected = {f"ids/SUN/MX-1/1/small/{name}": compute_sha256(bytes_) for name, _, bytes_ in files}
        expected[place] = compute_sha256(content)
        proxy, client = Proxy(suite), Client(suite, suite.root)
        check_whole_download(suite, client, expected, small)
        client_killed(suite, client, proxy, large, (place, compute_sha256(content)))
        spoiled_on_disk(suite, client, proxy, large, (place, compute_sha256(content)))
        server_killed(suite, client, proxy, large, (place, compute_sha256(content)))
        spoiled_on_the_way(suite, client, proxy, large)
        check_changed_file(suite, client, proxy, rng)
        check_pipe_to_tar(suite, client, proxy, expected, [small, big])
        check_hostile_names(suite, client)
        check_server_without_lists(suite, client, large, content)
        check_logins(suite, client, small)
        client.check_secrets()
        gets = [head for head in proxy.heads if head.startswith(b"GET")]
        assert gets and not any(suite.root.encode() in head for head in gets), "a session id stands in an address"
        print(f"no session id in ps, stdout, stderr, state or an address; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
