#!/usr/bin/env python3
"""Data that others made: python-icat's example facility is imported, and every user sees what its authors say.

A dump does not carry who created a row, and some rules ask for that. Where the reference counts were made, three users
had created data collections, and one of them a job and a relation of datafiles as well. So these entries are left out
of the first import and come with later ones in those users' names: an import creates only what is missing.
"""

# needs: python_icat

import hashlib
import json
import re
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import PYTHON_ICAT, Suite, entity_kinds, parse_summary

DUMP = PYTHON_ICAT / "doc/examples/icatdump-6.2.yaml"
XML = PYTHON_ICAT / "doc/examples/icatdump-6.2.xml"
JBOTUS = ["DataCollection_00000001"]
RBECKS = ["DataCollection_00000002"]
NBOURS = ["DataCollection_00000003", "DataCollection_00000004"]
SUMMARIES = sorted((PYTHON_ICAT / "tests/data").glob("summary-6.2*"))


def remove_entries(text, entries, kinds=("job", "relatedDatafile")):
    """The dump without some entries and kinds; its layout is regular: two spaces before each key."""
    text = re.sub(rf"^({'|'.join(kinds)}):\n(?:[ ?].*\n)*", "", text, flags=re.M)
    for key in entries:
        text, n = re.subn(rf"^  {key}:\n(?:    .*\n)*", "", text, flags=re.M)
        assert n == 1, key
    return text


def digest_rows(path, keep_stamps=False):
    """Kind -> sorted digests of its rows; ids and stamps aside, so references are followed to what they mean."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    schema = entity_kinds()
    rows = {e["name"]: db.execute(f"SELECT * FROM {e['table'].lower()}").fetchall() for e in schema}
    by_id = {row["id"]: (e["name"], row) for e in schema for row in rows[e["name"]]}
    assert len(by_id) == sum(map(len, rows.values()))
    skip = set() if keep_stamps else {"id", "create_id", "create_time", "mod_id", "mod_time", "rev"}
    foreign = {e["name"]: {one["column"].lower() for one in e["one"]} for e in schema}
    parts = {
        e["name"]: [
            (many["target"], next(o["column"].lower() for t in schema if t["name"] == many["target"] for o in t["one"] if o["name"] == many["mappedBy"]))
            for many in e["many"] if many["target"].startswith(e["name"])
        ]
        for e in schema if not e["unique"]
    }

    def digest_row(row, kind, seen=()):
        values = []
        for column in row.keys():
            if column in skip:
                continue
            value = row[column]
            if column in foreign[kind] and value is not None and not keep_stamps:
                target, target_row = by_id[value]
                value = "owner" if value in seen else digest_row(target_row, target, seen + (row["id"],))
            values.append((column, value))
        # Kinds without a key are told apart by their parts.
        for target, column in [] if keep_stamps else parts.get(kind, []):
            below = [r for r in rows[target] if r[column] == row["id"]]
            values.append((target, sorted(digest_row(r, target, seen + (row["id"],)) for r in below)))
        return hashlib.sha256(repr(values).encode()).hexdigest()

    return {kind: sorted(digest_row(row, kind) for row in rows[kind]) for kind in rows}


def count_rows(suite, session):
    return {e["name"]: suite.search(session, f"SELECT COUNT(e) FROM {e['name']} e")[0] for e in entity_kinds()}


def main():
    references = dict(parse_summary(path) for path in SUMMARIES)
    assert len(references) == 7 and all(len(c) == 53 for c in references.values())
    with Suite() as suite:
        text = DUMP.read_text()
        created = 0
        for user, left_out in [("simple/root", JBOTUS + RBECKS + NBOURS), ("db/jbotu", RBECKS + NBOURS), ("db/rbeck", NBOURS)]:
            part = suite.dir / "part.yaml"
            part.write_text(remove_entries(text, left_out))
            created += suite.json("icat", "import", part, "--as", user)["created"]
        last = suite.json("icat", "import", DUMP, "--as", "db/nbour")
        created += last["created"]
        total = sum(references["simple/root"].values())
        print(f"imported {created} rows")
        assert created == total and not last["conflicts"]
        others = ["simple/dataingest", "simple/idsreader", "simple/pubreader", "simple/useroffice"]
        for user in [*references, *others]:
            suite.add_user(user)

        database = suite.dir / "databases/icat.db"
        before = digest_rows(database, keep_stamps=True)
        again = suite.json("icat", "import", DUMP)
        assert (again["created"], again["unchanged"], again["conflicts"]) == (0, total, []), again
        assert digest_rows(database, keep_stamps=True) == before, "a second import changed a row"
        dry = suite.json("icat", "import", DUMP, "--dry-run")
        assert dry["unchanged"] == total

        suite.start()
        sessions = {user: suite.login(user) for user in references}
        for user, reference in references.items():
            seen = count_rows(suite, sessions[user])
            wrong = {k: (seen[k], reference[k]) for k in reference if seen[k] != reference[k]}
            assert not wrong, f"{user} sees other counts (ours, reference): {wrong}"
        print(f"{len(references)} users x 53 kinds: all counts equal the distribution's own")
        sessions.update({user: suite.login(user) for user in others})
        rules_have_effect(suite, sessions)

    with Suite() as yaml, Suite() as xml:
        yaml.run("icat", "import", DUMP)
        xml.run("icat", "import", XML)
        a, b = (digest_rows(s.dir / "databases/icat.db") for s in (yaml, xml))
        assert a == b, {kind for kind in a if a[kind] != b[kind]}
        control = sqlite3.connect(xml.dir / "databases/icat.db")
        control.execute("UPDATE user_ SET fullname = 'x' WHERE name = 'db/jdoe'")
        control.commit()
        assert digest_rows(xml.dir / "databases/icat.db") != a, "the digest sees no difference"
        print(f"YAML and XML give the same {sum(map(len, a.values()))} rows")


def rules_have_effect(suite, sessions):
    """Without a READ rule somebody of these users sees less, unless another rule grants the same."""
    root = sessions["simple/root"]
    users = {user: session for user, session in sessions.items() if user != "simple/root"}
    rules = suite.search(root, "SELECT r FROM Rule r WHERE r.crudFlags LIKE '%R%' INCLUDE r.grouping")
    full = {user: count_rows(suite, session) for user, session in users.items()}
    without = []
    effective = 0
    for rule in (r["Rule"] for r in rules):
        about = re.match(r"(?:SELECT \w+ FROM )?(\w+)", rule["what"]).group(1)
        entities = json.dumps({"Rule": {"id": rule["id"]}})
        status, _, body = suite.request("DELETE", "/icat/entityManager", {"sessionId": root, "entities": entities})
        assert status == 204, body
        query = f"SELECT COUNT(e) FROM {about} e"
        changed = any(suite.search(s, query)[0] != full[user][about] for user, s in users.items())
        effective += changed
        if not changed:
            without.append((rule.get("grouping", {}).get("name", "everybody"), rule["what"]))
        again = {"crudFlags": rule["crudFlags"], "what": rule["what"]}
        if "grouping" in rule:
            again["grouping"] = {"id": rule["grouping"]["id"]}
        form = {"sessionId": root, "entities": json.dumps({"Rule": again})}
        status, _, body = suite.request("POST", "/icat/entityManager", form=form)
        assert status == 200, body
    assert {user: count_rows(suite, session) for user, session in users.items()} == full
    expected = json.loads(Path(__file__).with_name("rules_without_effect.json").read_text())
    found = sorted(map(list, without))
    assert found == sorted(expected), json.dumps(found, indent=1)
    print(f"{effective} of {len(rules)} READ rules change a count when they are removed; the {len(without)} others are known")


if __name__ == "__main__":
    main()
