#!/usr/bin/env python3
"""Dumps go out and come in: `icat export` writes what python-icat reads, as much as python-icat wrote itself, and what is
imported into the same catalogue again changes nothing. The same by `/icat/port`, with many rows."""

# needs: python_icat

import json
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from suite import PYTHON_ICAT, Suite, entity_kinds

ROOT = "simple/root"
FORMS = {"yaml": "YAML", "xml": "XML"}
# In one import by `/icat/port`.
MANY = 100_000


def dump_path(form):
    return PYTHON_ICAT / f"doc/examples/icatdump-6.2.{form}"


def count_rows(suite, session):
    return {e["name"]: suite.search(session, f"SELECT COUNT(e) FROM {e['name']} e")[0] for e in entity_kinds()}


def normalize_rows(rows):
    """Numbers of rows without a key depend on the order of writing, and so do references by them."""
    def normalize_value(value):
        if isinstance(value, list):
            return sorted(map(normalize_value, value), key=repr)
        if isinstance(value, dict):
            return {name: normalize_value(part) for name, part in value.items()}
        return value.rsplit("_", 1)[0] if value[-8:].isdigit() and value[-9:-8] == "_" else value

    return {kind: sorted((normalize_value(key), normalize_value(row)) for key, row in found.items()) if kind in KEYED
            else sorted((normalize_value(row) for row in found.values()), key=repr) for kind, found in rows.items()}


KEYED = {kind["name"] for kind in entity_kinds() if kind["unique"]}


def same_value(a, b):
    """Times and numbers may be written in more than one way, and sizes of 0 stand in dumps of icat.server and of ours."""
    if isinstance(a, dict):
        rest = lambda row, other: {n: v for n, v in row.items() if n in other or v not in ("0", "False")}
        a, b = rest(a, b), rest(b, a)
        return a.keys() == b.keys() and all(same_value(a[name], b[name]) for name in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_value, a, b))
    return a == b or is_number(a) and is_number(b) and float(a) == float(b) or a.lower() == b.lower()


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def export_is_read_by_python_icat():
    from dump_reader import read_dump

    for form, name in FORMS.items():
        with Suite() as suite:
            suite.run("icat", "import", dump_path(form), "--as", ROOT)
            out = suite.dir / f"dump.{form}"
            written = suite.json("icat", "export", out, "--format", form)["rows"]
            again = suite.json("icat", "import", out)
            assert (again["created"], again["unchanged"], again["conflicts"]) == (0, written, []), again
            theirs, ours = normalize_rows(read_dump(dump_path(form), name)), normalize_rows(read_dump(out, name))
            assert theirs.keys() == ours.keys(), theirs.keys() ^ ours.keys()
            for kind in theirs:
                for a, b in zip(theirs[kind], ours[kind], strict=True):
                    assert same_value(a, b), f"{kind}:\n{a}\n{b}"
            with Suite() as other:
                assert other.json("icat", "import", out)["created"] == written
                second = other.dir / "second"
                other.run("icat", "export", second, "--format", form)
                heads = ("# Date", "<date>", "  <date>")
                text = lambda path: [line for line in path.read_text().splitlines() if not line.startswith(heads)]
                assert text(second) == text(out)
            print(f"{name}: {written} rows, read by python-icat as its own, imported again without a change")


def encode_multipart(parts):
    border = uuid.uuid4().hex
    body = b""
    for name, (filename, content) in parts.items():
        disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
        body += f"--{border}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return {"Content-Type": f"multipart/form-data; boundary={border}"}, body + f"--{border}--\r\n".encode()


def port_adds_nothing_twice():
    with Suite() as suite:
        suite.run("icat", "import", dump_path("yaml"), "--as", ROOT)
        suite.add_user(ROOT)
        suite.start()
        session = suite.login(ROOT)

        def post_import(text, **more):
            asked = json.dumps({"sessionId": session, **more}).encode()
            headers, body = encode_multipart({"json": (None, asked), "file": ("icat.export", text)})
            status, _, answer = suite.request("POST", "/icat/port", headers=headers, data=body)
            return status, answer

        status, _, text = suite.request("GET", "/icat/port", {"json": json.dumps({"sessionId": session})})
        assert status == 200
        before = count_rows(suite, session)
        for duplicate in ["IGNORE", "CHECK", "OVERWRITE"]:
            assert post_import(text, duplicate=duplicate) == (204, b""), duplicate
            assert count_rows(suite, session) == before, duplicate
        status, answer = post_import(text)
        assert status == 412, answer
        assert count_rows(suite, session) == before

        with Suite() as empty:
            empty.add_user(ROOT)
            empty.start()
            session, other = empty.login(ROOT), empty
            suite_counts, nothing = before, count_rows(other, session)
            suite = other
            cut = text[: len(text) * 2 // 3].rsplit(b",", 1)[0]
            status, answer = post_import(cut)
            assert 400 <= status < 500 and count_rows(other, session) == nothing, (status, answer)
            assert post_import(text) == (204, b"")
            assert count_rows(other, session) == suite_counts
            print(f"/icat/port: {sum(suite_counts.values())} rows, none of them twice, none of a file that is cut off")

            key = other.search(session, "SELECT d.investigation.name, d.investigation.visitId, d.name FROM Dataset d LIMIT 0, 1")[0]
            lines = [f'"ESNF","{key[0]}","{key[1]}","{key[2]}",{n},"many-{n}"' for n in range(MANY)]
            header = "Datafile(dataset(investigation(facility(name:0),name:1,visitId:2),name:3),fileSize:4,name:5)"
            many = ("1.0\n\n" + header + "\n" + "\n".join(lines) + "\n").encode()
            begun = time.monotonic()
            assert post_import(many) == (204, b"")
            seconds = time.monotonic() - begun
            found = other.search(session, "SELECT COUNT(f) FROM Datafile f WHERE f.name LIKE 'many-%'")
            assert found == [MANY], found
            print(f"/icat/port: {MANY} rows in {seconds:.1f} s")
            assert seconds < 60


if __name__ == "__main__":
    export_is_read_by_python_icat()
    port_adds_nothing_twice()
