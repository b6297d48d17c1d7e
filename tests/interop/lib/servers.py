"""PostgreSQL and NATS with JetStream of a script's own, in private directories, and a database's rows for reading."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from suite import ROOT, free_port


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
