#!/usr/bin/env python3
"""`undulator setup` from the example of the docs: what it makes, that a second run changes nothing, what a change adds, and
what is refused; then who sees what in the new facility under strict settings, with the queries of portals, and how grants
change the answers of a running server.

    tests/interop/suite/test_facility_setup.py
"""

import hashlib
import json
import re
import signal
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

import portal_queries as ask
from suite import ROOT, Suite, wait_until

PASSWORD = "zumkaltenstrahlrohr"


def file_mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def read_contents(directory):
    """What a second run must not change: the files that it wrote, and the numbers of rows elsewhere."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file() and "data" not in path.parts}


def expect_refusal(suite, code, text, *arguments):
    done = suite.run(*arguments, check=False)
    assert done.returncode == code and text in done.stderr, (arguments, done.returncode, done.stderr)


def set_up(suite):
    file = suite.dir / "facility.toml"
    sample = (ROOT / "docs" / "facility.toml").read_text()
    file.write_text(sample.replace("# password_file", "password_file"))
    (suite.dir / "administrator-password").write_text(PASSWORD + "\n")
    before = sorted(suite.dir.rglob("*"))
    dry = suite.json("setup", "--file", file, "--dry-run")
    assert sorted(suite.dir.rglob("*")) == before, "a dry run has left something"
    made = suite.json("setup", "--file", file)
    rows = lambda report: sorted(report["catalogue"]["created"])  # noqa: E731
    assert rows(dry) == rows(made) and dry["dry_run"] and not made["dry_run"]
    (key,) = made["api_keys"]
    assert key["instrument"] == "ID29" and re.fullmatch("[0-9a-f]{48}", key["key"]), key

    settings = (suite.dir / "undulator.toml").read_text()
    assert hashlib.sha256(key["key"].encode()).hexdigest() in settings
    kept = read_contents(suite.dir)
    assert not any(key["key"].encode() in bytes for bytes in kept.values()), "the key itself is stored"
    assert file_mode(suite.dir / "secrets") == 0o700 and file_mode(suite.dir / "data") == 0o700
    assert file_mode(suite.dir / "secrets" / "icat-reader") == 0o600
    assert not (suite.dir / "secrets" / "administrator").exists(), "its password was given"

    again = suite.run("setup", "--file", file)
    assert "nothing to do" in again.stdout and "API keys" not in again.stdout, again.stdout
    assert read_contents(suite.dir) == kept
    assert "Next:" not in again.stdout, again.stdout
    print(f"made: {len(made['done'])} files and accounts, {len(rows(made))} rows, 1 key; a second run changed nothing")
    return file, key["key"]


def serve_fresh(suite):
    """A facility in which nothing has happened yet is in order: nobody is told that something cannot be seen."""
    done = suite.run("doctor")
    assert done.stdout.startswith("ok ") and f"settings file {suite.dir.resolve()}/undulator.toml" in done.stdout.splitlines()[0], done.stdout
    assert f"no server answers at {suite.url}; start it with `undulator serve`" in done.stdout, done.stdout
    suite.start()
    findings = suite.json("doctor")
    (reader,) = [found for found in findings if found["what"] == "reader account"]
    assert reader["level"] == "ok" and "the catalogue has no row of Investigation" in reader["says"], reader
    assert all(found["level"] == "ok" for found in findings), findings
    suite.kill(signal.SIGTERM)
    log = suite.log.read_text()
    assert " WARN " not in log and " ERROR " not in log, log
    print("a facility without data is served without a complaint")


def check_changed_answers(suite, file):
    text = file.read_text()
    file.write_text(text + '\n[[instruments]]\nname = "ID31"\n')
    added = suite.json("setup", "--file", file)
    assert added["catalogue"]["created"] == ["Instrument ID31"], added
    assert [key["instrument"] for key in added["api_keys"]] == ["ID31"]

    file.write_text(text.replace('"ID29 Crystallography"', '"Other"') + '\n[[instruments]]\nname = "ID32"\napi_key = false\n')
    done = suite.run("--json", "setup", "--file", file, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and "Instrument ID29: fullName" in done.stderr, done.stderr
    assert report["catalogue"]["created"] == ["Instrument ID32"] and len(report["catalogue"]["conflicts"]) == 1, report

    file.write_text(text.replace("full_name =", "fullname =", 1))
    expect_refusal(suite, 2, "unknown key `facility.fullname`; did you mean `full_name`?", "setup", "--file", file)
    file.write_text(text.replace('storage = "files"', 'storage = "."'))
    expect_refusal(suite, 2, "must not lie within each other", "setup", "--file", file)
    expect_refusal(suite, 2, "--file FILE", "setup")
    expect_refusal(suite, 2, "cannot read", "setup", "--file", "nowhere.toml")
    file.write_text(text)
    suite.run("setup", "--file", file)


def create_investigations(suite):
    """Three investigations with files: of alice, of bob and released, and of a group."""
    add = lambda *arguments: suite.run("icat", "investigation", "add", *arguments)  # noqa: E731
    add("MX-1", "--type", "proposal", "--instrument", "ID29", "--pi", "db/alice", "--start", "2026-01-12")
    add("MX-2", "--type", "proposal", "--instrument", "ID30", "--pi", "db/bob", "--release", "2020-01-01", "--title", "Open")
    add("MX-3", "--type", "in-house", "--visit", "a")
    for name in ("MX-1", "MX-2", "MX-3"):
        (suite.dir / "files" / name / "scan").mkdir(parents=True)
        (suite.dir / "files" / name / "scan" / "counts.txt").write_text(f"counts of {name}\n")
        suite.run("icat", "ingest", f"files/{name}", "--investigation", name)
    expect_refusal(suite, 2, "--type: proposal, in-house", "icat", "investigation", "add", "MX-4")
    expect_refusal(suite, 2, "ID29", "icat", "investigation", "add", "MX-4", "--type", "proposal", "--instrument", "ID92")
    expect_refusal(suite, 2, "investigation add MX-9", "icat", "grant", "db/alice", "MX-9")
    expect_refusal(suite, 2, "db/alice", "icat", "grant", "alice", "MX-1")
    expect_refusal(suite, 1, "title is `MX-1`", "icat", "investigation", "add", "MX-1", "--title", "Another")
    assert suite.json("icat", "investigation", "add", "MX-1", "--type", "proposal")["created"] == []
    for account in ("db/alice", "db/bob", "db/carol", "db/dan", "db/erin"):
        suite.add_user(account)
    suite.passwords["simple/root"] = PASSWORD
    mechanism, name, password = (suite.dir / "secrets" / "icat-reader").read_text().strip().split(":")
    suite.passwords[f"{mechanism}/{name}"] = password


def write_entry(suite, session, *entities):
    status, _, body = suite.request("POST", "/icat/entityManager", form={"sessionId": session, "entities": json.dumps(list(entities))})
    assert status == 200, (entities, body)
    return json.loads(body)


def make_group(suite, root):
    """erin is in a group of MX-3."""
    (group,) = write_entry(suite, root, {"Grouping": {"name": "in-house"}})
    (erin,) = write_entry(suite, root, {"User": {"name": "db/erin"}})
    (mx3,) = suite.search(root, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-3'")
    write_entry(suite, root, {"UserGroup": {"grouping": {"id": group}, "user": {"id": erin}}})
    write_entry(suite, root, {"InvestigationGroup": {"grouping": {"id": group}, "investigation": {"id": mx3}, "role": "Team"}})


def allow_anonymous_login(suite):
    status, _, body = suite.request("POST", "/icat/session", form={"json": json.dumps({"plugin": "anon"})})
    assert status == 200, body
    return json.loads(body)["sessionId"]


def check_what_users_see(suite):
    """What each sees, under the strict settings that setup has written."""
    root = suite.login("simple/root")
    make_group(suite, root)
    seen = {"alice": ["MX-1", "MX-2"], "bob": ["MX-2"], "carol": ["MX-1", "MX-2"], "dan": ["MX-2"], "erin": ["MX-2", "MX-3"]}
    mine = {"alice": ["MX-1"], "bob": ["MX-2"]}
    sessions = {name: suite.login(f"db/{name}") for name in seen}
    sessions["anonymous"], seen["anonymous"] = allow_anonymous_login(suite), ["MX-2"]
    for name, session in sessions.items():
        say = lambda query, *arguments: suite.search(session, query.format(*arguments))  # noqa: E731
        assert ask.sort_names(say(ask.ALL)) == seen[name], (name, say(ask.ALL))
        for query in (ask.MINE, ask.MINE_CLASSIC):
            assert ask.sort_names(say(query)) == mine.get(name, []), (name, query)
        assert ask.sort_names(say(ask.ON_MY_INSTRUMENTS)) == (["MX-1"] if name == "carol" else []), name
        for investigation in ("MX-1", "MX-2", "MX-3"):
            expected = ["scan"] if investigation in seen[name] else []
            assert ask.sort_names(say(ask.DATASETS, investigation)) == expected, (name, investigation)
            assert say(ask.FILES, investigation) == [len(expected)], (name, investigation)
            assert any(say(ask.SIZE, investigation)) == bool(expected), (name, investigation)
        team = {"alice": ["db/alice"], "carol": ["db/alice"]}
        assert say(ask.TEAM, "MX-1") == team.get(name, []), name
        assert say(ask.CONTACTS, "MX-1") == (["db/carol"] if name in ("alice", "carol") else []), name
        assert say(ask.TEAM, "MX-2") == (["db/bob"] if name == "bob" else []), "no outsider sees who took part"
        assert say(ask.AM_I_SCIENTIST, "ID29") == (["db/carol"] if name == "carol" else []), name
        assert say(ask.MY_GROUPS) == (["in-house"] if name == "erin" else []), name
        for table in ask.LISTS:
            assert say(table), (name, table)
        assert say("Rule") == [] and say("PublicStep") == [], name
        status, _, body = suite.request("POST", "/icat/entityManager", form={"sessionId": session, "entities": '[{"User":{"name":"x"}}]'})
        assert status == 403, (name, body)
    # Who takes part is shown with the investigation to those who may see it.
    (row,) = [row["Investigation"] for row in suite.search(sessions["alice"], ask.ALL) if row["Investigation"]["name"] == "MX-1"]
    assert row["investigationUsers"][0]["user"]["name"] == "db/alice" and row["investigationInstruments"][0]["instrument"]["name"] == "ID29"
    (row,) = [row["Investigation"] for row in suite.search(sessions["dan"], ask.ALL)]
    assert row["investigationUsers"] == [] and row["type"]["name"] == "proposal", row
    # The reader account reads what services ask for, and writes nothing.
    reader = suite.login("simple/reader")
    assert ask.sort_names(suite.search(reader, "Investigation")) == ["MX-1", "MX-2", "MX-3"]
    assert len(suite.search(reader, "InvestigationUser")) == 2 and suite.search(reader, "Rule") == []
    print(f"{len(sessions)} users see what they may with the queries of portals")
    return sessions


def download_data(suite, session, investigation):
    (file,) = suite.search(root_of(suite), f"SELECT f.id FROM Datafile f WHERE f.dataset.investigation.name = '{investigation}'")
    return suite.request("GET", "/ids/getData", {"sessionId": session, "datafileIds": file})[0]


def check_upload(suite):
    """A new facility has a format that an upload can name."""
    root = root_of(suite)
    (file_format,) = suite.search(root, "SELECT f.id FROM DatafileFormat f WHERE f.name = 'unknown' AND f.version = '1'")
    (dataset,) = suite.search(root, "SELECT d.id FROM Dataset d WHERE d.investigation.name = 'MX-1'")
    query = {"sessionId": root, "datasetId": dataset, "datafileFormatId": file_format, "name": "uploaded.txt"}
    status, _, body = suite.request("PUT", "/ids/put", query, data=b"1 2 3", headers={"Content-Type": "application/octet-stream"})
    assert status == 201, body


def root_of(suite):
    return suite.login("simple/root")


def check_grants(suite, dan):
    """The running server answers by new memberships at once."""
    assert download_data(suite, dan, "MX-1") == 403
    assert suite.json("icat", "grant", "db/dan", "MX-1")["created"] == ["User db/dan", "InvestigationUser db/dan (Member)"]
    assert ask.sort_names(suite.search(dan, ask.MINE)) == ["MX-1"] and download_data(suite, dan, "MX-1") == 200
    assert "nothing to do" in suite.run("icat", "grant", "db/dan", "MX-1").stdout
    assert suite.json("icat", "revoke", "db/dan", "MX-1")["removed"] == ["InvestigationUser db/dan of MX-1 (Member)"]
    assert suite.search(dan, ask.MINE) == [] and download_data(suite, dan, "MX-1") == 403
    assert "nothing to do" in suite.run("icat", "revoke", "db/dan", "MX-1").stdout
    assert suite.json("icat", "instrument", "add", "ID30", "--scientist", "db/dan")["created"] == ["InstrumentScientist db/dan"]
    assert ask.sort_names(suite.search(dan, ask.ON_MY_INSTRUMENTS)) == ["MX-2"]
    suite.run("icat", "grant", "db/dan", "MX-3", "--visit", "a", "--role", "Principal Investigator")
    assert ask.sort_names(suite.search(dan, ask.MINE)) == ["MX-3"]
    print("grants and revocations change the answers of a running server")


def check_logbook(suite, key, sessions):
    """A program writes with the key of its instrument; members read it, outsiders do not."""
    entry = {"type": "notification", "category": "info", "content": [{"format": "plainText", "text": "Beam is back"}]}
    place = {"investigationName": "MX-1", "instrumentName": "ID29"}
    status, _, body = suite.request("POST", f"/dataacquisition/{key}/notification", place, body=entry)
    assert status == 200, body
    (mx1,) = suite.search(sessions["alice"], "SELECT i.id FROM Investigation i WHERE i.name = 'MX-1'")
    count = lambda name: suite.request("GET", f"/logbook/{sessions[name]}/event/count", {"investigationId": mx1})  # noqa: E731
    wait_until("alice reads the entry", lambda: count("alice")[::2] == (200, b"1"))
    assert count("carol")[0] == 200 and count("bob")[0] == 403, count("bob")


def main():
    with Suite() as suite:
        for name in ("DATA_DIR", "STORAGE__MAIN__URL"):
            del suite.env[f"UNDULATOR_{name}"]
        suite.files.rmdir()
        # Uploads and deletions are for storages that say so.
        suite.env["UNDULATOR_STORAGE__MAIN__READ_ONLY"] = "false"
        file, key = set_up(suite)
        serve_fresh(suite)
        check_changed_answers(suite, file)
        create_investigations(suite)
        suite.start()
        sessions = check_what_users_see(suite)
        check_grants(suite, sessions["dan"])
        check_logbook(suite, key, sessions)
        check_upload(suite)
        print("passed")


if __name__ == "__main__":
    main()
