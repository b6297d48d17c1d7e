#!/usr/bin/env python3
"""People log in in every way, with right and with wrong secrets, and put them into wrong places: passwords, refresh tokens, handles,
access tokens, authorization codes, ID tokens, session ids, API keys, and the secrets of the settings. Then none of them stands
in the log at its most talkative, in traces, metrics, databases, audit rows or the body of a refusal. Controls show that the
search finds what is there.

    tests/interop/auth/test_secret_canary.py
"""

# needs: oidc_provider slapd
# seconds: 20

import contextlib
import hashlib
import http.server
import json
import secrets
import signal
import sqlite3
import sys
import urllib.parse
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import read_cookie
from cookie_browser import CookieBrowser
from oidc_client import OidcClient, decode_token
from oidc_logins import NAME, REFRESH_COOKIE, OidcFacility
from oidc_provider import CLIENT, SECRET
from plugin_client import authenticate
from provider_settings import render_ldap, write_secret
from secret_places import SHOW_SECRETS, Collector, find_secret, read_files, require_found, serve_in_background
from slapd import BASE, PEOPLE, READER, READER_PASSWORD, Slapd

LDAP = "ldap"
API_KEY = f"program-{uuid.uuid4()}"
SETTINGS = """
[[identity.api_keys]]
name = "program"
sha256 = "{hash}"
user = "simple/bob"
scopes = ["read"]
expires = "2099-01-01T00:00:00Z"
"""
AUTHENTICATORS = '[catalogue]\nauthn = [{{ mnemonic = "simple" }}, {{ mnemonic = "anon" }}, {{ mnemonic = "{ldap}" }}, {{ mnemonic = "delegate", admin = true }}]\n'
LDAP_USER = "lea"


class CanaryFacility(OidcFacility):
    """It keeps the bodies of refusals."""

    def __init__(self, directory):
        super().__init__()
        self.settings += render_ldap(LDAP, directory.tls_url, ca_file=str(directory.ca_file), base=BASE, attribute="uid", filter="(uid=%)",
                                     search_dn=READER, search_password_file=write_secret(READER_PASSWORD))
        self.settings += AUTHENTICATORS.format(ldap=LDAP) + SETTINGS.format(hash=hashlib.sha256(API_KEY.encode()).hexdigest())
        self.refusals, self.sent = bytearray(), 0

    def request(self, *arguments, **more):
        status, headers, body = super().request(*arguments, **more)
        self.sent += 1
        if status >= 400:
            self.refusals += body + b"\n"
        return status, headers, body

    def post(self, path, body, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, headers, text = self.request("POST", path, body=body, headers=headers)
        return status, headers, json.loads(text) if "json" in headers.get("content-type", "") else text

    def read_audit_rows(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.dir / 'databases' / 'auth.db'}?mode=ro", uri=True)) as database:
            return "\n".join(map(str, database.execute("SELECT * FROM audit").fetchall())).encode()


class Secrets(dict):
    """By their names."""

    def add_tokens(self, name, answer):
        """Of an answer of the token interface."""
        self.add_token(name, answer["access_token"])
        if "refresh_token" in answer:
            self[f"refresh token of {name}"] = answer["refresh_token"]

    def add_token(self, name, token):
        """The signature, because others have the beginning in common; and the handle in it."""
        _, claims = decode_token(token)
        self[f"access token of {name}"] = token.split(".")[2]
        for claim in ("sid", "sessionId"):
            if claim in claims:
                self[f"{claim} of {name}"] = claims[claim]


def log_in_with_passwords(facility, found):
    """All interfaces with right passwords; the tokens that live."""
    alice = {"plugin": "simple", "username": "alice", "password": facility.passwords["simple/alice"]}
    lea = {"plugin": LDAP, "username": LDAP_USER, "password": PEOPLE[LDAP_USER]}
    live = {}
    for name, body in {"alice": alice, "lea": lea}.items():
        status, _, answer = facility.post("/auth/v1/token", {**body, "refresh_token": "body"})
        assert status == 200, (name, status, answer)
        found.add_tokens(name, answer)
        status, _, next = facility.post("/auth/v1/token/refresh", {"refresh_token": answer["refresh_token"]})
        assert status == 200, (name, status, next)
        found.add_tokens(f"{name} after a refresh", next)
        live[name] = next
        assert authenticate(facility, body["plugin"], {key: body[key] for key in ("username", "password")})[0] == 200
    status, headers, answer = facility.post("/auth/v1/token", {**alice, "refresh_token": "cookie"})
    found.add_tokens("a page", answer)
    found["cookie of a page"] = read_cookie(headers, REFRESH_COOKIE)
    token, cookie = facility.scigateway_login("alice")
    found.add_token("a portal", token)
    found["cookie of a portal"] = cookie
    status, headers, answer = facility.scigateway("POST", "/refresh", {"token": token}, cookie=cookie)
    assert status == 200, (status, answer)
    found.add_token("a portal after a refresh", json.loads(answer))
    found["next cookie of a portal"] = read_cookie(headers)
    status, _, session = facility.post("/session", alice)
    assert status == 200, (status, session)
    found["session"] = session["sessionId"]
    status, _, answer = facility.post("/auth/v1/token", None, token=session["sessionId"])
    browser = CookieBrowser()
    form = {"plugin": "simple", "username": "alice", "password": alice["password"], "next": "/auth/app"}
    answer = browser.request("POST", f"{facility.url}/auth/app/login", form)
    assert answer.status == 303, (answer.status, answer.text)
    (found["cookie of the login page"],) = browser.cookies.values()
    assert facility.request("GET", "/ids/getSize", {"datasetIds": "1"}, headers={"Authorization": f"Bearer {API_KEY}"})[0] >= 400
    return live


def log_in_with_provider(facility, found):
    browser, location = facility.log_in_there()
    sent = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    found["code"] = sent["code"]
    found["secret of a browser"] = next(value for (_, _, name), value in browser.cookies.items() if name == "__Host-undulator-login")
    assert browser.request("GET", location).status == 303
    status, answer = facility.refresh(browser)
    assert status == 200, answer
    found.add_tokens("ada", answer)
    found["cookie of ada"] = next(value for (_, _, name), value in browser.cookies.items() if name == REFRESH_COOKIE)
    # The code again, and one that another browser got.
    facility.refusals += browser.request("GET", location).body
    other, location = facility.log_in_there()
    found["code of another browser"] = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))["code"]
    facility.refusals += CookieBrowser().request("GET", location).body
    client = OidcClient(facility.provider.issuer, CLIENT, SECRET, facility.callback)
    for name, interface in {"a program": "token", "the portal": "portal"}.items():
        tokens, given = client.log_in(CookieBrowser(), lambda answer: answer)
        found[f"id token of {name}"] = tokens["id_token"].split(".")[2]
        found[f"provider's access token of {name}"] = tokens["access_token"]
        found[f"verifier of {name}"] = given["code_verifier"]
        for expected in (200, 403):
            if interface == "token":
                status, _, answer = facility.post("/auth/v1/token/provider", {"provider": NAME, "id_token": tokens["id_token"]})
            else:
                status, _, answer = facility.scigateway("POST", f"/oidc_login/{NAME}", token=tokens["id_token"])
            assert status == expected, (interface, status, answer)
    status, _, answer = facility.scigateway("POST", f"/oidc_token/{NAME}", {"code": sent["code"], "code_verifier": given["code_verifier"]})
    assert status == 500, (status, answer)


def send_wrong_passwords(facility, found):
    """Also in the place of the name."""
    for name in ("alice", "nobody"):
        password = found[f"wrong password of {name}"] = f"Tr0ub4dor-{secrets.token_hex(8)}"
        for plugin in ("simple", LDAP):
            for body in ({"username": name, "password": password}, {"username": password, "password": name}):
                assert facility.post("/auth/v1/token", {"plugin": plugin, **body})[0] == 401
                assert facility.post("/session", {"plugin": plugin, **body})[0] == 403
                assert facility.post("/auth/login", {"mnemonic": plugin, "credentials": body})[0] == 403
                assert authenticate(facility, plugin, body)[0] == 403


def send_everywhere(facility, text):
    """Through all places of requests where somebody may have put it by mistake."""
    quoted = urllib.parse.quote(text, safe="")
    for headers in ({"Authorization": f"Bearer {text}"}, {"Cookie": f"{REFRESH_COOKIE}={text}; undulator-session={text}; scigateway:refresh_token={text}"}):
        for method, path in (("POST", "/auth/v1/token"), ("GET", "/auth/v1/logins"), ("GET", "/auth/app"), ("GET", "/session/-"),
                             ("PUT", "/auth/maintenance")):  # fmt: skip
            facility.request(method, path, headers=headers)
        facility.request("POST", "/sessions/resolve", headers=headers, internal=True)
        facility.request("POST", "/sessions/end", headers={"Authorization": f"Bearer {text[::-1]}"}, internal=True)
    for method, path in (("GET", f"/session/{quoted}"), ("PUT", f"/session/{quoted}"), ("GET", f"/auth/v1/revoked?after={quoted}"),
                         ("GET", f"/auth/v1/logins?cursor={quoted}"), ("GET", f"/auth/v1/oidc/{NAME}/callback?code={quoted}&state={quoted}")):  # fmt: skip
        facility.request(method, path)
    for path, bodies in {
        "/auth/v1/token": [{"plugin": "simple", "username": text, "password": {"x": text}}, {text: text}, [text], {"plugin": "simple", "refresh_token": text}],
        "/auth/v1/token/refresh": [{"refresh_token": text}, {"refresh_token": [text]}, {text: 1}, {"client_id": text}],
        "/auth/v1/logout": [{"refresh_token": text[::-1]}, {"refresh_token": {text: 1}}],
        "/auth/v1/token/provider": [{"provider": NAME, "id_token": text}, {"provider": NAME, "id_token": [text]}, {text: text}],
        "/auth/login": [{"mnemonic": "simple", "credentials": {"username": [text], "password": text}}, {"mnemonic": "simple", "credentials": text}],
        "/auth/refresh": [{"token": text}, {"token": [text]}, {text: text}, text], "/auth/verify": [{"token": text}, text], "/auth/logout": [{"token": text}],
        f"/auth/oidc_token/{NAME}": [{"code": text}, text, {"code": [text]}, {"code": "x", "code_verifier": text, "redirect_uri": text}],
        "/session": [{"plugin": "simple", "username": "x", "password": text}, {"plugin": "simple", "username": text}, {"plugin": "simple", "username": [text]}],
    }.items():  # fmt: skip
        for body in bodies:
            facility.post(path, body)
    facility.request("POST", f"/auth/v1/oidc/{NAME}/backchannel-logout", form={"logout_token": text})


def read_places(facility, since=0):
    """Where everything that the server has written down is."""
    status, _, metrics = facility.request("GET", "/metrics", internal=True)
    assert status == 200
    facility.kill(signal.SIGTERM)
    databases = read_files(facility.dir / "databases", but=["auth-keys"])
    return {
        "log": facility.log.read_bytes()[since:], "traces": Collector.received, "metrics": metrics, "refusals": facility.refusals,
        "audit": facility.read_audit_rows(), **{f"database {name}": content for name, content in databases.items()},
    }  # fmt: skip


def check_that_secrets_are_found(facility):
    """The control for the log, traces and metrics: the same program without redaction."""
    since, Collector.received = len(facility.log.read_bytes()), bytearray()
    facility.env |= SHOW_SECRETS
    facility.start()
    session = facility.login("simple/alice")
    assert facility.request("GET", f"/session/{session}")[0] == 200
    require_found("session", session, read_places(facility, since), ["log", "traces", "metrics"])


def main():
    collector = serve_in_background(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)).server_address[1]
    with Slapd() as directory, CanaryFacility(directory) as facility:
        facility.kill(signal.SIGTERM)
        facility.env |= {
            **{"UNDULATOR_LOG__LEVEL": "trace", "UNDULATOR_LOG__FORMAT": "json", "OTEL_BSP_SCHEDULE_DELAY": "50"},
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
        }
        facility.start()
        found = Secrets()
        found["secret of the provider's client"], found["password of the directory's reader"] = SECRET, READER_PASSWORD
        found["API key"], found["password of lea"], found["password of alice"] = API_KEY, PEOPLE[LDAP_USER], facility.passwords["simple/alice"]
        found["password of the catalogue's reader"] = facility.passwords["simple/root"]
        live = log_in_with_passwords(facility, found)
        log_in_with_provider(facility, found)
        send_wrong_passwords(facility, found)
        # One of each kind.
        kinds = [text for name, text in found.items() if "after a refresh" not in name and not name.endswith(("lea", "another browser", "the portal"))]
        for text in [*kinds, live["alice"]["access_token"]]:
            send_everywhere(facility, text)
        for token in live.values():
            assert facility.request("POST", "/auth/v1/logout", body={"refresh_token": token["refresh_token"]})[0] == 204
        facility.run("auth", "user", "set-password", "simple/alice", stdin=facility.passwords["simple/alice"] + "\n")
        unknown = f"unknown-{uuid.uuid4()}"
        assert facility.scigateway("POST", f"/oidc_token/{unknown}", {"code": "x"})[0] == 404
        places = read_places(facility)
        require_found("the account", "simple/alice", places, ["audit", "database auth.db", "database icat.db"])
        require_found("an unknown provider", unknown, places, ["refusals"])
        wrong = {name: where for name, secret in found.items() if (where := find_secret(secret, places))}
        assert not wrong, wrong
        check_that_secrets_are_found(facility)
        print(f"{len(found)} secrets in {facility.sent} requests stand in none of {len(places)} places of {sum(map(len, places.values()))} bytes")


if __name__ == "__main__":
    main()
