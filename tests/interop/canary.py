#!/usr/bin/env python3
"""Secrets of users (live and dead session ids, passwords, access tokens) go through every place where clients put them,
also while the catalogue behind misbehaves in every way, and are then found nowhere: not in the log at its most talkative,
not in traces, metrics, database files or their journals. Harmless words on the same ways are found in each of them."""

import base64
import http.server
import json
import signal
import socketserver
import threading
import urllib.parse
import uuid

from suite import Suite, free_port


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what a collector of traces gets, as bytes: texts stand in protobuf as they are."""

    received = b""

    def do_POST(self):
        Collector.received += self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


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
            answer(b"200 OK", b'{"userName":"', length=1000)
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


def serve(handler, server):
    running = server(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    return running.server_address[1]


class Threaded(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True


def spellings(secret):
    """The ways in which a text may stand somewhere."""
    raw = secret.encode()
    middle = [base64.b64encode(b"x" * n + raw)[4 * bool(n):-4] for n in range(3)]
    return {
        raw,
        urllib.parse.quote(secret, safe="").encode(),
        "".join(f"%{b:02X}" for b in raw).encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *middle,
        *(text.translate(bytes.maketrans(b"+/", b"-_")) for text in middle),
    }


def sinks(suite):
    """Everything that the server wrote, by kind."""
    files = {}
    for path in sorted((suite.dir / "databases").rglob("*")):
        if path.is_file() and "auth-keys" not in path.parts:
            files[f"file {path.name}"] = path.read_bytes()
    status, _, metrics = suite.request("GET", "/metrics", internal=True)
    assert status == 200
    return {"log": suite.log.read_bytes(), "traces": Collector.received, "metrics": metrics, **files}


def found(secret, where):
    return sorted(sink for sink, content in where.items() if any(s in content for s in spellings(secret)))


def everywhere(suite, secrets):
    """Sends each secret as a session id through every place; how many requests."""
    sent = 0

    def send(method, path, query=None, form=None, bearer=None, internal=False):
        nonlocal sent
        sent += 1
        headers = {"X-Request-Id": "harmless-word"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        suite.request(method, path, query, form, headers, internal)

    for secret in secrets:
        quoted = urllib.parse.quote(secret, safe="")
        for method in ["GET", "PUT", "POST", "HEAD"]:
            send(method, f"/session/{quoted}")
            send(method, f"/icat/session/{quoted}")
        for path in ["/icat/entityManager", "/ids/getData", "/ids/nothing", "/nothing"]:
            send("GET", path, {"sessionId": secret, "query": "SELECT f.id FROM Facility f", "datafileIds": "1"})
            send("GET", path, {"query": "SELECT f.id FROM Facility f", "datafileIds": "1"}, bearer=secret)
        send("POST", "/icat/entityManager", form={"sessionId": secret, "entities": '[{"Facility":{"name":"x"}}]'})
        send("POST", "/auth/v1/token", bearer=secret)
        send("DELETE", "/auth/v1/token", bearer=secret)
        send("POST", "/sessions/resolve", bearer=secret, internal=True)
    return sent


def main():
    collector = serve(Collector, http.server.ThreadingHTTPServer)
    word = "harmlessword"
    with Suite() as suite:
        (suite.dir / word).mkdir()
        suite.env |= {
            "UNDULATOR_LOG__LEVEL": "trace",
            "UNDULATOR_LOG__FORMAT": "json",
            "UNDULATOR_ICAT__TIMEOUT": "300ms",
            f"UNDULATOR_STORAGE__{word.upper()}__URL": str(suite.dir / word),
            "UNDULATOR_DOWNLOAD__STORAGE": word,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        suite.add_user("simple/root")
        secrets = {"password": suite.passwords["simple/root"], "dead session": str(uuid.uuid4())}

        # The catalogue of the process itself.
        suite.start()
        live = suite.login("simple/root")
        _, _, token = suite.request("POST", "/auth/v1/token", headers={"Authorization": f"Bearer {live}"})
        token = json.loads(token)["access_token"]
        secrets |= {"live session": live, "token": token, "signature": token.split(".")[2]}
        form = {"sessionId": live, "entities": json.dumps([{"Facility": {"name": word}}])}
        assert suite.request("POST", "/icat/entityManager", form=form)[0] == 200
        sent = everywhere(suite, [live, secrets["dead session"], token])
        for account in ["simple/root", "simple/nobody"]:
            credentials = {"plugin": "simple", "username": account.split("/")[1], "password": secrets["password"] + "!"}
            headers = {"Content-Type": "application/json"}
            for path in ["/session", "/auth/v1/token"]:
                suite.post_json(path, credentials, headers)
                sent += 1
        places = sinks(suite)
        suite.kill()

        # A catalogue that misbehaves in every way.
        port = free_port()
        suite.env["UNDULATOR_ICAT__URL"] = f"http://127.0.0.1:{port}"
        for mode in MODES:
            Misbehaving.mode = mode
            if mode == "reset":
                behaving = Threaded(("127.0.0.1", port), Misbehaving)
                threading.Thread(target=behaving.serve_forever, daemon=True).start()
            suite.start()
            sent += everywhere(suite, [live, secrets["dead session"], token])
            for name, content in sinks(suite).items():
                places[f"{name} ({mode})"] = content
            suite.kill(signal.SIGTERM)
        places["log at the end"] = suite.log.read_bytes()
        places["traces at the end"] = Collector.received

        for name, secret in secrets.items():
            assert not found(secret, places), f"the {name} stands in {found(secret, places)}"
        # The control: harmless words on the same ways are found in every kind of place.
        control = found("harmless-word", places) + found(word, places) + found(word.upper(), places)
        for kind in ["log", "traces", "metrics", "file icat.db-wal", "log (echo)", "traces (redirect)"]:
            assert kind in control, f"the search finds nothing in {kind}: {control}"
        assert Misbehaving.served > 50, Misbehaving.served
        print(f"{len(secrets)} secrets in {sent} requests, {len(MODES)} ways to misbehave ({Misbehaving.served} answers): "
              f"found in none of {len(places)} places of {sum(map(len, places.values()))} bytes")


if __name__ == "__main__":
    main()
