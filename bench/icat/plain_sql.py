"""The same queries as SQL written by hand, on the same rows: with Python's sqlite3, or psql."""

import random
import sqlite3
import time

from facility import NEW
from measuring import OwnDatabase, percentile
from timing import Timed

READABLE = """SELECT ii.investigation_id FROM investigationuser ii JOIN user_ u ON u.id = ii.user_id WHERE u.name = 'db/member'
UNION SELECT n.investigation_id FROM investigationinstrument n JOIN instrumentscientist s ON s.instrument_id = n.instrument_id
      JOIN user_ u ON u.id = s.user_id WHERE u.name = 'db/member'
UNION SELECT i.id FROM investigation i WHERE i.releasedate < {now}"""
COLUMNS = ("id, create_id, create_time, mod_id, mod_time, checksum, datafilecreatetime, datafilemodtime, description, doi, "
           "filesize, location, name, datafileformat_id, dataset_id")


def plain_statements(who, picks):
    """The statements as a developer who knows the rules would write them by hand."""
    columns = ", ".join(f"f.{name}" for name in COLUMNS.split(", "))
    readable = READABLE.format(now=int(time.time() * 1e6))
    grant = "" if who == "root" else f" AND d.investigation_id IN ({readable})"
    rest = ", d.*, i.*, t.*"
    by_path = "FROM datafile f JOIN dataset d ON d.id = f.dataset_id WHERE d.investigation_id = {}" + grant

    def investigation():
        return random.choice(picks.investigations)

    joins = "JOIN dataset d ON d.id = f.dataset_id JOIN investigation i ON i.id = d.investigation_id"
    joins += " LEFT JOIN datafileformat t ON t.id = f.datafileformat_id"
    frm = "FROM datafile f" if who == "root" else "FROM datafile f JOIN dataset d ON d.id = f.dataset_id"
    return {
        "get by id": lambda: f"SELECT {columns} {frm} WHERE f.id = {random.choice(picks.datafiles)}{grant}",
        "datafiles of a dataset": lambda: f"SELECT {columns}{rest} FROM datafile f {joins} "
                                          f"WHERE f.dataset_id = {random.choice(picks.datasets)}{grant}",
        "count over a path": lambda: f"SELECT COUNT(*) {by_path.format(investigation())}",
        "sum over a path": lambda: f"SELECT SUM(f.filesize) {by_path.format(investigation())}",
        "count": lambda: f"SELECT COUNT(*) {frm} WHERE 1 = 1{grant}",
        "newest 50": lambda: f"SELECT {columns} {frm} WHERE 1 = 1{grant} ORDER BY f.mod_time DESC, f.id DESC LIMIT 50",
        "1,000 names": lambda: f"SELECT f.name {frm} WHERE 1 = 1{grant} LIMIT 1000",
        "1,000 datafiles": lambda: f"SELECT {columns} {frm} WHERE 1 = 1{grant} LIMIT 1000",
    }


def insertion(dataset, number, count):
    """One INSERT of as many rows as the benchmark creates, with unused ids."""
    rows = [
        f"({2**40 + number * NEW + k}, 'plain', 0, 'plain', 0, '0', NULL, NULL, NULL, NULL, 1, 'x/{number}-{k}', "
        f"'plain-{number}-{k}', NULL, {dataset})" for k in range(count)
    ]
    return f"INSERT INTO datafile ({COLUMNS}) VALUES {', '.join(rows)}"


class Sqlite:
    name, source = "SQLite", "sqlite3"

    def __init__(self, suite):
        self.file = suite.dir / "databases/icat.db"
        self.env = {}

    def open(self):
        self.connection = sqlite3.connect(self.file, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = FULL")

    def settle(self):
        pass

    def values(self, sql):
        return [row[0] for row in self.connection.execute(sql)]

    def timed(self, seconds, make):
        def call():
            sql = make()
            started = time.perf_counter()
            self.connection.execute(sql).fetchall()
            return (time.perf_counter() - started) * 1000

        return Timed(seconds, call)

    def timed_creation(self, seconds, dataset, count):
        numbers = iter(range(10**6))
        timed = self.timed(seconds, lambda: insertion(dataset, next(numbers), count))
        self.connection.execute("DELETE FROM datafile WHERE create_id = 'plain'")
        return timed

    def size(self):
        return self.file.stat().st_size / 1e6

    def fill_plain(self):
        """Rows per second of the same datafiles written into a table of the same shape, in one transaction."""
        rows = self.connection.execute(f"SELECT {COLUMNS} FROM datafile LIMIT 1000000").fetchall()
        shape = self.connection.execute("SELECT sql FROM sqlite_master WHERE name = 'datafile'").fetchone()[0]
        target = self.file.parent.parent / "plain.db"
        other = sqlite3.connect(target, isolation_level=None)
        other.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
        other.execute(shape.split("REFERENCES")[0].rsplit(",", 1)[0] + ", datafileformat_id BIGINT, dataset_id BIGINT, UNIQUE (dataset_id, name))")
        other.execute("CREATE INDEX datafile_datafileformat_id ON datafile (datafileformat_id)")
        started = time.perf_counter()
        other.execute("BEGIN")
        other.executemany(f"INSERT INTO datafile ({COLUMNS}) VALUES ({', '.join('?' * 15)})", rows)
        other.execute("COMMIT")
        elapsed = time.perf_counter() - started
        other.close()
        target.unlink()
        return len(rows) / elapsed


class Postgres(OwnDatabase):
    name, source = "PostgreSQL", "psql"
    options = "-c search_path=icat"

    def open(self):
        pass

    def settle(self):
        """Does what autovacuum does soon after a large import."""
        self.psql("VACUUM ANALYZE")

    def values(self, sql):
        return [int(line) for line in self.psql(sql).split()]

    def times(self, statements):
        text = "\\timing on\n\\o /dev/null\n" + "".join(f"{sql};\n" for sql in statements)
        return [float(line.split()[1]) for line in self.psql(text).splitlines() if line.startswith("Time:")]

    def timed(self, seconds, make):
        first = self.times([make(), make()])
        count = max(5, min(2000, int(seconds * 1000 / first[-1])))
        values = iter(self.times([make() for _ in range(count + 1)]))
        timed = Timed.__new__(Timed)
        timed.values = list(values)[1:]
        timed.p50, timed.p99, timed.n = percentile(timed.values, 0.5), percentile(timed.values, 0.99), len(timed.values)
        return timed

    def timed_creation(self, seconds, dataset, count):
        numbers = iter(range(10**6))
        timed = self.timed(seconds, lambda: insertion(dataset, next(numbers), count))
        self.psql("DELETE FROM datafile WHERE create_id = 'plain'")
        return timed

    def size(self):
        return int(self.psql("SELECT pg_database_size(current_database())")) / 1e6

    def fill_plain(self):
        return None


