#!/usr/bin/env python3
"""The README's "Your own data" as a newcomer follows it, word for word on a terminal: an empty directory, `undulator setup`,
data, a member, the server, a download; then docs/src/first-steps.md in the same directory. Then what a portal and a beamline
would do, and that an outsider sees nothing.

    tests/interop/suite/test_first_steps.py
"""

import os
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

import portal_queries as ask
from suite import PROGRAM, ROOT, Suite, wait_until
from terminal import Terminal

PASSWORD = "zumkaltenstrahlrohr"


def read_blocks():
    """The commands of the README, a script for each terminal."""
    section = re.search(r"^## Your own data$(.*?)^## ", (ROOT / "README.md").read_text(), re.M | re.S).group(1)
    steps = re.search(r"<!-- steps:begin -->(.*?)<!-- steps:end -->", section, re.S).group(1)
    return re.findall(r"^```sh$\n(.*?)^```$", steps, re.M | re.S)


def read_sections(*headings):
    """The commands of sections of docs/src/first-steps.md."""
    page = (ROOT / "docs" / "src" / "first-steps.md").read_text()
    found = [re.search(rf"^## {heading}$.*?^```sh$\n(.*?)^```$", page, re.M | re.S).group(1) for heading in headings]
    return "".join(found)


def open_shell(suite, commands):
    """A terminal in which bash runs the commands one after the other."""
    script = commands.replace("127.0.0.1:8080", f"127.0.0.1:{suite.public}")
    env = {**suite.env, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    return Terminal(["bash", "-euo", "pipefail", "-c", script], suite.dir, env)


def set_up(terminal):
    """Enter for every question; the key that it prints."""
    for question in ("Short name", "full name", "data files", "Instruments", "investigations", "datasets", "administrator"):
        terminal.answer(question)
    terminal.answer_secretly("Password of simple/root")
    terminal.expect("shown only now")
    terminal.expect("Next:")
    return re.search(r"^ *ID01 +([0-9a-f]{48}) ", terminal.printed, re.M).group(1)


def type_password(terminal, account):
    terminal.answer_secretly(f"Password of {account}", PASSWORD)
    terminal.answer_secretly(f"Password of {account} again", PASSWORD)


def follow_the_page(suite, key):
    """What the page adds to the facility of the README."""
    commands = read_sections("Investigations and data", "People", "Programs of an instrument")
    terminal = open_shell(suite, f"KEY={key}\n{commands}")
    type_password(terminal, "db/bob")
    assert terminal.end() == 0, terminal.printed
    assert "no account db/carol" in terminal.printed, terminal.printed
    assert "db/bob is a member of MX-2 already, as Member; the role Principal Investigator was added" in terminal.printed
    assert '"Beam is back"' in terminal.printed, terminal.printed
    shown = suite.json("icat", "investigation", "show", "MX-2")
    members = [(member["user"], member["role"]) for member in shown["members"]]
    assert shown["release"] == "2029-01-12", shown
    assert members == [("db/bob", "Principal Investigator"), ("db/carol", "Principal Investigator")], members
    assert [(dataset["name"], dataset["file_count"]) for dataset in shown["datasets"]] == [("scan-001", 1)], shown


def look_like_a_portal(suite):
    suite.passwords["db/alice"] = PASSWORD
    suite.passwords["simple/root"] = (suite.dir / "secrets" / "administrator").read_text().strip()
    alice = suite.login("db/alice")
    for query in (ask.MINE, ask.MINE_CLASSIC, ask.ALL):
        assert ask.sort_names(suite.search(alice, query)) == ["MX-1"], query
    assert suite.search(alice, ask.FILES.format("MX-1")) == [1]
    assert suite.search(alice, ask.TEAM.format("MX-1")) == ["db/alice"]
    names = suite.search(suite.login("simple/root"), "SELECT u.name, u.fullName FROM User u WHERE u.name = 'db/alice'")
    assert names == [["db/alice", "Alice Larsen"]], names
    suite.add_user("db/dan")
    dan = suite.login("db/dan")
    for query in (ask.MINE, ask.MINE_CLASSIC, ask.ALL):
        assert suite.search(dan, query) == [], query
    assert ask.sort_names(suite.search(suite.login("simple/root"), "Instrument")) == ["ID01"]
    return alice, dan


def write_as_the_beamline(suite, key, alice, dan):
    entry = {"type": "notification", "category": "info", "content": [{"format": "plainText", "text": "Beam is back"}]}
    place = {"investigationName": "MX-1", "instrumentName": "ID01"}
    status, _, body = suite.request("POST", f"/dataacquisition/{key}/notification", place, body=entry)
    assert status == 200, body
    (mx1,) = suite.search(alice, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-1'")
    count = lambda session: suite.request("GET", f"/logbook/{session}/event/count", {"investigationId": mx1})  # noqa: E731
    wait_until("alice reads the entry", lambda: count(alice)[::2] == (200, b"1"))
    assert count(dan)[0] == 403, count(dan)


def answer_all(terminal, **answers):
    for question in ("Short name", "full name", "data files", "Instruments", "investigations", "datasets", "administrator"):
        terminal.answer(question, answers.get(question.replace(" ", "_"), ""))


def refused_answers_are_not_kept(suite):
    kept = (suite.dir / "facility.toml").read_text()
    other = Terminal([PROGRAM, "setup"], suite.dir, suite.env)
    answer_all(other, Short_name="MOON")
    other.expect("the facility of this catalogue is LAB, not MOON")
    assert other.end() == 1, other.printed
    assert (suite.dir / "facility.toml").read_text() == kept
    empty = suite.dir / "empty"
    empty.mkdir()
    refused = Terminal([PROGRAM, "setup"], empty, suite.env)
    answer_all(refused, data_files="data")
    refused.expect("must not lie within each other")
    assert refused.end() == 2, refused.printed
    assert not list(empty.iterdir()), "it has left something"


def main():
    with Suite() as suite:
        for name in ("DATA_DIR", "STORAGE__MAIN__URL"):
            del suite.env[f"UNDULATOR_{name}"]
        suite.files.rmdir()
        assert not list(suite.dir.iterdir()), "a newcomer begins in an empty directory"
        first, second = read_blocks()
        lines = sum(not line.startswith("  ") for block in (first, second) for line in block.splitlines())
        assert lines <= 10, f"{lines} lines are more than ten"
        server = open_shell(suite, first)
        try:
            key = set_up(server)
            type_password(server, "db/alice")
            server.expect("listening")
            client = open_shell(suite, second)
            client.answer_secretly("Password", PASSWORD)
            client.expect('"MX-1"')
            client.answer_secretly("Password of db/alice", PASSWORD)
            assert client.end() == 0, client.printed
            got = [path.relative_to(suite.dir / "alice") for path in (suite.dir / "alice").rglob("counts.txt")]
            assert len(got) == 1, got
            shutil.copy(suite.dir / "alice" / got[0], suite.dir / "got")
            assert (suite.dir / "got").read_bytes() == (suite.dir / "files/MX-1/scan-001/counts.txt").read_bytes()
            alice, dan = look_like_a_portal(suite)
            write_as_the_beamline(suite, key, alice, dan)
            follow_the_page(suite, key)
            assert server.stop() == 0, server.printed
        finally:
            server.kill()
        again = Terminal([PROGRAM, "setup"], suite.dir, suite.env)
        answer_all(again)
        again.expect("nothing to do")
        assert again.end() == 0, again.printed
        refused_answers_are_not_kept(suite)
        print(f"{lines} lines of the README, from an empty directory to a download; portal, outsider and beamline as they should")


if __name__ == "__main__":
    main()
