#!/usr/bin/env python3
"""The authenticator plugins as an icat.server calls them: descriptions byte by byte, forms in UTF-8 and ISO-8859-1, credentials
in every shape, refusals that an icat.server can read, and nothing of it on the public listener.

    tests/interop/auth/test_plugin_protocol.py
"""

# seconds: 8

import json
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import AuthFacility
from plugin_client import authenticate, post_form, require_refusal

PASSWORD_KEYS = b'{"keys":[{"name":"username"},{"name":"password","hide":true}]}'
DESCRIPTIONS = {"anon": b'{"keys":[]}', "simple": PASSWORD_KEYS, "db": PASSWORD_KEYS}
ALICE = {"username": "alice", "mechanism": "simple"}
ACCENTED = "pässwörd-for-josé"


def check_descriptions(facility):
    for mechanism, expected in DESCRIPTIONS.items():
        status, headers, body = facility.request("GET", f"/authn.{mechanism}/description", internal=True)
        assert (status, body, headers["content-type"]) == (200, expected, "application/json"), (mechanism, body)
        status, _, body = facility.request("GET", f"/authn.{mechanism}/version", internal=True)
        version = json.loads(body)
        assert status == 200 and version.keys() == {"version"} and type(version["version"]) is str, body
        for path in ("/nothing", "", "/authenticate/more"):
            status, _, body = facility.request("GET", f"/authn.{mechanism}{path}", internal=True)
            answer = json.loads(body)
            assert (status, answer["code"]) == (501, "NOT_IMPLEMENTED") and answer["message"].startswith("Operation not implemented by this authn."), (path, body)
        for path in ("/description", "/version", "/authenticate"):
            assert facility.request("GET", f"/authn.{mechanism}{path}")[0] == 404, "not for the public"


def check_anonymous(facility):
    expected = 200, {"username": "anon", "mechanism": "anon"}
    for credentials in ([], None, {"username": "x"}):
        assert authenticate(facility, "anon", credentials) == expected, credentials
    assert authenticate(facility, "anon", None, ip=None) == expected


def check_shapes(facility):
    """What icat.server and others send: keys in any order and any number of objects, the last text counts."""
    password = facility.passwords["simple/alice"]
    accepted = [
        {"username": "alice", "password": password},
        [{"password": password}, {"username": "alice"}],
        [{"username": "alice", "password": password}],
        [{"username": "bob"}, {"username": "alice"}, {"password": "x"}, {"password": password}],
        [{"username": "alice"}, {"username": None}, {"username": 1}, {"password": password}, {"password": True}, {"password": {"x": 1}}],
        [{"username": "alice"}, {"password": password}, {"more": "x"}],
    ]
    for credentials in accepted:
        assert authenticate(facility, "simple", credentials) == (200, ALICE), credentials
    assert authenticate(facility, "simple", accepted[0], ip=None) == (200, ALICE), "without an address"
    for address in ("::1", "2001:db8::1"):
        assert authenticate(facility, "simple", accepted[0], ip=address) == (200, ALICE), address
    text = json.dumps({"ip": "192.0.2.7", "credentials": [{"username": "alice"}, {"password": password}], "more": []}, indent=2)
    assert post_form(facility, "simple", urllib.parse.urlencode({"json": text})) == (200, ALICE)
    assert post_form(facility, "simple", urllib.parse.urlencode({"first": "x", "json": text, "last": "y"})) == (200, ALICE)


def check_encodings(facility):
    """icat.server encodes forms in ISO-8859-1, everybody else in UTF-8."""
    credentials = {"username": "josé", "password": ACCENTED}
    for encoding in ("utf-8", "iso-8859-1"):
        assert authenticate(facility, "simple", credentials, encoding=encoding) == (200, {"username": "josé", "mechanism": "simple"}), encoding
    # What ISO-8859-1 lacks arrives as a question mark.
    require_refusal(authenticate(facility, "simple", {"username": "alice", "password": "пароль"}, encoding="iso-8859-1"))


def check_refusals(facility):
    password = facility.passwords["simple/alice"]
    wrong = [
        {"username": "alice", "password": "wrong"}, {"username": "nobody", "password": password}, {"username": "root", "password": password},
        {"username": "alice/", "password": password}, {"username": "simple/alice", "password": password}, {"username": "alice\0", "password": password},
    ]
    assert len({require_refusal(authenticate(facility, "simple", credentials)) for credentials in wrong}) == 1, "one message"
    for credentials in ({"username": "alice", "password": ""}, {"username": "", "password": password}, {"username": "alice"}, {"password": password}, [], None):
        message = require_refusal(authenticate(facility, "simple", credentials))
        assert "exception" not in message.lower() and password not in message, message
    for form in ("", "json=", "json=%7B", "json=%7B%22credentials%22%3A1%7D", "json=[]", "json=null", "other=x"):
        status, answer = post_form(facility, "simple", form)
        assert 400 <= status < 500 and answer.keys() == {"code", "message"} and all(type(text) is str for text in answer.values()), (form, status, answer)
    status, answer = authenticate(facility, "simple", {"username": "alice", "password": "x" * 100_000})
    assert status == 403, (status, answer)


def check_mechanisms_are_separate(facility):
    password = facility.passwords["simple/alice"]
    require_refusal(authenticate(facility, "db", {"username": "alice", "password": password}))


def main():
    with AuthFacility() as facility:
        facility.run("auth", "add-user", "simple/josé", stdin=ACCENTED + "\n")
        for check in (check_descriptions, check_anonymous, check_shapes, check_encodings, check_refusals, check_mechanisms_are_separate):
            check(facility)
            print(check.__name__.removeprefix("check_").replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
