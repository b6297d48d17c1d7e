"""The built program as foreign clients meet it: over TCP, with settings in variables, standard library only."""

import fcntl
import json
import os
import random
import re
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "target" / "dev-fast" / "undulator"
# What scripts/lib/install.sh installs for foreign clients and checks.
PYTHON = ROOT / ".venv" / "bin" / "python"
PYTHON_ICAT = ROOT / "target" / "interop" / "python-icat-1.7.0"


def use_installed_packages():
    """Starts the script again with the Python that has what scripts/lib/install.sh installed, unless it runs with it."""
    if Path(sys.prefix) != PYTHON.parents[1] and PYTHON.exists():
        os.execv(PYTHON, [PYTHON, *sys.argv])


# Below those that systems give to outgoing connections, one of which might take the port before its server has it.
PORTS = range(10_100, 32_000)
# The files whose locks are the ports of this process, until it ends.
PORT_LOCKS = []


def free_port():
    """A port that nobody listens on, and that no other test gets before this process has ended."""
    folder = Path(tempfile.gettempdir()) / f"undulator-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        port = random.choice(PORTS)
        lock = (folder / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        PORT_LOCKS.append(lock)
        return port


def wait_until(what, state, seconds=90):
    """Asks again until it is so."""
    end = time.monotonic() + seconds
    while not state():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        # So that asking is no load.
        time.sleep(0.05)


class Suite:
    """A data directory, and a server on it that can be started, killed and started again."""

    def __init__(self, program=PROGRAM):
        self.tmp = tempfile.TemporaryDirectory(prefix="undulator-interop-")
        self.dir = Path(self.tmp.name)
        self.files = self.dir / "files"
        self.files.mkdir()
        self.public, self.internal = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.public}"
        self.passwords = {}
        self.program = program
        # Those that the process serves; none: all.
        self.services = []
        self.server = self.drain = None
        self.has_accounts = False
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("UNDULATOR_")},
            "UNDULATOR_DATA_DIR": str(self.dir / "databases"),
            "UNDULATOR_HTTP__BIND": f"127.0.0.1:{self.public}",
            "UNDULATOR_HTTP__INTERNAL_BIND": f"127.0.0.1:{self.internal}",
            "UNDULATOR_STORAGE__MAIN__URL": str(self.files),
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.tmp.cleanup()

    def run(self, *arguments, stdin=None, check=True):
        done = subprocess.run(
            [self.program, *map(str, arguments)], env=self.env, input=stdin, text=True, capture_output=True, cwd=self.dir
        )
        if check and done.returncode != 0:
            raise SystemExit(f"undulator {' '.join(map(str, arguments))}: {done.returncode}\n{done.stderr}")
        return done

    def json(self, *arguments, check=True):
        return json.loads(self.run("--json", *arguments, check=check).stdout)

    def add_user(self, account):
        self.passwords[account] = "".join(random.choices(string.ascii_letters, k=16))
        if not self.has_accounts:
            # Accounts are kept in a database, which they do not make.
            self.run("migrate", "auth")
            self.has_accounts = True
        self.run("auth", "add-user", account, stdin=self.passwords[account] + "\n")

    def start(self, *prefix):
        """Starts the server and waits until it says that it listens."""
        self.log = self.dir / "log"
        out = self.log.open("a")
        self.server = subprocess.Popen(
            [*prefix, self.program, "serve", *self.services], env=self.env, cwd=self.dir, stdout=out, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )
        for line in self.server.stderr:
            print(line, end="", file=out, flush=True)
            if "listening" in line:
                break
        else:
            raise SystemExit(f"the server did not start\n{self.log.read_text()[-3000:]}")
        # What it says later must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.server.stderr, stdout=out)

    def kill(self, how=signal.SIGKILL):
        """Ends the server and what it started; its exit code."""
        if self.server is None:
            return None
        # The group, so that what runs under strace goes with it.
        os.killpg(self.server.pid, how)
        code = self.server.wait()
        if self.drain is not None:
            self.drain.wait()
        self.server = self.drain = None
        return code

    def request(self, method, path, query=None, form=None, headers=None, internal=False, data=None, body=None):
        """Status, headers and body, whatever the status; `body` is sent as JSON, `data` as it is."""
        root = f"http://127.0.0.1:{self.internal}" if internal else self.url
        url = root + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = urllib.parse.urlencode(form).encode() if form is not None else data
        headers = dict(headers or {})
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def post_json(self, path, body, headers):
        """The same for a JSON body."""
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode(), method="POST", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    def login(self, account):
        plugin, name = account.split("/")
        credentials = [{"username": name}, {"password": self.passwords[account]}]
        form = {"json": json.dumps({"plugin": plugin, "credentials": credentials})}
        status, _, body = self.request("POST", "/icat/session", form=form)
        assert status == 200, (account, status, body)
        return json.loads(body)["sessionId"]

    def search(self, session, query):
        status, _, body = self.request("GET", "/icat/entityManager", {"sessionId": session, "query": query})
        assert status == 200, (query, status, body)
        return json.loads(body)


def entity_kinds():
    """The 53 entity kinds, from the schema that the program is built from."""
    schema = json.loads((ROOT / "libs/icat-client/schema/icat-6.2.json").read_text())
    return schema["entities"]


def parse_summary(path):
    """User and counts of python-icat's reference summaries."""
    text = path.read_text()
    user = re.search(r"^User: (\S+)$", text, re.M).group(1)
    return user, {kind: int(n) for kind, n in re.findall(r"^(\w+)\s+: (\d+)$", text, re.M)}
