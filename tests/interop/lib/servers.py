"""PostgreSQL and NATS with JetStream of a script's own, in private directories, and a database's rows for reading; processes
of other servers."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from suite import ROOT, free_port, wait_until


class Server:
    """In a directory of its own until the end of the `with`."""

    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory(prefix="undulator-interop-")
        self.dir = Path(self.tmp.name)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.tmp.cleanup()
            raise
        return self

    def __exit__(self, *_):
        self.end()
        self.tmp.cleanup()


# The command, and whatever it starts, ends with the shell's standard input: when a test closes it, and when a test is killed.
UNTIL_INPUT_ENDS = 'exec 3<&0; ("$@" </dev/null 3<&-; kill -KILL 0) & cat <&3 >/dev/null; kill -KILL 0'


def start_group(command, **options):
    """The shell that leads the processes of a server; when it has ended, so has the server. `options` are those of `Popen`."""
    command = ["bash", "-c", UNTIL_INPUT_ENDS, "bash", *map(str, command)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **options)


def end_group(process):
    """Returns when none of the group is left."""
    process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    wait_until("the processes have ended", lambda: not list_group(process.pid), 30)
    process.wait()


def list_group(group):
    """The ids of a group's processes, without those that have ended: some machines take seconds to forget them."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = file.read_text().rpartition(")")[2].split()
            state, its_group, threads = fields[0], int(fields[2]), int(fields[17])
            # The first thread may have ended before those that still hold the sockets.
            if its_group == group and (state != "Z" or threads > 1):
                found.append(int(file.parent.name))
    return found


class Postgres(Server):
    """`settings` are lines of postgresql.conf; `env` is what a service needs."""

    def __init__(self, *settings):
        super().__init__()
        self.settings = settings

    def start(self):
        if os.getuid() == 0:
            # The account that PostgreSQL runs under.
            shutil.chown(self.dir, "postgres")
        self.url = self.shell("start_postgres", self.dir, *self.settings).strip()
        self.env = {"UNDULATOR_DATABASE__URL": self.url}

    def end(self):
        self.shell("stop_postgres", self.dir)

    def shell(self, *command):
        script = f'. "{ROOT}/scripts/lib/postgres.sh" && "$@"'
        arguments = ["bash", "-c", script, "bash", *map(str, command)]
        return subprocess.run(arguments, cwd="/", stdout=subprocess.PIPE, text=True, check=True).stdout

    def execute(self, query, schema="public"):
        """All rows as tuples, as a connection of sqlite3 gives them."""
        query = f"SELECT row_to_json(found) FROM ({query}) AS found"
        env = {**os.environ, "PGOPTIONS": f"-c search_path={schema}"}
        lines = subprocess.check_output(["psql", self.url, "-XAtc", query], env=env, text=True).split("\n")
        return [tuple(json.loads(line).values()) for line in lines if line]

    def change(self, statement, schema="public"):
        env = {**os.environ, "PGOPTIONS": f"-c search_path={schema}"}
        subprocess.run(["psql", self.url, "-Xqv", "ON_ERROR_STOP=1"], env=env, input=statement, text=True, check=True)


class Nats(Server):
    def start(self):
        port = free_port()
        self.process = subprocess.Popen(
            ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", self.dir], stderr=subprocess.PIPE, text=True
        )
        if not any("Server is ready" in line for line in self.process.stderr):
            raise SystemExit("nats-server did not start")
        # What it says later must not fill the pipe.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.env = {"UNDULATOR_EVENTS__KIND": "nats", "UNDULATOR_EVENTS__NATS_URL": f"nats://127.0.0.1:{port}"}

    def end(self):
        self.process.terminate()
        self.process.wait()
