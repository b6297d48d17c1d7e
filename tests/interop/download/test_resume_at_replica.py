#!/usr/bin/env python3
"""curl, wget and aria2c with 16 connections download through a load balancer while the replicas behind it are killed in
turn: whoever is left goes on at the byte where the other one was. What arrives is what lies on disk, and hardly a byte
is served twice.

    tests/interop/download/test_resume_at_replica.py [--all]      needs a PostgreSQL server in TESTKIT_POSTGRES
"""

# needs: downloaders
# long: --all

import hashlib
import os
import random
import socket
import subprocess
import sys
import threading
import uuid
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from archive_layout import Member, tar_archive, zip_archive
from download_facility import MTIME, Facility
from suite import Suite

ALL = "--all" in sys.argv
SIZE = (192 if ALL else 48) << 20
BREAKS = 10 if ALL else 2
SLACK = 1 << 20
GUARD = 60
BUFFER = 64 * 1024


def create_database():
    """A fresh one."""
    server = os.environ.get("TESTKIT_POSTGRES")
    if not server:
        raise SystemExit("TESTKIT_POSTGRES must name a PostgreSQL server")
    name = f"resume_{uuid.uuid4().hex}"
    subprocess.run(["psql", "-q", server, "-c", f"CREATE DATABASE {name}"], check=True)
    return f"{server.rsplit('/', 1)[0]}/{name}"


class Balancer:
    """Hands connections to the replica that is up, counts what it hands back, and kills when it is time."""

    def __init__(self, replicas):
        self.replicas, self.current, self.lock = replicas, 0, threading.Lock()
        self.served, self.kills, self.restart = 0, [], None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def plan(self, kills):
        self.served, self.kills = 0, kills

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        try:
            with self.lock:
                port = self.replicas[self.current].public
            server.connect(("127.0.0.1", port))
        except OSError:
            client.close()
            return
        threading.Thread(target=self.requests, args=(client, server), daemon=True).start()
        self.answers(server, client)

    def requests(self, client, server):
        try:
            while piece := client.recv(BUFFER):
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def answers(self, server, client):
        """Passes bytes on until one side ends; then both do, and the client still gets what was on its way."""
        try:
            while piece := server.recv(BUFFER):
                client.sendall(piece)
                with self.lock:
                    self.served += len(piece)
                    if self.kills and self.served >= self.kills[0]:
                        self.kills.pop(0)
                        self.change()
        except OSError:
            pass
        for side in [server, client]:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()

    def change(self):
        """Kills the one that serves; the other has come back from its last death."""
        if self.restart:
            self.restart.join(GUARD)
            assert not self.restart.is_alive(), "a replica did not come back"
        dead = self.replicas[self.current]
        self.current = 1 - self.current
        dead.kill()
        self.restart = threading.Thread(target=dead.start, daemon=True)
        self.restart.start()


def download_with_curl(url, target):
    """Again and again, each time from where it is."""
    while True:
        done = subprocess.run(["curl", "--silent", "--speed-time", "30", "--fail", "--continue-at", "-", "--output", target, url])
        if done.returncode == 0:
            return
        # Cut off in the midst, reset, or refused while the balancer turns.
        assert done.returncode in (7, 18, 52, 56), done.returncode


def download_with_wget(url, target):
    command = ["wget", "--quiet", "--continue", "--tries=100", "--waitretry=0", "--retry-connrefused", "-O", target, url]
    subprocess.run(command, check=True, timeout=GUARD * 5)


def download_with_aria2c(url, target):
    command = ["aria2c", "--quiet", "-x16", "-s16", "-k1M", "--max-tries=0", "--retry-wait=0", "--file-allocation=none"]
    # What a client has asked for and then gives to another connection is served twice; at most so much each.
    command += ["--socket-recv-buffer-size=65536"]
    command += ["--max-file-not-found=0", "-d", target.parent, "-o", target.name, url]
    subprocess.run(command, check=True, timeout=GUARD * 5)


def main():
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print("seed", seed, flush=True)
    with Facility(UNDULATOR_DATABASE__URL=create_database()) as first:
        with Suite() as second:
            second.env = {
                **first.env,
                "UNDULATOR_HTTP__BIND": f"127.0.0.1:{second.public}",
                "UNDULATOR_HTTP__INTERNAL_BIND": f"127.0.0.1:{second.internal}",
            }
            second.start()
            run_downloads(rng, first, Balancer([first, second]))


def run_downloads(rng, first, balancer):
    files = []
    for n in range(40):
        files.append((f"{n:02}.h5", rng.randbytes(rng.randint(SIZE // 60, SIZE // 30))))
    members = [
        Member(f"ids/SUN/MX-1/1/scan/{name}", len(content), MTIME, zlib.crc32(content),
               lambda offset, length, content=content: content[offset : offset + length])
        for name, content in files
    ]
    big = rng.randbytes(SIZE)
    told = first.dataset("scan")
    first.put_files(told, [(name, f"told/{name}", content) for name, content in files])
    prepared = {"zip": first.prepare(datasetIds=told), "tar": first.prepare(datasetIds=told)}
    # The same without checksums, so that they stand behind the data; they are read ahead.
    untold = first.create("Dataset", name="scan", investigation={"id": first.create(
        "Investigation", name="MX-1", visitId="2", title="t", type={"id": first.search(first.root, "SELECT t.id FROM InvestigationType t")[0]},
        facility={"id": first.facility})}, type={"id": first.kind}, complete=True)
    first.put_files(untold, [(name, f"untold/{name}", content) for name, content in files], checksums=False)
    prepared["blocks"] = first.prepare(datasetIds=untold)
    number = first.put_files(told, [("big.h5", "told/big.h5", big)])[0]
    prepared["raw"] = first.prepare(datafileIds=number)
    second_visit = [Member(m.name.decode().replace("MX-1/1", "MX-1/2"), m.size, m.mtime, m.crc, m.read) for m in members]
    wholes = {
        "zip": zip_archive(members, False),
        "blocks": zip_archive(second_visit, True),
        "tar": tar_archive(members),
    }
    expected = {form: hashlib.sha256(archive.read(0, archive.total)).hexdigest() for form, archive in wholes.items()}
    sizes = {form: archive.total for form, archive in wholes.items()} | {"raw": SIZE}
    expected["raw"] = hashlib.sha256(big).hexdigest()
    pairs = [(download_with_curl, "tar"), (download_with_wget, "zip"), (download_with_aria2c, "blocks"), (download_with_aria2c, "raw")]
    if ALL:
        pairs = [(client, form) for client in [download_with_curl, download_with_wget, download_with_aria2c] for form in sizes]
    for client, form in pairs:
        size, target = sizes[form], first.dir / f"{client.__name__}-{form}"
        query = f"preparedId={prepared[form]}" + ("&format=tar" if form == "tar" else "")
        balancer.plan(sorted(rng.sample(range(1, size), BREAKS)))
        client(f"{balancer.url}/ids/getData?{query}", target)
        assert not balancer.kills, f"{len(balancer.kills)} kills did not come about"
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        assert digest == expected[form], f"{client.__name__} {form}: other bytes"
        assert balancer.served <= size + SLACK * BREAKS, (client.__name__, form, balancer.served, size)
        print(f"{client.__name__:7} {form:7} {BREAKS} kills: {size} bytes, {balancer.served - size:+} served, sha256 equal", flush=True)
        target.unlink()
    balancer.restart.join(GUARD)


if __name__ == "__main__":
    main()
