"""The two databases of the logbook: inserting rows, running plain SQL, and printing query plans."""

import json
import os
import re
import sqlite3
import subprocess
import time
from pathlib import Path

from measuring import OwnDatabase, cpu, percentile
from rows import TABLES


class Timed:
    """Milliseconds of calls, and processor time of the server for each."""

    def __init__(self, values, used=None):
        self.values, self.cpu = values, used
        self.p50, self.p99, self.most, self.n = percentile(values, 0.5), percentile(values, 0.99), max(values), len(values)


def repeated(seconds, call, pid=None, warm=1, most=2000):
    """As many calls as fit, at least five; `warm` calls before do not count, and take no longer than that either."""
    end = time.perf_counter() + seconds
    for n in range(warm):
        if n and time.perf_counter() > end:
            break
        call()
    values, used = [], cpu(pid) if pid else 0
    end = time.perf_counter() + seconds
    while len(values) < 5 or (time.perf_counter() < end and len(values) < most):
        values.append(call())
    return Timed(values, (cpu(pid) - used) / len(values) if pid else None)


def filled(statement, literal):
    """A statement with its values in their places."""
    sql, vals = statement
    return re.sub(r"\$(\d+)", lambda place: literal(vals[int(place[1]) - 1]), sql)


class Sqlite:
    name, source, warm = "SQLite", "sqlite3", 3
    both, either = " AND ", " OR "

    def __init__(self, suite):
        self.file = suite.dir / "databases/logbook.db"

    def word(self, word, is_open=False):
        return f'"{word}"' + "*" * is_open

    def has_words(self, place):
        return f"entry_words MATCH {place}"

    def id_list(self, place):
        return f"(SELECT value FROM json_each({place}))"

    def open(self):
        self.connection = sqlite3.connect(self.file, isolation_level=None)
        self.connection.executescript("PRAGMA synchronous = FULL; PRAGMA case_sensitive_like = ON;")

    def close(self):
        self.connection.close()

    def values(self, sql, vals=()):
        sql = re.sub(r"\$(\d+)", r"?\1", sql)
        return self.connection.execute(sql, list(vals)).fetchall()

    def rows(self, table, columns):
        return self.values(f"SELECT {columns} FROM {table}")

    def begin_fill(self):
        self.connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;")

    def add(self, out):
        self.connection.execute("BEGIN")
        for table, columns in TABLES.items():
            marks = ", ".join("?" * len(columns.split(",")))
            self.connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", out[table])
        self.connection.execute("COMMIT")

    def open_books(self, books):
        self.connection.executemany(
            "INSERT INTO book (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING", [(b.number, b.name) for b in books.books.values()])

    def end_fill(self, books):
        self.connection.execute("BEGIN")
        self.connection.executemany(
            "UPDATE book SET records = ?, head = ?, fed = ? WHERE id = ?", [(b.records, b.head, b.fed, b.number) for b in books.books.values()])
        self.connection.execute("UPDATE id_sequence SET next = ?", [books.following])
        self.connection.execute("COMMIT")
        self.connection.executescript("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = FULL;")

    def check(self):
        """What the engine itself says of its index of words."""
        self.connection.execute("INSERT INTO entry_words (entry_words) VALUES ('integrity-check')")

    def following(self):
        return self.values("SELECT next FROM id_sequence")[0][0]

    def timed(self, seconds, make):
        def call():
            statement = make()
            started = time.perf_counter()
            self.values(*statement)
            return (time.perf_counter() - started) * 1000

        return repeated(seconds, call, warm=2)

    def create_plainly(self, seconds, make):
        """The same rows by themselves, each entry durable before the next; milliseconds of each."""
        def call():
            out, books = make()
            started = time.perf_counter()
            self.connection.execute("BEGIN IMMEDIATE")
            for table, columns in TABLES.items():
                marks = ", ".join("?" * len(columns.split(",")))
                for row in out[table]:
                    self.connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)
            for book in books:
                self.connection.execute("UPDATE book SET records = ?, head = ?, fed = ? WHERE id = ?", (book.records, book.head, book.fed, book.number))
            self.connection.execute("UPDATE id_sequence SET next = next + 1")
            self.connection.execute("COMMIT")
            return (time.perf_counter() - started) * 1000

        return {"sqlite3, 1": (lambda timed: (timed, 1000 * timed.n / sum(timed.values)))(repeated(seconds, call))}

    def plan(self, statement):
        """Lines of the plan, and those of them that read a whole table."""
        sql, vals = statement
        lines = [row[3] for row in self.values(f"EXPLAIN QUERY PLAN {sql}", vals)]
        whole = [line for line in lines if line.startswith("SCAN") and "VIRTUAL TABLE" not in line and "USING" not in line]
        return lines, whole

    def size(self):
        return self.file.stat().st_size / 1e6


class Postgres(OwnDatabase):
    name, source = "PostgreSQL", "psql"
    # Each connection of the pool plans a statement anew five times before it settles on one plan.
    warm = 70
    both, either = " & ", " | "
    options = "-c search_path=logbook -c jit=off"

    def word(self, word, is_open=False):
        return f"'{word}'" + ":*" * is_open

    def has_words(self, place):
        return f"entry_words.vector @@ CAST({place} AS tsquery)"

    def id_list(self, place):
        return f"(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({place} AS JSON)) AS list(value))"

    @staticmethod
    def literal(value):
        return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"

    def open(self):
        pass

    def close(self):
        pass

    def values(self, sql, vals=()):
        typed = [[int(v) if re.fullmatch(r"-?\d+", v) else v for v in line.split("\x1f")]
                 for line in self.psql(filled((sql, vals), self.literal) + ";").splitlines()]
        return [tuple(row) for row in typed]

    def rows(self, table, columns):
        return [json.loads(line) for line in self.psql(f"SELECT json_build_array({columns}) FROM {table};").splitlines()]

    def begin_fill(self):
        self.psql("DROP INDEX entry_words_vector")

    @staticmethod
    def copied(value):
        if value is None:
            return "\\N"
        return str(value).replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")

    def add(self, out):
        text = "SET synchronous_commit = off; BEGIN;\n"
        for table, columns in TABLES.items():
            lines = "".join("\t".join(map(self.copied, row)) + "\n" for row in out[table])
            text += f"COPY {table} ({columns}) FROM STDIN;\n{lines}\\.\n"
        self.psql(text + "COMMIT;\n")

    def open_books(self, books):
        rows = ", ".join(f"({b.number}, {self.literal(b.name)})" for b in books.books.values())
        self.psql(f"INSERT INTO book (id, name) VALUES {rows} ON CONFLICT DO NOTHING")

    def end_fill(self, books):
        updates = "".join(f"UPDATE book SET records = {b.records}, head = '{b.head}', fed = {b.fed} WHERE id = {b.number};\n" for b in books.books.values())
        self.psql(f"BEGIN; {updates} SELECT setval('id_sequence', {books.following}, false); COMMIT; SET maintenance_work_mem = '512MB';"
                  "CREATE INDEX entry_words_vector ON entry_words USING gin (vector);")
        self.psql("VACUUM ANALYZE")
        self.psql("CHECKPOINT")

    def check(self):
        pass

    def following(self):
        return self.values("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM id_sequence")[0][0]

    def times(self, statements):
        text = "\\timing on\n\\o /dev/null\n" + "".join(f"{filled(statement, self.literal)};\n" for statement in statements)
        return [float(line.split()[1]) for line in self.psql(text).splitlines() if line.startswith("Time:")]

    def timed(self, seconds, make):
        first = self.times([make(), make()])
        count = max(5, min(2000, int(seconds * 1000 / first[-1])))
        return Timed(self.times([make() for _ in range(count + 1)])[1:])

    def create_plainly(self, seconds, make):
        """pgbench with the same INSERTs, from one client and from several."""
        out, books = make()
        book, instrument = books[0], books[-1]
        number = "CAST(:n AS BIGINT)"
        text = f"CAST({number} AS TEXT)"
        lines = ["\\set n random(1, 9000000000000000)", "BEGIN;", f"SELECT id FROM book WHERE name = '{book.name}';", "SELECT nextval('id_sequence');"]
        for table, columns in TABLES.items():
            for row in out[table]:
                row = list(row)
                names = columns.split(", ")
                for column in ("id", "entry_id", "hash"):
                    if column in names and table != "tag":
                        row[names.index(column)] = ":n"
                values = [text if v == ":n" else f"{2**40} + {number}" if c in ("seq", "rowid", "n") or (table, c) == ("feed", "record_n") else self.literal(v)
                          for c, v in zip(names, row)]
                # A colon within a text would be a variable.
                lines.append(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(v if number in v else v.replace(':', '.') for v in values)})"
                             f"{' ON CONFLICT DO NOTHING' if table in ('tag', 'entry_tag') else ''};")
        lines += [f"UPDATE book SET records = records + 1 WHERE id = {book.number} RETURNING records, head, name;", f"UPDATE book SET head = {text} WHERE id = {book.number};",
                  f"UPDATE book SET fed = fed + 1 WHERE id = {instrument.number} RETURNING fed;", "COMMIT;"]
        script = Path(f"/tmp/{self.database}.sql")
        script.write_text("\n".join(lines) + "\n")
        env = {**os.environ, "PGOPTIONS": "-c search_path=logbook"}
        found = {}
        try:
            for clients in (1, 8, 32):
                command = ["pgbench", "-n", "-M", "prepared", "-f", script, "-c", str(clients), "-T", str(max(1, int(seconds))), "-l", "--log-prefix", script.with_suffix(""), self.url]
                subprocess.run(command, env=env, check=True, capture_output=True, cwd="/tmp")
                times = []
                for log in Path("/tmp").glob(f"{self.database}.*"):
                    if log != script:
                        times += [int(line.split()[2]) / 1000 for line in log.read_text().splitlines()]
                        log.unlink()
                found[f"pgbench, {clients}"] = (Timed(times), len(times) / max(1, int(seconds)))
        finally:
            script.unlink()
        return found

    def log(self):
        """The log of a server that `scripts/lib/postgres.sh` started on this machine."""
        log = Path(self.psql("SHOW data_directory").strip()).parent / "log"
        return log if log.exists() else None

    def plan(self, statement):
        lines = self.psql("EXPLAIN " + filled(statement, self.literal)).splitlines()
        whole = [line.strip() for line in lines if "Seq Scan on" in line and " book" not in line]
        return [line for line in lines if "Scan" in line or "Sort" in line], whole

    def size(self):
        return int(self.psql("SELECT pg_database_size(current_database())")) / 1e6
