#!/usr/bin/env python3
"""The recipes for curl, wget and aria2c in docs/src/downloading.md, as they stand there: over a connection that breaks, over
a server that is killed and started again, after our own 503 with Retry-After, and from a part that is here already. What
arrives is the archive, byte for byte; what is complete already is asked for once; what is refused for good leaves no file that
looks like one. No recipe names a program that calls nothing a success."""

# needs: downloaders
# seconds: 23

import hashlib
import os
import random
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from download_facility import Facility
from suite import ROOT

PAGE = ROOT / "docs/src/downloading.md"
SIZE = 3 << 20
GUARD = 300


class Breaking:
    """Passes bytes on and breaks so many connections after so many bytes of an answer."""

    def __init__(self, suite):
        self.suite, self.breaks, self.after, self.broken, self.refused, self.asked = suite, 0, SIZE // 3, 0, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.suite.public))
        except OSError:
            client.close()
            return
        threading.Thread(target=self.pass_on, args=(client, server), daemon=True).start()
        passed = 0
        try:
            while piece := server.recv(64 * 1024):
                self.refused += piece.startswith(b"HTTP/1.1 503")
                client.sendall(piece)
                passed += len(piece)
                if passed > self.after and self.breaks > 0:
                    self.breaks -= 1
                    self.broken += 1
                    break
        except OSError:
            pass
        for side in [server, client]:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pass_on(self, client, server):
        try:
            while piece := client.recv(64 * 1024):
                self.asked += piece.startswith(b"GET ")
                server.sendall(piece)
        except OSError:
            pass


def read_recipes():
    page = PAGE.read_text()
    page = page[page.index("## With other programs") :]
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    prepare, *rest = blocks
    assert "wget2" not in PAGE.read_text()
    name = lambda block: "metalink" if "meta4" in block else re.search(r"\b(curl|wget|aria2c)\b", block).group()  # noqa: E731
    named = {name(block): block for block in rest}
    assert set(named) == {"curl", "wget", "aria2c", "metalink"}, set(named)
    for block in blocks:
        for line in block.splitlines():
            if re.search(r"\bcurl\b", line):
                assert re.search(r"curl -f", line), f"curl without -f: {line}"
                assert "-C -" not in line or ("--retry " in line and "--retry-all-errors" not in line), line
    return prepare, named


def run_recipe(script, where, **variables):
    where.mkdir(exist_ok=True)
    env = {**os.environ, **{key: str(value) for key, value in variables.items()}}
    done = subprocess.run(["bash", "-euc", script], cwd=where, env=env, capture_output=True, text=True, timeout=GUARD)
    return done.returncode, done.stdout[-1000:] + done.stderr[-1000:]


def compute_sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    prepare, named = read_recipes()
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    print("seed", seed, flush=True)
    with Facility(UNDULATOR_DOWNLOAD__HASH_AT_ONCE="1KiB") as suite:
        proxy = Breaking(suite)

        def make_dataset(name, checksums):
            number = suite.dataset(name)
            files = [(f"{n}.h5", f"{name}/{n}.h5", rng.randbytes(SIZE)) for n in range(3)]
            suite.put_files(number, files, checksums=checksums)
            return number, {f"ids/SUN/MX-1/1/{name}/{file}": hashlib.sha256(content).hexdigest() for file, _, content in files}

        def prepare_address(number):
            script = prepare + 'printf %s "$DATA"'
            done = subprocess.run(
                ["bash", "-euc", script], env={**os.environ, "URL": proxy.url, "SESSION": suite.root, "DATASET": str(number)},
                capture_output=True, text=True, check=True, timeout=GUARD,
            )
            return done.stdout

        known, _ = make_dataset("known", True)
        whole = suite.request("GET", "/ids/getData", {"sessionId": suite.root, "datasetIds": known})[2]
        data = prepare_address(known)
        for program in ["curl", "wget", "aria2c"]:
            where = suite.dir / f"breaks-{program}"
            proxy.breaks, proxy.broken = 2, 0
            code, said = run_recipe(named[program], where, DATA=data)
            broken, proxy.breaks = proxy.broken, 0
            assert code == 0 and broken == 2, (program, code, broken, said)
            assert (where / "scan.zip").read_bytes() == whole, f"{program}: other bytes after {broken} breaks"
            proxy.asked = 0
            code, said = run_recipe(named[program], where, DATA=data)
            assert code == 0 and proxy.asked <= 2, (program, code, proxy.asked, said)
            assert (where / "scan.zip").read_bytes() == whole, f"{program}: other bytes when run again"
            print(f"{program}: the archive after {broken} broken connections, and nothing more when it is run again", flush=True)

        def go_on_while_checksums_are_computed(program, attempt):
            """A part is here, and the checksums that the rest needs are not known yet: how often our 503 was met."""
            number, _ = make_dataset(f"unknown-{program}-{attempt}", False)
            query = {"sessionId": suite.root, "datasetIds": number}
            status, _, part = suite.request("GET", "/ids/getData", query, headers={"Range": f"bytes=0-{SIZE // 2}"})
            assert status == 206, status
            where = suite.dir / f"busy-{program}-{attempt}"
            where.mkdir()
            (where / "scan.zip").write_bytes(part)
            proxy.refused = 0
            url = f"{proxy.url}/ids/getData?sessionId={suite.root}&datasetIds={number}"
            code, said = run_recipe(named[program], where, DATA=url)
            assert code == 0, (program, code, said)
            reference = suite.request("GET", "/ids/getData", query)[2]
            assert (where / "scan.zip").read_bytes() == reference, program
            return proxy.refused

        for program in ["curl", "wget", "aria2c"]:
            # On a fast machine they may all be there already when the program asks; then it has met nothing.
            met = next(met for attempt in range(50) if (met := go_on_while_checksums_are_computed(program, attempt)))
            print(f"{program}: on from a part after {met} answers 503", flush=True)

        for program in ["curl", "wget", "aria2c"]:
            where = suite.dir / f"gone-{program}"
            gone = f"{proxy.url}/ids/getData?preparedId=5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10"
            script = named[program].replace("--retry 20", "--retry 1").replace("=20", "=1").replace("retry-wait=5", "retry-wait=1")
            code, said = run_recipe(script, where, DATA=gone)
            assert code != 0, (program, said)
            left = where / "scan.zip"
            assert not left.exists() or left.stat().st_size == 0, left.read_bytes()[:100]
            print(f"{program}: what is gone for good is said by exit code {code}, and leaves nothing", flush=True)

        many, files = make_dataset("many", True)
        proxy.breaks, proxy.broken, proxy.after = 2, 0, SIZE // 2
        where = suite.dir / "metalink"
        code, said = run_recipe(named["metalink"], where, DATA=prepare_address(many))
        assert code == 0, (code, said)
        assert {path: compute_sha256(where / path) for path in files} == files, sorted(map(str, where.rglob("*")))
        metalink = (where / "scan.meta4").read_text()
        (command,) = re.findall(r"^aria2c .*$", named["metalink"], re.M)
        assert command.replace("scan.meta4", "FILE") in metalink.splitlines()[1], "it names the recipe of the docs"
        assert "wget2" not in metalink and "<hash" not in metalink
        print(f"aria2c with a metalink: {len(files)} files after {proxy.broken} broken connections")


if __name__ == "__main__":
    main()
