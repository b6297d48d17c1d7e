#!/usr/bin/env python3
"""`undulator get` takes a thousand small files in a few requests, each of which costs 40 ms on the way; from a server with
lists, and from one without, as ids.server is. Files that are missing or unreadable, before or in the middle, are named by
path, the rest arrives, and the exit code is 1."""

# seconds: 15

import http.server
import io
import json
import os
import random
import sys
import threading
import time
import urllib.parse
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from download_facility import MTIME, Facility
from get_client import Client, Proxy, Quiet, compute_sha256, digest_files
from suite import wait_until

FILES = 1000
DELAY = 0.040
# Login and lists included; one by one it were as many as files.
MOST_REQUESTS = 40
FOLDER = "ids/SUN/MX-1/1"
METHODS = (b"GET ", b"POST ", b"HEAD ")


class Distant(Proxy):
    """As far away as another continent."""

    def requests(self, client, server):
        try:
            while piece := client.recv(64 * 1024):
                if piece.startswith(METHODS):
                    # What is injected here is the distance.
                    time.sleep(DELAY)
                    with self.lock:
                        self.heads.append(piece)
                server.sendall(piece)
        except OSError:
            pass

    def count(self):
        with self.lock:
            heads, self.heads = self.heads, []
        return len(heads)


class WithoutLists(http.server.BaseHTTPRequestHandler):
    """The part of ids.server that a download needs: a ZIP of any datafiles without length, cut off where one is missing."""

    protocol_version = "HTTP/1.1"
    files, prepared, requests = {}, [], 0

    def handle_one_request(self):
        # What is injected here is the distance.
        time.sleep(DELAY)
        super().handle_one_request()

    def answer(self, status, body, kind="text/plain"):
        type(self).requests += 1
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        ids = [int(number) for number in form["datafileIds"].split(",")] if "datafileIds" in form else list(self.files)
        self.prepared.append((ids, form.get("zip") == "true" or len(ids) != 1))
        self.answer(200, f"00000000-0000-4000-8000-{len(self.prepared) - 1:012x}".encode())

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        ids, is_zip = self.prepared[int(dict(urllib.parse.parse_qsl(url.query))["preparedId"][-12:], 16)]
        if url.path == "/ids/getDatafileIds":
            return self.answer(200, json.dumps({"ids": ids}).encode(), "application/json")
        members = [self.files[number] for number in ids]
        if not is_zip:
            (_, content) = members[0]
            if content is None:
                return self.answer(404, b'{"code":"NotFoundException","message":"it is not there"}', "application/octet-stream")
            return self.answer(200, content, "application/octet-stream")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for name, content in members:
                if content is not None:
                    out.writestr(name, content)
        body = archive.getvalue()
        type(self).requests += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        whole = all(content is not None for _, content in members)
        for at in range(0, len(body) if whole else len(body) // 2, 8192):
            piece = body[at : at + 8192]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


def without_lists(client, suite, out, files, code=0):
    """Such a server beside the catalogue; the report, and how many requests it had."""
    handler = type("Handler", (WithoutLists,), {"files": files, "prepared": [], "requests": 0})
    server = Quiet(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/ids"
    report = client.report("--ids-url", url, "--investigation", "MX-1", "--out", out, code=code)
    server.shutdown()
    return report, handler.requests


def make_contents(rng, count):
    return {f"{n:04}.h5": rng.randbytes(rng.randint(0, 20_000)) for n in range(count)}


def put_files(suite, name, files):
    dataset = suite.dataset(name)
    return dataset, suite.put_files(dataset, [(file, f"{name}/{file}", content) for file, content in files.items()])


def expected_digests(name, files):
    return {f"{FOLDER}/{name}/{file}": compute_sha256(content) for file, content in files.items()}


def check_many_files(suite, client, proxy, dataset, numbers, files):
    out = suite.dir / "many"
    proxy.count()
    started = time.monotonic()
    report = client.report("--dataset", dataset, "--out", out, url=proxy.url)
    took, requests = time.monotonic() - started, proxy.count()
    assert (report["downloaded"], report["failed"]) == (FILES, []), report
    assert digest_files(out) == expected_digests("many", files), "what arrives is what lies there"
    assert int((out / FOLDER / "many/0001.h5").stat().st_mtime) == MTIME
    assert requests <= MOST_REQUESTS, requests
    print(f"with lists: {FILES} files in {took:.1f} s and {requests} requests of {DELAY * 1000:.0f} ms each")
    # What is here stays, what is damaged or gone is taken again.
    (out / FOLDER / "many/0007.h5").write_bytes(b"x" * 20_001)
    (out / FOLDER / "many/0008.h5").unlink()
    report = client.report("--dataset", dataset, "--out", out, url=proxy.url)
    assert (report["downloaded"], report["present"]) == (2, FILES - 2), report
    assert digest_files(out) == expected_digests("many", files)

    archived = {n: (f"{FOLDER}/many/{name}", content) for n, (name, content) in zip(numbers, files.items())}
    out = suite.dir / "without-lists"
    started = time.monotonic()
    report, requests = without_lists(client, suite, out, archived)
    took = time.monotonic() - started
    assert (report["downloaded"], report["failed"]) == (FILES, []), report
    assert digest_files(out) == expected_digests("many", files) and requests <= MOST_REQUESTS, requests
    print(f"without lists: {FILES} files in {took:.1f} s and {requests} requests")
    gone = [numbers[n] for n in (3, 500, 501)]
    out = suite.dir / "without-lists-and-files"
    archived |= {n: (archived[n][0], None) for n in gone}
    report, requests = without_lists(client, suite, out, archived, code=1)
    failed = {failure["path"] for failure in report["failed"]}
    assert failed == {archived[n][0] for n in gone}, report
    there = {path: found for path, found in expected_digests("many", files).items() if path not in failed}
    assert digest_files(out) == there and requests < FILES / 4, requests
    print(f"without lists and three files: named, {len(there)} arrived in {requests} requests")


def check_killed_client(suite, client, proxy, dataset, files):
    """kill -9 in the middle: what is complete is not taken again, and nothing is half."""
    out = suite.dir / "killed"
    proxy.hold_after(sum(map(len, files.values())) // 2)
    running = client.start("--dataset", dataset, "--out", out, url=proxy.url)
    proxy.wait_until_held()
    wait_until("a file is complete", lambda: any(".part" not in str(path) for path in out.rglob("*.h5")))
    running.kill()
    running.communicate()
    proxy.release()
    whole = expected_digests("many", files)
    there = {path: found for path, found in digest_files(out).items() if ".part" not in path}
    assert there, sorted(digest_files(out))[:10]
    assert all(whole[path] == found for path, found in there.items())
    report = client.report("--dataset", dataset, "--out", out)
    assert (report["present"], report["downloaded"]) == (len(there), FILES - len(there)), (report, len(there))
    assert digest_files(out) == whole
    print(f"killed in the middle: {len(there)} of {FILES} files were kept")


def check_missing_files(suite, client, rng):
    """Before the download: a file that is gone, one that may not be read, a directory in place of one, one that grew."""
    files = make_contents(rng, 60)
    dataset, numbers = put_files(suite, "missing", files)
    place = suite.files / "missing"
    (place / "0003.h5").unlink()
    (place / "0004.h5").chmod(0)
    (place / "0005.h5").unlink()
    (place / "0005.h5").mkdir()
    files["0006.h5"] = b"another length than the catalogue has"
    (place / "0006.h5").write_bytes(files["0006.h5"])
    os.utime(place / "0006.h5", (MTIME, MTIME))
    good = {name: content for name, content in files.items() if name not in ["0003.h5", "0004.h5", "0005.h5"]}
    reasons = {"0003.h5": "there is no such file", "0004.h5": "may not read it", "0005.h5": "no file of this storage"}
    status, _, body = suite.request("POST", "/ids/prepareData", form={"sessionId": suite.root, "datasetIds": dataset})
    assert status == 404, (status, body)
    text = json.loads(body)["message"]
    assert text.startswith("3 of the 60 files"), text
    for (name, reason), number in zip(reasons.items(), numbers[3:6]):
        assert f"{FOLDER}/missing/{name} (Datafile[id:{number}]: " in text and reason in text, text
    for what in [["--dataset", dataset], ["--investigation", "MX-1"]]:
        out = suite.dir / f"missing{len(what[1:])}{what[0]}"
        report = client.report(*what, "--out", out, code=1)
        # The investigation has the files that another test has taken away as well.
        failed = {failure["path"]: failure["reason"] for failure in report["failed"] if "/missing/" in failure["path"]}
        assert set(failed) == {f"{FOLDER}/missing/{name}" for name in reasons}, report
        assert all(reason in failed[f"{FOLDER}/missing/{name}"] for name, reason in reasons.items()), failed
        arrived = {path: found for path, found in digest_files(out).items() if "/missing/" in path}
        assert arrived == expected_digests("missing", good)
    _, said = client.get("--dataset", dataset, "--out", out, code=1)
    assert f"failed: {FOLDER}/missing/0003.h5: at the facility: there is no such file" in said, said
    for archive in ["--zip", "--tar"]:
        target = suite.dir / "missing.archive"
        _, said = client.get("--dataset", dataset, archive, target, code=1)
        assert "3 of the 60 files" in said and not target.exists(), said
    print(f"missing: 3 of 60 named with the reason, {len(good)} arrived")


def check_vanished_files(suite, client, proxy, rng):
    """After it was prepared, between two of its files, and two neighbours at once."""
    files = make_contents(rng, 40)
    dataset, _ = put_files(suite, "vanished", files)
    prepared = suite.prepare(datasetIds=dataset)
    for name in ["0011.h5", "0012.h5", "0030.h5"]:
        (suite.files / "vanished" / name).unlink()
        files.pop(name)
    proxy.count()
    out = suite.dir / "vanished"
    report = client.report("--prepared", prepared, "--out", out, url=proxy.url, code=1)
    requests = proxy.count()
    failed = {failure["path"]: failure["reason"] for failure in report["failed"]}
    assert set(failed) == {f"{FOLDER}/vanished/{name}" for name in ["0011.h5", "0012.h5", "0030.h5"]}, report
    assert all("there is no such file" in reason for reason in failed.values()), failed
    assert digest_files(out) == expected_digests("vanished", files) and requests <= MOST_REQUESTS, requests
    print(f"vanished: 3 of 40 files of a prepared selection named, the rest in {requests} requests")


def main():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print("seed", seed, flush=True)
    with Facility() as suite:
        if os.getuid() == 0:
            # Root may read everything; here it may not.
            suite.kill()
            suite.start("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
            suite.root = suite.login("simple/root")
        proxy, client = Distant(suite), Client(suite, suite.root)
        files = make_contents(rng, FILES)
        dataset, numbers = put_files(suite, "many", files)
        check_many_files(suite, client, proxy, dataset, numbers, files)
        check_killed_client(suite, client, proxy, dataset, files)
        check_vanished_files(suite, client, proxy, rng)
        check_missing_files(suite, client, rng)


if __name__ == "__main__":
    main()
