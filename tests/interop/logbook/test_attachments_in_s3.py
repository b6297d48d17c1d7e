#!/usr/bin/env python3
"""Attachments in a store with the interface of S3, which checks signatures: they go there from every way of writing, each
content once, and come back whole; what nobody has goes; while the store is down, hangs or fails, people are told so in a
sentence and no entry has half of anything, and everything goes on when it is back. The store's secret stands in no log.

    tests/interop/logbook/test_attachments_in_s3.py [--postgres]
"""

# needs: bucket_server
# mostly-waits: for requests to a store that does not answer
# seconds: 51
# long: --postgres

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import boto3

from logbook_facility import KEY, Facility, check_chains, wait_for_killed_connections
from servers import Postgres, Server
from suite import PYTHON, free_port, wait_until

BUCKET, PREFIX = "attachments", "some/logbook"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
# What setting up the store does before it asks who somebody is.
UNSIGNED = 4
OLD_SECONDS = 2 * 3600
# Somebody is waiting at a page.
PATIENCE_SECONDS = 45


class Store(Server):
    """moto, with one user who may do everything with one bucket."""

    def start(self):
        self.port = free_port()
        env = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(UNSIGNED), "NO_PROXY": "127.0.0.1"}
        self.process = subprocess.Popen(
            [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

        def is_up():
            assert self.process.poll() is None, "moto does not run"
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close() is None

        wait_until("moto listens", is_up)
        iam = self.client("iam", "nobody", "nothing")
        iam.create_user(UserName="logbook")
        key = iam.create_access_key(UserName="logbook")["AccessKey"]
        iam.put_user_policy(UserName="logbook", PolicyName="all", PolicyDocument=json.dumps(POLICY))
        self.id, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        self.client("s3", self.id, self.secret).create_bucket(Bucket=BUCKET)
        self.s3 = self.client("s3", self.id, self.secret)

    def client(self, service, id, secret):
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.port}", aws_access_key_id=id,
            aws_secret_access_key=secret,
        )

    def end(self):
        self.process.terminate()
        self.process.wait()

    def objects(self):
        """Sizes by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}


class Gate:
    """The only way to the store: open, or in one of the ways in which a store is not there."""

    MODES = ["refuses", "hangs", "fails"]

    def __init__(self, store):
        self.target, self.port = store.port, free_port()
        self.mode, self.connections, self.listener = "open", [], None
        # Whether the store says nothing any more once it was sent something, and after how many questions it is gone.
        self.keeps_back, self.puts, self.gets_left = False, 0, None

    def turn(self, mode):
        """Whoever is connected is cut off."""
        if self.listener:
            # Wakes the thread that accepts.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        self.mode = mode
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections = []
        if mode != "refuses":
            self.listener = socket.create_server(("127.0.0.1", self.port), backlog=50)
            threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            if self.mode == "fails":
                body = b"<Error><Code>InternalError</Code></Error>"
                while client.recv(1 << 16):
                    client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            elif self.mode == "hangs":
                while client.recv(1 << 16):
                    pass
            else:
                with socket.create_connection(("127.0.0.1", self.target)) as store:
                    self.connections.append(store)
                    threading.Thread(target=self.back, args=(store, client), daemon=True).start()
                    while piece := client.recv(1 << 16):
                        self.puts += piece.startswith(b"PUT ")
                        if self.gets_left is not None and piece.startswith(b"GET "):
                            self.gets_left -= 1
                            if self.gets_left < 0:
                                return self.turn("refuses")
                        store.sendall(piece)

    def back(self, store, client):
        with contextlib.suppress(OSError):
            while piece := store.recv(1 << 16):
                if self.keeps_back and self.puts:
                    return
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)


def make_png(width, height, seed=0):
    """Of noise, so that it is large."""
    rows = b"".join(b"\0" + random.Random(seed + y).randbytes(width * 3) for y in range(height))
    piece = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", header) + piece(b"IDAT", zlib.compress(rows, 1)) + piece(b"IEND", b"")


class Ways:
    """Each way of writing; the ids of attachments, or the answer that is not 200."""

    def __init__(self, facility, session):
        self.facility, self.session, self.place = facility, session, f"investigationId={facility.embargo}"
        self.entry = None

    def ask(self, method, path, body=None, kind="application/json", timeout=600):
        """Status, headers and body, however long it takes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.facility.public, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def send(self, path, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body)
        status, headers, answer = self.ask("POST", path, body, kind)
        return json.loads(answer)["file"] if status == 200 else (status, headers, answer)

    def form(self, content):
        head = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="scan.bin"\r\n\r\n'
        kind = "multipart/form-data; boundary=limit"
        return self.send(f"/resource/{self.session}/file/upload?{self.place}", head + content + b"\r\n--limit--\r\n", kind)

    def person(self, content):
        path = f"/logbook/{self.session}/event/createfrombase64?{self.place}"
        return self.send(path, {"base64": f"data:image/png;base64,{base64.b64encode(content).decode()}"})

    def program(self, content):
        path = f"/dataacquisition/{KEY}/base64?investigationName=ZZ%2F123&instrumentName=BL07"
        return self.send(path, {"base64": f"data:image/png;base64,{base64.b64encode(content).decode()}"})

    def event(self, contents):
        images = "".join(f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}">' for content in contents)
        text = [{"format": "html", "text": f"<p>see {images}</p>"}]
        return {"type": "annotation", "category": "comment", "content": text}

    def embedded(self, *contents):
        return self.send(f"/logbook/{self.session}/event?{self.place}", self.event(contents))

    def changed(self, *contents):
        """In place of an entry of nothing but text."""
        if self.entry is None:
            _, _, answer = self.ask("POST", f"/logbook/{self.session}/event?{self.place}", json.dumps(self.event([])))
            self.entry = json.loads(answer)["_id"]
        event = self.event(contents) | {"_id": self.entry}
        status, headers, answer = self.ask("PUT", f"/logbook/{self.session}/event?{self.place}", json.dumps({"event": event}))
        if status != 200:
            return status, headers, answer
        # Not all of the entry's files: those of versions before stay with it.
        return re.findall("resourceId=([0-9a-f]{24})", json.loads(answer)["content"][0]["text"])

    def all(self):
        return [self.form, self.person, self.program, self.embedded, self.changed]

    def get(self, id, more=""):
        return self.ask("GET", f"/resource/{self.session}/file/download?resourceId={id}{more}")


def check_store(facility, store, more=()):
    """The store has what the rows say, and nothing else; nothing is left of what was being received."""
    rows = dict(facility.rows("SELECT sha256, key FROM content"))
    sizes = dict(facility.rows("SELECT sha256, bytes FROM attachment"))
    objects = store.objects()
    assert objects.keys() == {f"{PREFIX}/{key[:2]}/{key}" for key in [*rows.values(), *more]}, objects.keys()
    assert sizes.keys() <= rows.keys()
    for sha256, size in sizes.items():
        key = f"{PREFIX}/{sha256[:2]}/{rows[sha256]}"
        content = store.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (sha256, size), key
    left = [path for path in (facility.dir / "databases/attachments").rglob("*") if path.is_file()]
    assert not left, left
    return len(rows)


def write_and_read(facility, store, ways):
    """By every way; contents by the ids of their attachments."""
    large = make_png(1200, 700)
    assert len(large) > 2 << 20, "it is sent in several pieces"
    written = {}
    for n, way in enumerate(ways.all()):
        for content in (large, make_png(3, 3, n), large):
            (id,) = way(content)
            written[id] = content
    first, second = ways.embedded(make_png(5, 5), make_png(6, 6))
    written |= {first: make_png(5, 5), second: make_png(6, 6)}
    for id, content in written.items():
        status, headers, body = ways.get(id)
        assert (status, headers["content-type"], body) == (200, "image/png", content), (id, status)
    kept = check_store(facility, store)
    assert kept == len(set(written.values())), "each content once"
    for id in list(written)[:2]:
        status, headers, small = ways.get(id, "&thumbnail=true")
        width, height = struct.unpack(">II", small[16:24])
        wanted = (480, 280) if written[id] == large else (3, 3)
        assert (status, headers["content-type"], width, height) == (200, "image/png", *wanted), (status, width, height)
    # Of this one nobody has seen a small form yet.
    another = make_png(1300, 700, 1)
    (id,) = ways.form(another)
    print(f"{len(written)} attachments by {len(ways.all())} ways come back whole; {kept} objects; a small form of a large image")
    return written | {id: another}


def check_orphaned_objects(facility, store, gate, ways):
    """Killed after the store has an object and before its entry is there: it goes when it is old, and nothing else does."""
    before = store.objects().keys()
    gate.puts, gate.keeps_back = 0, True
    with ThreadPoolExecutor() as pool:
        lost = pool.submit(ways.person, make_png(40, 40, 7))
        wait_until("the store has it", lambda: store.objects().keys() > before)
        facility.kill()
        assert isinstance(lost.exception(), (OSError, http.client.HTTPException)), lost
    gate.turn("open")
    gate.keeps_back = False
    wait_for_killed_connections(facility)
    (orphan,) = store.objects().keys() - before
    facility.change(f"UPDATE content SET touched_at = touched_at - {OLD_SECONDS * 1_000_000}")
    # What was to go and has gone.
    facility.change(f"INSERT INTO doomed_content (key) VALUES ('{'0' * 64}-1')")
    for path in (facility.dir / "databases/attachments").glob(".*.part"):
        os.utime(path, (time.time() - OLD_SECONDS,) * 2)
    # The sweep cannot reach the store at first.
    gate.turn("refuses")
    facility.start()
    wait_until("it is on its way out", lambda: (orphan.rsplit("/", 1)[1],) in facility.rows("SELECT key FROM doomed_content"))
    assert orphan in store.objects()
    gate.turn("open")
    wait_until("it is gone", lambda: store.objects().keys() == before and not facility.rows("SELECT key FROM doomed_content"))
    check_store(facility, store)
    print("an object of a killed writer was swept, after the store was down; what entries have stays")


def is_refusal(answer):
    """A sentence, which says nothing about the store's address or key."""
    status, headers, text = answer
    assert 500 <= status < 600 and headers["content-type"].startswith("text/plain"), answer
    assert 10 < len(text) < 200 and text.decode().isprintable() and b"127.0.0.1" not in text, text


def check_unavailable_store(facility, gate, ways, written):
    """Whatever is wrong with the store."""
    counts = lambda: [facility.rows(f"SELECT COUNT(*) FROM {table}") for table in ("entry", "attachment", "record")]  # noqa: E731
    small, large, unseen = list(written)[1], list(written)[0], list(written)[-1]
    slowest = {}
    for number, mode in enumerate(Gate.MODES):
        writing = [
            *((way, (make_png(20 + number, 20, n),)) for n, way in enumerate(ways.all())),
            (ways.embedded, (make_png(20 + number, 21), make_png(20 + number, 22))),
            (ways.person, (written[small],)),
        ]
        reading = [(ways.get, (small,)), (ways.get, (large,)), (ways.get, (unseen, "&thumbnail=true"))]
        before = counts()
        gate.turn(mode)

        def time_request(asked):
            way, arguments = asked
            began = time.monotonic()
            is_refusal(way(*arguments))
            return time.monotonic() - began

        with ThreadPoolExecutor(20) as pool:
            refusals = [pool.submit(time_request, asked) for asked in writing + reading]
            # What needs no store is not held up.
            for _ in range(5):
                began = time.monotonic()
                status, _, _ = ways.ask("GET", f"/logbook/{ways.session}/event?{ways.place}&limit=10")
                text = {"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": "x"}]}
                assert status == 200 and isinstance(ways.send(f"/logbook/{ways.session}/event?{ways.place}", text), list)
                assert time.monotonic() - began < 5, "what needs no store waits for it"
            slowest[mode] = max(refusal.result() for refusal in refusals)
        after = [[(count - 5 * (n != 1),)] for n, [(count,)] in enumerate(counts())]
        assert after == before, f"{mode}: something half-written stays: {before}, {after}"
        gate.turn("open")
        for way, contents in writing:
            for id, content in zip(way(*contents), contents, strict=True):
                assert ways.get(id)[2] == content
        for _, arguments in reading[:2]:
            assert ways.get(*arguments)[2] == written[arguments[0]]
    times = ", ".join(f"{mode} {seconds:.1f} s" for mode, seconds in slowest.items())
    print(f"while the store is not there, writing and reading are refused in a sentence, at the latest ({times}); then it goes on")
    # What broke off is not taken for whole.
    gate.gets_left = 3
    try:
        status, _, body = ways.get(large)
        raise AssertionError(f"{status} with {len(body)} bytes")
    except (OSError, http.client.HTTPException) as e:
        broken = e
    gate.gets_left = None
    gate.turn("open")
    assert isinstance(broken, http.client.IncompleteRead) and 0 < len(broken.partial) < len(written[large]), broken
    status, _, small_form = ways.get(unseen, "&thumbnail=true")
    assert status == 200 and struct.unpack(">I", small_form[16:20]) == (480,), "that it had none is not remembered"
    return max(slowest.values())


def check_import(facility, gate, ways):
    """An archive is read while entries are written: who cannot write them does not leave the reader waiting."""
    for n in range(20):
        ways.embedded(make_png(50, 50, n))
    status, _, archive = ways.ask("GET", f"/logbook/{ways.session}/event?{ways.place}&format=eln")
    assert status == 200, archive
    path = f"/logbook/{facility.login('simple/admin')}/import?investigationId={facility.other}"
    gate.turn("fails")
    try:
        is_refusal(ways.ask("POST", path, archive, "application/vnd.eln+zip", timeout=2 * PATIENCE_SECONDS))
    finally:
        gate.turn("open")
    status, _, answer = ways.ask("POST", path, archive, "application/vnd.eln+zip", timeout=2 * PATIENCE_SECONDS)
    assert status == 200 and json.loads(answer)["created"] > 20, answer
    print(f"an import is refused while the store is not there, and then there are {json.loads(answer)['created']} entries")


def check_wrong_settings(facility, store, ways, written):
    """A wrong key, no bucket, and the secret in a file."""
    id, content = list(written.items())[0]
    secret = "UNDULATOR_LOGBOOK__S3_SECRET_ACCESS_KEY"
    path = facility.dir / "secret"
    path.write_text(store.secret + "\n")
    wrong = store.secret[::-1]
    right = facility.env
    for change in ({secret: wrong}, {"UNDULATOR_LOGBOOK__S3_BUCKET": "another"}):
        facility.env = right | change
        facility.start()
        is_refusal(ways.person(make_png(30, 30)))
        is_refusal(ways.get(id))
        facility.kill()
    facility.env = {name: value for name, value in right.items() if name != secret} | {f"{secret}_FILE": str(path)}
    facility.start()
    assert ways.get(id)[2] == content and len(ways.form(make_png(31, 31))) == 1
    log = facility.log.read_bytes()
    assert b"TRACE" in log and len(log) > 1 << 20, "it is at its most talkative"
    for secret in (store.secret, wrong):
        for spelling in {secret, urllib.parse.quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), secret.encode().hex()}:
            assert spelling.encode() not in log, "the store's secret stands in the log"
    print(f"a wrong key and no bucket are refusals, the key may stand in a file, and {len(log) >> 20} MiB of log have none")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--postgres", action="store_true")
    options = options.parse_args()
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(Postgres()) if options.postgres else None
        store = stack.enter_context(Store())
        gate = Gate(store)
        gate.turn("open")
        env = {
            "UNDULATOR_LOGBOOK__S3_BUCKET": BUCKET,
            "UNDULATOR_LOGBOOK__S3_PREFIX": PREFIX,
            "UNDULATOR_LOGBOOK__S3_ENDPOINT": f"http://127.0.0.1:{gate.port}",
            "UNDULATOR_LOGBOOK__S3_REGION": "us-east-1",
            "UNDULATOR_LOGBOOK__S3_ACCESS_KEY_ID": store.id,
            "UNDULATOR_LOGBOOK__S3_SECRET_ACCESS_KEY": store.secret,
            "UNDULATOR_LOGBOOK__LARGEST_ATTACHMENT": "8MiB",
            "UNDULATOR_LOG__LEVEL": "trace",
        }
        facility = stack.enter_context(Facility(postgres, **env))
        ways = Ways(facility, facility.login("simple/alice"))
        written = write_and_read(facility, store, ways)
        slowest = check_unavailable_store(facility, gate, ways, written)
        check_orphaned_objects(facility, store, gate, ways)
        facility.kill()
        check_wrong_settings(facility, store, ways, written)
        facility.kill()
        wait_for_killed_connections(facility)
        print("%d records in %d logbooks: the chains are whole" % check_chains(facility.rows))
        assert slowest < PATIENCE_SECONDS, f"who is waiting learns after {slowest:.0f} s that the store does not answer"
        facility.start()
        check_import(facility, gate, ways)


if __name__ == "__main__":
    main()
