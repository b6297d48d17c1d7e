"""What the benchmarks measure alike: percentiles, processor time, and a PostgreSQL database of their own."""

import os
import subprocess
import uuid
from pathlib import Path


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def cpu(pid):
    """Milliseconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


class OwnDatabase:
    """A new database on a PostgreSQL server, and psql in it. `options` are those of its sessions."""

    options = ""

    def __init__(self, server):
        self.server = server
        self.database = f"bench_{uuid.uuid4().hex}"
        self.psql(f"CREATE DATABASE {self.database}", server)
        self.url = f"{server.rsplit('/', 1)[0]}/{self.database}"
        self.env = {"UNDULATOR_DATABASE__URL": self.url}

    def psql(self, text, url=None):
        """Fields of a line are separated by the ASCII character for that."""
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", url or self.url]
        env = {**os.environ, "PGOPTIONS": self.options}
        done = subprocess.run(command, input=text, text=True, capture_output=True, env=env)
        assert done.returncode == 0, done.stderr[:2000]
        return done.stdout

    def drop(self):
        self.psql(f"DROP DATABASE {self.database} WITH (FORCE)", self.server)
