#!/usr/bin/env python3
"""Secrets of users (session ids that live, that ended and that never were, passwords, access tokens, API keys) go through every
place where clients put them, also while the catalogue behind misbehaves in every way. Then they are found nowhere: not
in the log at its most talkative, not in traces, metrics, databases, their journals or the store of events, neither over
SQLite nor over PostgreSQL and NATS. Two controls show that the search looks at the right places. The same program has session
ids in its log, traces and metrics when TESTKIT_SHOW_SECRETS is set, which only test builds obey. And the name of an account,
which is stored in clear, is found in each database, journal and store of events with and without it."""

# seconds: 45

import base64
import contextlib
import http.server
import json
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import time
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from secret_places import SHOW_SECRETS, Collector, find_secret, read_files, require_found, serve_in_background
from servers import Nats, Postgres
from suite import Suite, free_port

class Misbehaving(socketserver.BaseRequestHandler):
    """An ICAT that answers as `mode` says, echoing what it was asked."""

    mode = "refuse"
    served = 0

    def handle(self):
        Misbehaving.served += 1
        asked = self.request.recv(65536)
        line = asked.split(b"\r\n")[0]
        target = line.split(b" ")[1] if b" " in line else b"/"

        def answer(status, body, extra=b"", length=None):
            size = len(body) if length is None else length
            head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n"
            self.request.sendall(head % (status, size, extra) + body)

        if self.mode == "reset":
            answer(b"200 OK", b'{"userName":"' + target, length=1000)
            # Closing sends a reset and not an end.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
        elif self.mode == "hang":
            self.request.recv(1)
        elif self.mode == "echo":
            answer(b"500 Internal Server Error", asked)
        elif self.mode == "no-json":
            answer(b"200 OK", b"<html>" + line)
        elif self.mode == "refusal":
            body = {"code": "SESSION", "message": "Unable to find user by sessionid: " + urllib.parse.unquote(target.decode())}
            answer(b"403 Forbidden", json.dumps(body).encode())
        elif self.mode == "redirect":
            answer(b"302 Found", b"", b"Location: http://127.0.0.1:9" + target + b"\r\n")


MODES = ["refuse", "reset", "hang", "echo", "no-json", "refusal", "redirect"]


class Threaded(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Embedded:
    """One process with nothing beside it: SQLite, events within the process."""

    name = "SQLite"
    # Where the name of an account with a session is stored.
    stored = ["icat.db-wal", "icat.db (", "auth.db"]
    small = True
    env = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def settle(self):
        pass

    def contents(self, suite):
        return read_files(suite.dir / "databases", but=["auth-keys"])


class Servers:
    """PostgreSQL, which logs each statement with its parameters, and NATS."""

    name = "PostgreSQL and NATS"
    stored = ["postgres data/", "postgres log", "postgres dump", "nats "]
    small = False

    def __enter__(self):
        with contextlib.ExitStack() as begun:
            self.postgres = begun.enter_context(Postgres("log_statement=all"))
            self.nats = begun.enter_context(Nats())
            self.ending = begun.pop_all()
        self.env = self.postgres.env | self.nats.env
        return self

    def __exit__(self, *_):
        self.ending.close()

    def settle(self):
        """Waits until NATS has every event."""
        query = "SELECT (SELECT COUNT(*) FROM auth.outbox) + (SELECT COUNT(*) FROM icat.outbox)"
        end = time.monotonic() + 30
        while self.postgres.execute(query) != [(0,)]:
            assert time.monotonic() < end, "events stay in the outbox"

    def contents(self, _):
        dump = {"postgres dump": subprocess.check_output(["pg_dump", self.postgres.url])}
        postgres = {f"postgres {name}": content for name, content in read_files(self.postgres.dir).items()}
        return dump | postgres | {f"nats {name}": content for name, content in read_files(self.nats.dir).items()}


def send_secrets_everywhere(suite, secrets, logout):
    """Sends each secret through every place; how many requests. Logging out would end the session that lives."""
    with ThreadPoolExecutor() as pool:
        return sum(pool.map(lambda secret: send_through_all_places(suite, secret, logout), secrets))


def send_through_all_places(suite, secret, logout):
    sent = 0

    def send_request(method, path, query=None, form=None, headers=None, internal=False):
        nonlocal sent
        sent += 1
        suite.request(method, path, query, form, headers, internal)

    search = {"query": "SELECT f.id FROM Facility f", "datafileIds": "1"}
    quoted = urllib.parse.quote(secret, safe="")
    bearer = {"Authorization": f"Bearer {secret}"}
    for method in ["GET", "PUT", "POST", "HEAD"]:
        send_request(method, f"/session/{quoted}")
        send_request(method, f"/icat/session/{quoted}")
    for mount in ["", "/ids", "/auth/v1"]:
        send_request("GET", f"{mount}/{quoted}/nothing")
    for path in ["/icat/entityManager", "/ids/getData", "/ids/prepareData", "/ids/nothing", "/nothing"]:
        send_request("GET", path, search | {"sessionId": secret})
        send_request("GET", path, search, headers=bearer)
        for name, value in [
            ("sessionId", secret),
            ("Cookie", f"sessionId={secret}"),
            ("Referer", f"{suite.url}/?sessionId={quoted}"),
            ("Authorization", "Basic " + base64.b64encode(f"user:{secret}".encode()).decode()),
        ]:
            send_request("GET", path, search, headers={name: value})
        entities = '[{"Facility":{"name":"x"}}]'
        send_request("POST", path, form={"sessionId": secret, "entities": entities, "datafileIds": "1"})
    send_request("POST", "/auth/v1/token", headers=bearer)
    send_request("POST", "/sessions/resolve", headers=bearer, internal=True)
    send_request("POST", "/api-keys/resolve", headers=bearer, internal=True)
    send_request("POST", f"/dataacquisition/{quoted}/notification", {"instrumentName": "ID29"})
    send_request("GET", "/logbook/-/event", {"instrumentName": "ID29"}, headers={"X-Api-Key": secret})
    for path in ["/session", "/auth/v1/token", "/sessions/resolve"]:
        sent += 1
        suite.post_json(path, {"plugin": secret, "sessionId": secret}, {"Content-Type": "application/json"})
    if logout:
        send_request("DELETE", f"/session/{quoted}")
        send_request("DELETE", "/auth/v1/token", headers=bearer)
    return sent


def create_api_key(suite, name):
    options = ["--user", "simple/root", "--scope", "read", "--scope", "logbook:write", "--expires", "30days"]
    return suite.run("auth", "api-key", "create", name, *options).stdout.strip()


def create_token(suite, session):
    status, _, body = suite.request("POST", "/auth/v1/token", headers={"Authorization": f"Bearer {session}"})
    assert status == 200, body
    return json.loads(body)["access_token"]


def run_arrangement(arrangement, collector, variables):
    """Secrets by name, an account that is stored in clear, places with what stands in them, and how many requests were sent."""
    Collector.received, Misbehaving.served = bytearray(), 0
    with arrangement() as surroundings, Suite() as suite:
        suite.env |= {
            **surroundings.env,
            **variables,
            "UNDULATOR_LOG__LEVEL": "trace",
            "UNDULATOR_LOG__FORMAT": "json",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        return run_suite(suite, surroundings)


def run_suite(suite, surroundings):
    suite.add_user("simple/root")
    account = f"control-{uuid.uuid4().hex}"
    suite.add_user(f"simple/{account}")
    password = suite.passwords["simple/root"]
    api_key, revoked_api_key = create_api_key(suite, "valid"), create_api_key(suite, "revoked")
    suite.run("auth", "api-key", "revoke", "revoked")
    places = {}

    def keep_metrics(when):
        status, _, body = suite.request("GET", "/metrics", internal=True)
        assert status == 200
        places[f"metrics ({when})"] = body

    # The catalogue of the process itself.
    suite.start()
    # The event of its end has the account's name.
    assert suite.request("DELETE", f"/session/{suite.login(f'simple/{account}')}")[0] < 300
    live, ended, left = (suite.login("simple/root") for _ in range(3))
    token, token_left = create_token(suite, live), create_token(suite, left)
    assert suite.request("DELETE", f"/session/{ended}")[0] < 300
    assert suite.request("DELETE", "/auth/v1/token", headers={"Authorization": f"Bearer {token_left}"})[0] < 300
    secrets = {
        "live session": live, "ended session": ended, "session ended by its token": left,
        "unknown session": str(uuid.uuid4()), "token": token, "token of an ended session": token_left,
        "API key": api_key, "revoked API key": revoked_api_key,
    }
    for name, alive in [("live session", True), ("ended session", False), ("session ended by its token", False)]:
        assert suite.request("GET", f"/icat/session/{secrets[name]}")[0] == (200 if alive else 403), name
    for key, resolved in [(api_key, 200), (revoked_api_key, 401)]:
        bearer = {"Authorization": f"Bearer {key}"}
        assert suite.request("POST", "/api-keys/resolve", headers=bearer, internal=True)[0] == resolved
    sent = send_secrets_everywhere(suite, secrets.values(), logout=False)
    for name in ["root", "nobody"]:
        credentials = {"plugin": "simple", "username": name, "password": password + "!"}
        for path in ["/session", "/auth/v1/token"]:
            suite.post_json(path, credentials, {"Content-Type": "application/json"})
            sent += 1
    assert suite.request("GET", f"/icat/session/{live}")[0] == 200
    surroundings.settle()
    places |= surroundings.contents(suite)
    keep_metrics("own catalogue")
    suite.kill(signal.SIGTERM)

    # A catalogue that misbehaves in every way.
    port = free_port()
    suite.env |= {"UNDULATOR_ICAT__URL": f"http://127.0.0.1:{port}", "UNDULATOR_ICAT__TIMEOUT": "50ms"}
    behaving = None
    for mode in MODES:
        Misbehaving.mode = mode
        if mode == "reset":
            behaving = serve_in_background(Threaded(("127.0.0.1", port), Misbehaving))
        suite.start()
        sent += send_secrets_everywhere(suite, secrets.values(), logout=True)
        keep_metrics(mode)
        if surroundings.small or mode == MODES[-1]:
            surroundings.settle()
            places |= {f"{name} ({mode})": content for name, content in surroundings.contents(suite).items()}
        suite.kill(signal.SIGTERM)
    behaving.shutdown()
    behaving.server_close()
    places["log"] = suite.log.read_bytes()
    places["traces"] = Collector.received
    return secrets | {"password": password, "signature": token.split(".")[2]}, account, places, sent


def main():
    collector = serve_in_background(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)).server_address[1]
    for arrangement in [Embedded, Servers]:
        started = time.monotonic()
        secrets, account, places, sent = run_arrangement(arrangement, collector, SHOW_SECRETS)
        for name in ["live session", "ended session"]:
            require_found(name, secrets[name], places, ["log", "traces", "metrics"])
        require_found("account", account, places, arrangement.stored)
        print(f"{arrangement.name}: without redaction the search finds session ids")
        secrets, account, places, sent = run_arrangement(arrangement, collector, {})
        require_found("account", account, places, arrangement.stored)
        for name, secret in secrets.items():
            assert not find_secret(secret, places), f"the {name} stands in {find_secret(secret, places)}"
        assert Misbehaving.served > 50, Misbehaving.served
        print(f"{arrangement.name}: {len(secrets)} secrets in {sent} requests, {len(MODES)} ways to misbehave "
              f"({Misbehaving.served} answers), {time.monotonic() - started:.0f} s: found in none of {len(places)} places "
              f"of {sum(map(len, places.values()))} bytes")


if __name__ == "__main__":
    main()
