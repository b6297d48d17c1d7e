"""`undulator get` run by a test, and a proxy between it and the server."""

import hashlib
import http.server
import json
import socket
import subprocess
import threading

GUARD = 60
BUFFER = 64 * 1024


class Proxy:
    """Passes bytes on, slowly enough to be caught in the middle; counts them, tells when so many have passed, and may
    spoil one on its way. Requests are remembered."""

    def __init__(self, suite):
        self.suite, self.lock = suite, threading.Condition()
        self.served, self.gate, self.spoil, self.heads = 0, None, None, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def hold_after(self, count):
        """Nothing more is passed on once so many bytes were, until `release`."""
        with self.lock:
            self.served, self.gate = 0, count

    def wait_until_held(self):
        with self.lock:
            assert self.lock.wait_for(lambda: self.served >= self.gate, GUARD), (self.served, self.gate)

    def release(self):
        with self.lock:
            self.gate = None
            self.lock.notify_all()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        server = socket.socket()
        try:
            server.connect(("127.0.0.1", self.suite.public))
        except OSError:
            client.close()
            return
        threading.Thread(target=self.requests, args=(client, server), daemon=True).start()
        try:
            while piece := server.recv(BUFFER):
                with self.lock:
                    self.lock.wait_for(lambda: self.gate is None or self.served < self.gate, GUARD)
                    if self.spoil is not None and self.served <= self.spoil < self.served + len(piece):
                        at = self.spoil - self.served
                        piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
                        self.spoil = None
                    self.served += len(piece)
                    self.lock.notify_all()
                client.sendall(piece)
        except OSError:
            pass
        for side in [server, client]:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def requests(self, client, server):
        try:
            while piece := client.recv(BUFFER):
                with self.lock:
                    self.heads.append(piece)
                server.sendall(piece)
        except OSError:
            pass


class Client:
    """Runs `undulator get`; what it says and writes must not have a secret in it."""

    def __init__(self, suite, session):
        self.suite, self.session, self.seen = suite, session, []
        self.env = {k: v for k, v in suite.env.items() if not k.startswith("UNDULATOR_")} | {"ICAT_SESSION_ID": session}

    def start(self, *arguments, url=None, **streams):
        command = [self.suite.program, "get", "--url", url or self.suite.url, *map(str, arguments)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.Popen(command, env=self.env, cwd=self.suite.dir, stdin=subprocess.DEVNULL, **streams)

    def finish(self, running, code=0):
        out, err = running.communicate(timeout=GUARD)
        self.seen += [out or b"", err or b""]
        assert running.returncode == code, (running.returncode, out and out[-500:], err.decode()[-2000:])
        return (out or b"").decode(errors="replace"), (err or b"").decode()

    def get(self, *arguments, code=0, url=None):
        return self.finish(self.start(*arguments, url=url), code)

    def report(self, *arguments, code=0, url=None):
        return json.loads(self.get("--json", *arguments, code=code, url=url)[0])

    def look(self, running, out):
        """Into the list of processes, and into what lies in the directory."""
        self.seen.append(subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout)
        assert b"undulator get" in self.seen[-1], "the client is in the list of processes"
        states = list(out.rglob("*.state"))
        self.seen += [state.read_bytes() for state in states]
        return states

    def check_secrets(self):
        everything = b"".join(self.seen)
        assert self.session.encode() not in everything, "the session id is seen"
        assert b"undulator get" in everything and b"etag" in everything, "nothing was looked at"


def digest_files(root):
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


def compute_sha256(content):
    return hashlib.sha256(content).hexdigest()


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that hangs up once it sees data instead of a list."""
