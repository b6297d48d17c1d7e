"""A client of servers with the REST interface of ICAT: standard library, one connection."""

import http.client
import json
import time
import urllib.parse
import urllib.request


def log_in(url, account):
    """The session of an account: plugin, user name, password."""
    plugin, name, password = account
    credentials = [{"username": name}, {"password": password}]
    form = {"json": json.dumps({"plugin": plugin, "credentials": credentials})}
    request = urllib.request.Request(f"{url}/icat/session", data=urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["sessionId"]


class Client:
    def __init__(self, url, session):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=600)
        self.session, self.last = session, 0

    def call(self, method, path, fields):
        """Returns the milliseconds and the response."""
        text = urllib.parse.urlencode({"sessionId": self.session, **fields})
        # Servers close connections that were idle for a minute.
        if time.monotonic() - self.last > 30:
            self.connection.close()
        started = time.perf_counter()
        if method == "POST":
            self.connection.request(method, path, text, {"Content-Type": "application/x-www-form-urlencoded"})
        else:
            self.connection.request(method, f"{path}?{text}")
        answer = self.connection.getresponse()
        body = answer.read()
        elapsed = (time.perf_counter() - started) * 1000
        self.last = time.monotonic()
        assert answer.status in (200, 204), (answer.status, str(fields)[:500], body[:500])
        return elapsed, body

    def get(self, **fields):
        return self.call("GET", "/icat/entityManager", fields)

    def search(self, query):
        return json.loads(self.get(query=query)[1])

    def create(self, items):
        """Returns the milliseconds and the ids of the new rows."""
        elapsed, body = self.call("POST", "/icat/entityManager", {"entities": json.dumps(items)})
        return elapsed, json.loads(body)

    def delete(self, kind, ids):
        self.call("DELETE", "/icat/entityManager", {"entities": json.dumps([{kind: {"id": number}} for number in ids])})

    def user_name(self):
        return json.loads(self.call("GET", f"/icat/session/{self.session}", {})[1])["userName"]
