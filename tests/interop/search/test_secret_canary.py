#!/usr/bin/env python3
"""Unguessable texts stand in all rows of investigations that a caller may not read: names, descriptions, locations, parameters,
samples, people. Random requests to all operations never show one of them, and are answered in the same way whether they
contain such a text or one that stands nowhere; owners do see the difference. Neither session ids nor texts of queries or of
rows stand in the log, in traces or in metrics.

    tests/interop/search/test_secret_canary.py [--requests N] [--seed N]
"""

# seconds: 80
# long: --requests 20000

import argparse
import base64
import collections
import difflib
import http.server
import json
import random
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from canary_requests import TARGETS, draw_request, exchange_text
from rights_facility import ACCESS, FIELDS, PLACES, VISIBLE, RightsFacility
from search_operations import Somebody
from secret_places import SHOW_SECRETS, Collector, find_secret, list_spellings, require_found, serve_in_background

CALLERS = ["dan", "alice", "bob", "carl"]
# Of short requests for the command line.
FINDS = [
    ["--text", "lysozyme"], ["--text", "TEXT"], ["--text", "TEXT*"], ["--where", "dataset.name=TEXT"], ["--param", "mode:=TEXT"], ["data/TEXT"],
    ["data/**"], ["--text", "TEXT AND"], ["--where", "TEXT=x"], ["--after", "TEXT"],
]  # fmt: skip


# What is refused with a text that repeats it, for users: on the page, and for programs.
# JSON in Base64.
CURSOR = re.compile("eyJ[A-Za-z0-9_-]{60,}")
MISTAKES = [{"q": "TEXT AND"}, {"q": "TEXT:x"}, {"f": "TEXT:x"}, {"from": "TEXT"}, {"cursor": "TEXT"}, {"dir": "TEXT/\0"}, {"q": "[TEXT TO"}]


class Hidden:
    """The texts that a caller must not see."""

    def __init__(self, facility, name):
        self.who = Somebody(facility, facility.login(f"simple/{name}"), f"simple/{name}")
        visible = {place: VISIBLE[cell] for place, cell in ACCESS[name].items()}
        self.texts = {(place, field): facility.texts[place][field] for place in PLACES for field in sorted(FIELDS - visible[place])}
        # A cursor has them in Base64.
        self.spellings = {spelling.decode(): key for key, text in self.texts.items() for spelling in list_spellings(text)}

    def find_in(self, content):
        return sorted({key for spelling, key in self.spellings.items() if spelling in content})


def remove_marks(answer):
    """The answer with its cursors spelled out, without the hash by which each belongs to the text that was searched for."""
    def spell_out(match):
        try:
            cursor = json.loads(base64.urlsafe_b64decode(match[0] + "=" * (-len(match[0]) % 4)))
        except ValueError:
            return match[0]
        assert len(cursor.pop("mark")) == 32, cursor
        return json.dumps(cursor)

    return CURSOR.sub(spell_out, answer)


def render_difference(before, after):
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), "of a text that stands nowhere", "of a hidden text", n=1))[:5000]


def check_requests(facility, count, chance):
    """Numbers of requests by kind: sent, that root's answer shows hidden texts to, and that root's answer tells apart."""
    root = Somebody(facility, facility.root)
    callers = {name: Hidden(facility, name) for name in CALLERS}
    sent, shown, told, typed = collections.Counter(), collections.Counter(), collections.Counter(), []
    for _ in range(count):
        name = chance.choice(CALLERS)
        hidden = callers[name]
        key, text = chance.choice([*hidden.texts.items()])
        absent = facility.draw_value(key[1])
        make = draw_request(chance, key[1])
        typed.append(absent)
        requests = make(absent), make(text)
        status, without = requests[0].send_as(hidden.who)
        assert status < 500, (name, requests[0], status, without)
        assert not hidden.find_in(without.lower()), f"{name} sees {hidden.find_in(without.lower())}: {requests[0]}\n{without[:3000]}"
        other_status, found = requests[1].send_as(hidden.who)
        without, found = remove_marks(without), remove_marks(found)
        before, after = exchange_text(f"{status}\n{without}", absent, text), exchange_text(f"{other_status}\n{found}", text, text)
        assert before == after, f"{name} is told that {key} exists: {requests[1]}\n{render_difference(before, after)}"
        kind = requests[0].kind
        sent[kind] += 1
        _, controls = requests[0].send_as(root)
        shown[kind] += bool(hidden.find_in(controls.lower()))
        _, control = requests[1].send_as(root)
        controls, control = remove_marks(controls), remove_marks(control)
        told[kind] += exchange_text(controls, absent, text) != exchange_text(control, text, text)
    return sent, shown, told, typed, callers


def check_that_owners_see_texts(facility):
    """The control: there is none that the searches cannot show."""
    root, seen = Somebody(facility, facility.root), set()
    for target in TARGETS:
        for answer in (root.search(target), root.icat_search(target)):
            seen |= {key for view in answer.views for key in facility.find_texts(view.content)}
    seen |= {key for view in root.icat_facets().views for key in facility.find_texts(view.content)}
    missing = {(place, field) for place in PLACES for field in FIELDS - {"file.content"}} - seen
    assert not missing, f"root does not see {sorted(missing)}"


def send_mistakes(facility, who):
    """Requests that are refused; the texts that stand in them."""
    typed, refused = [], 0
    for mistake in MISTAKES:
        for target in TARGETS:
            text = facility.draw_text()
            typed.append(text)
            query = {name: value.replace("TEXT", text) for name, value in mistake.items()}
            status, _ = who.send("GET", "/search/app", {"in": target, **query})
            body = {"text": query.get("q"), "from": query.get("from"), "cursor": query.get("cursor"), "facets": [{"field": text}] if "f" in query else []}
            other, _ = who.send("POST", f"/search/v1/{target}", body=body)
            icat, _ = who.send("GET", "/icat/search/documents", {"query": json.dumps({"target": TARGETS[target], "text": query.get("q", ""), "lower": text})})
            refused += [status, other, icat].count(400)
    assert refused > len(typed), f"{refused} of {3 * len(typed)} requests were refused"
    return typed


def check_command_line(facility, callers, chance):
    """`undulator find --json`; the owner's output is the control."""
    finds = shown = 0
    for name, hidden in callers.items():
        place = next(place for place, cell in ACCESS[name].items() if cell == "-")
        for arguments in chance.sample(FINDS, 5):
            field = chance.choice(["dataset.name", "file.description", "file.directory", "file.parameter"])
            target = "datafiles" if arguments[0].startswith("data/") else chance.choice([*TARGETS])
            outputs = []
            texts = facility.draw_value(field), facility.texts[place][field]
            for text in texts:
                options = [argument.replace("TEXT", text) for argument in arguments]
                command = ["--json", "find", "--url", facility.url, "--target", target, "--all", *options]
                facility.env["ICAT_SESSION_ID"] = hidden.who.credential
                done = facility.run(*command, check=False)
                outputs.append((done.returncode, exchange_text(done.stdout + done.stderr, text, texts[1])))
                facility.env["ICAT_SESSION_ID"] = facility.root
                shown += bool(hidden.find_in(facility.run(*command, check=False).stdout.lower()))
                finds += 1
            assert outputs[0] == outputs[1], (name, options, outputs)
            assert "TEXT" in "".join(arguments) or not hidden.find_in(outputs[0][1]), (name, options, outputs)
    del facility.env["ICAT_SESSION_ID"]
    assert shown, f"root sees hidden texts in none of {finds} outputs"
    return finds, shown


def read_places(facility, since=0):
    """What a server has logged, traced and counted."""
    status, _, metrics = facility.request("GET", "/metrics", internal=True)
    assert status == 200
    facility.kill(signal.SIGTERM)
    return {"log": facility.log.read_bytes()[since:], "traces": Collector.received, "metrics": metrics}


def check_places(facility, typed, callers):
    """Neither in the log at its most talkative, nor in traces and metrics."""
    places = read_places(facility)
    secrets = {f"session {number} of {name}": hidden.who.credential for number, (name, hidden) in enumerate(callers)} | {"session of root": facility.root}
    secrets |= {f"key {name}": key for name, key in facility.keys.items()}
    secrets |= {f"text {number} of a query": text for number, text in enumerate(typed)}
    secrets |= {f"{place} {field}": text for place, texts in facility.texts.items() for field, text in texts.items()}
    found = {name: where for name, secret in secrets.items() if (where := find_secret(secret, places))}
    # Which lines they are, if any.
    lines = [line for name in found for line in places["log"].splitlines() if any(spelling in line for spelling in list_spellings(secrets[name]))]
    lines = b"\n".join(line[:1000] for line in lines[:10]).decode(errors="replace")
    assert not found, f"{len(found)} of {len(secrets)} secrets are found: {list(found.items())[:20]}\n{lines}"
    return len(secrets), sum(map(len, places.values()))


def check_that_secrets_are_found(facility):
    """The control: the same program without redaction."""
    since, Collector.received = len(facility.log.read_bytes()), bytearray()
    facility.env |= SHOW_SECRETS
    facility.start()
    session = facility.login("simple/dan")
    for path in ("/search/v1/datafiles", f"/icat/session/{session}"):
        facility.request("POST" if "v1" in path else "GET", path, headers={"Authorization": f"Bearer {session}"}, body={"text": "lysozyme"} if "v1" in path else None)
    require_found("session", session, read_places(facility, since), ["log", "traces", "metrics"])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=150)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    chance = random.Random(options.seed)
    with RightsFacility(options.seed) as facility:
        started = time.monotonic()
        check_that_owners_see_texts(facility)
        sent, shown, told, typed, callers = check_requests(facility, options.requests, chance)
        print(f"{sent.total()} random requests of {len(sent)} kinds in {time.monotonic() - started:.0f} s, each with a hidden text and with one that stands")
        print(f"nowhere: no difference; root's answers show hidden texts to {shown.total()} and tell {told.total()} apart", flush=True)
        assert min(shown.total(), told.total()) > sent.total() / 10, (shown, told)
        print("never told apart by root: " + ", ".join(sorted(kind for kind in sent if not told[kind])))
        finds, shown = check_command_line(facility, callers, chance)
        print(f"{finds} commands `undulator find`: no difference; root's output shows hidden texts in {shown}", flush=True)
        facility.kill(signal.SIGTERM)
        # The more is logged, the slower are the requests.
        facility.env |= {"UNDULATOR_LOG__LEVEL": "trace", "UNDULATOR_LOG__FORMAT": "json", "OTEL_BSP_SCHEDULE_DELAY": "50"}
        collector = serve_in_background(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)).server_address[1]
        facility.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{collector}"
        facility.start()
        facility.root = facility.login("simple/root")
        sent, _, _, more, logged = check_requests(facility, min(200, max(40, options.requests // 20)), chance)
        more += send_mistakes(facility, logged["dan"].who)
        secrets, size = check_places(facility, typed[-200:] + more, [*callers.items(), *logged.items()])
        check_that_secrets_are_found(facility)
        print(f"{secrets} session ids, keys, texts of queries and of rows are nowhere in {size} bytes of log, traces and metrics")


if __name__ == "__main__":
    main()
