#!/usr/bin/env python3
"""Authenticator plugins of others behind the embedded catalogue, as they are in use: descriptions with their keys in another order,
answers with and without a mechanism, refusals with any status, answers that are no JSON, plugins that are down. What they say is
passed on as an icat.server does.

    tests/interop/auth/test_foreign_plugins.py
"""

# seconds: 6

import http.server
import json
import sys
import threading
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import AuthFacility

# As authn.delegating writes it: its map has no order.
DESCRIPTION = b'{"keys":[{"name":"mechanism"},{"name":"username"},{"hide":true,"name":"token"}]}'
KEYS = [{"name": "mechanism"}, {"name": "username"}, {"name": "token", "hide": True}]
# By the user name: status and body of the plugin.
ANSWERS = {
    "plain": (200, b'{"username":"plain","mechanism":"other"}'),
    "bare": (200, b'{"username":"bare"}'),
    "more": (200, b'{"more":{"x":[1]},"mechanism":"other","username":"more"}'),
    "refused": (403, b'{"code":"403","message":"The token does not match"}'),
    "broken": (500, b'{"code":"500","message":"Internal Server Error"}'),
    "page": (502, b"<html>Bad Gateway</html>"),
    "half": (403, b'{"message":"no code"}'),
    "empty": (200, b"{}"),
}


class Plugin(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.answer(200, DESCRIPTION if self.path == "/authn.other/description" else b"")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        login = json.loads(form["json"][0])
        Plugin.asked.append((self.path, self.headers["content-type"].split(";")[0], login))
        self.answer(*ANSWERS[next(one["username"] for one in login["credentials"] if "username" in one)])

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def log_in(facility, plugin, name):
    """Status and JSON of the catalogue."""
    credentials = [{"mechanism": "other"}, {"username": name}, {"token": "sécret & more"}]
    status, _, body = facility.request("POST", "/icat/session", form={"json": json.dumps({"plugin": plugin, "credentials": credentials})})
    return status, json.loads(body)


def check_names(facility):
    for name, expected in {"plain": "other/plain", "bare": "bare", "more": "other/more"}.items():
        status, answer = log_in(facility, "other", name)
        assert status == 200, (name, status, answer)
        status, _, body = facility.request("GET", f"/icat/session/{answer['sessionId']}")
        assert status == 200 and json.loads(body)["userName"] == expected, body
    path, content_type, login = Plugin.asked[-1]
    assert (path, content_type) == ("/authn.other/authenticate", "application/x-www-form-urlencoded"), (path, content_type)
    sent = {key: value for one in login["credentials"] for key, value in one.items()}
    assert sent == {"mechanism": "other", "username": "more", "token": "sécret & more"} and login["ip"] == "127.0.0.1", login


def check_refusals(facility):
    """A refusal is one whatever its status; what is none is an error of the catalogue."""
    for name, text in {"refused": "The token does not match", "broken": "Internal Server Error"}.items():
        status, answer = log_in(facility, "other", name)
        assert (status, answer) == (403, {"code": "SESSION", "message": text}), (name, status, answer)
    for name in ("page", "half", "empty"):
        status, answer = log_in(facility, "other", name)
        assert status in (500, 503) and answer["code"] == "INTERNAL" and "sécret" not in answer["message"], (name, status, answer)


def check_outage(facility, server):
    server.shutdown()
    server.server_close()
    status, answer = log_in(facility, "other", "plain")
    assert (status, answer) == (500, {"code": "INTERNAL", "message": "No authenticator of type other is working"}), (status, answer)
    assert facility.login("simple/alice"), "others log in"


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Plugin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    other = f'{{ mnemonic = "other", url = "http://127.0.0.1:{server.server_port}", friendly = "Others" }}'
    settings = f'[catalogue]\nauthn = [{{ mnemonic = "simple" }}, {other}]\n'
    with AuthFacility(settings) as facility:
        properties = json.loads(facility.request("GET", "/icat/properties")[2])
        (other,) = [one for one in properties["authenticators"] if one["mnemonic"] == "other"]
        assert other == {"mnemonic": "other", "keys": KEYS, "friendly": "Others"}, other
        check_names(facility)
        check_refusals(facility)
        check_outage(facility, server)
        print(f"{len(ANSWERS)} answers of a plugin, and none")


if __name__ == "__main__":
    main()
