#!/usr/bin/env python3
"""NATS, the database, ICAT, the directory and auth itself are cut off, one after the other, by a network that loses everything or by one
that refuses. What the table "When something is down" in docs/src/operators.md promises goes on: tokens are verified by another
service, keys and descriptions are given out, logouts end logins. What cannot be done is answered 503 with a time to try again.
Afterwards everything works again by itself, and no event is lost.

    tests/interop/auth/test_outages.py [--seconds N] [--both-ways]
"""

# needs: slapd token_verifiers
# seconds: 35
# long: --seconds 60 --both-ways

import argparse
import contextlib
import json
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from auth_facility import AuthFacility
from auth_replica import AuthReplica, post_json, write_signing_key
from plugin_client import authenticate
from provider_settings import render_ldap, write_secret
from servers import Nats, Postgres
from slapd import BASE, PEOPLE, READER, READER_PASSWORD, Slapd
from suite import Suite, wait_until
from tcp_proxy import TcpProxy

LDAP = "ldap"
AUTHENTICATORS = f'[catalogue]\nauthn = [{{ mnemonic = "simple" }}, {{ mnemonic = "anon" }}, {{ mnemonic = "{LDAP}" }}]\n'
DESCRIPTION = b'{"keys":[{"name":"username"},{"name":"password","hide":true}]}'


class Catalogue(Suite):
    """Another service, in a process of its own, which verifies the tokens of `auth`."""

    def __init__(self, facility, auth):
        super().__init__()
        self.services = ["icat"]
        self.env = facility.env | {
            **{"UNDULATOR_CONFIG": str(facility.dir / "undulator.toml"), "UNDULATOR_DATA_DIR": str(self.dir)},
            **{"UNDULATOR_HTTP__BIND": f"127.0.0.1:{self.public}", "UNDULATOR_HTTP__INTERNAL_BIND": f"127.0.0.1:{self.internal}"},
            "UNDULATOR_IDENTITY__AUTH_URL": f"http://127.0.0.1:{auth.internal}",
            "UNDULATOR_IDENTITY__JWKS_URL": f"{auth.url}/.well-known/jwks.json",
            "UNDULATOR_CATALOGUE__AUTHN_URL": f"http://127.0.0.1:{facility.internal}",
        }

    def ask(self, token):
        """Status of a search in the name of a token's user."""
        query = {"query": "SELECT u.name FROM User u WHERE u.name = 'simple/alice'"}
        status, _, body = self.request("GET", "/icat/entityManager", query, headers={"Authorization": f"Bearer {token}"})
        assert status != 200 or json.loads(body) == ["simple/alice"], body
        return status


class World:
    """All processes, and the networks between auth and what it needs. Operations give a status; 503 must say when to try again."""

    def __init__(self, stack, postgres, nats, directory):
        self.postgres = postgres
        address = lambda url: ("127.0.0.1", urllib.parse.urlsplit(url).port)  # noqa: E731
        proxy = lambda target: stack.enter_context(TcpProxy(target))  # noqa: E731
        self.directory = proxy(("127.0.0.1", directory.port))
        # Only here: a certificate belongs to an address, and a proxy has another.
        ldap = {"search_dn": READER, "search_password_file": write_secret(READER_PASSWORD), "base": BASE, "filter": "(uid=%)", "attribute": "uid"}
        settings = AUTHENTICATORS + render_ldap(LDAP, f"ldap://127.0.0.1:{self.directory.port}", allow_plain=True, timeout="2s", **ldap)
        self.facility = AuthFacility(settings, postgres, **nats.env)
        write_signing_key(self.facility.dir / "keys")
        self.facility.env["UNDULATOR_AUTH__KEYS_DIR"] = str(self.facility.dir / "keys")
        stack.enter_context(self.facility)
        self.auth = stack.enter_context(AuthReplica(self.facility))
        self.database, self.nats = proxy(address(postgres.url)), proxy(address(nats.env["UNDULATOR_EVENTS__NATS_URL"]))
        self.icat = proxy(("127.0.0.1", self.facility.public))
        self.auth.env |= {
            "UNDULATOR_DATABASE__URL": f"postgres://undulator@127.0.0.1:{self.database.port}/postgres",
            "UNDULATOR_EVENTS__NATS_URL": f"nats://127.0.0.1:{self.nats.port}",
            "UNDULATOR_ICAT__URL": f"http://127.0.0.1:{self.icat.port}", "UNDULATOR_ICAT__TIMEOUT": "2s",
        }  # fmt: skip
        self.auth.start()
        self.catalogue = stack.enter_context(Catalogue(self.facility, self.auth))
        self.catalogue.start()
        # The catalogue fetches the keys with its first token.
        assert self.catalogue.ask(self.require_login()["access_token"]) == 200

    def post(self, path, body, **more):
        status, headers, text = self.auth.request("POST", path, body=body, **more)
        if status == 503:
            assert int(headers["Retry-After"]) > 0 and b"try again" in text.lower(), (path, headers["Retry-After"], text)
        return status, json.loads(text) if text else None

    def log_in(self, plugin="simple", name="alice"):
        password = PEOPLE[name] if plugin == LDAP else self.facility.passwords[f"simple/{name}"]
        return self.post("/auth/v1/token", {"plugin": plugin, "username": name, "password": password, "refresh_token": "body"})

    def require_login(self):
        status, answer = self.log_in()
        assert status == 200, (status, answer)
        return answer

    def log_in_to_portal(self):
        return self.post("/auth/login", self.facility.credentials("alice"))[0]

    def refresh(self, login):
        """The login goes on with the next token."""
        status, answer = self.post("/auth/v1/token/refresh", {"refresh_token": login["refresh_token"]})
        if status == 200:
            login.update(answer)
        return status

    def log_out(self, login):
        return self.post("/auth/v1/logout", {"refresh_token": login["refresh_token"]})[0]

    def get(self, path, internal=False):
        status, headers, body = self.auth.request("GET", path, internal=internal)
        assert status != 503 or int(headers["Retry-After"]) > 0, (path, body)
        return status, body

    def ask_plugin(self, mechanism, name):
        password = PEOPLE[name] if mechanism == LDAP else self.facility.passwords[f"simple/{name}"]
        return authenticate(self.auth, mechanism, {"username": name, "password": password})[0]

    def observe(self, login, token):
        """What works: all operations at once, because some of them wait until they know that something is down. `token` was not
        used before, so that nobody remembers whose it is."""
        operations = {
            "login": lambda: self.log_in()[0], "login of the directory": lambda: self.log_in(LDAP, "ada")[0], "refresh": lambda: self.refresh(login),
            "login to a portal": self.log_in_to_portal, "token": lambda: self.catalogue.ask(token), "keys": lambda: self.get("/.well-known/jwks.json")[0],
            "ended logins": lambda: self.get("/auth/v1/revoked")[0], "providers": lambda: self.get("/auth/v1/providers")[0],
            "plugin": lambda: self.ask_plugin("simple", "alice"), "plugin of the directory": lambda: self.ask_plugin(LDAP, "ada"),
        }  # fmt: skip
        with ThreadPoolExecutor(len(operations)) as threads:
            started = {name: threads.submit(operation) for name, operation in operations.items()}
        # icat.server does not start without them.
        for mechanism in ("simple", LDAP):
            assert self.get(f"/authn.{mechanism}/description", internal=True) == (200, DESCRIPTION), mechanism
        return {name: operation.result() for name, operation in started.items()}

    def require_recovery(self, login):
        """Without a restart."""
        def is_well():
            return {*self.observe(login, self.log_in()[1].get("access_token")).values()} == {200}

        wait_until("everything works again", is_well)
        count = "SELECT COUNT(*) FROM outbox"
        wait_until("all events are out", lambda: self.postgres.execute(count, schema="auth") == [(0,)])


ALL = ["login", "login of the directory", "login to a portal", "refresh", "token", "keys", "ended logins", "providers", "plugin", "plugin of the directory"]
# What cannot be done while something is cut; all else is done as always.
STOPPED = {
    "nats": [],
    "database": ["login", "login of the directory", "login to a portal", "refresh", "ended logins", "plugin", "plugin of the directory"],
    "icat": ["login", "login of the directory", "login to a portal", "refresh"],
    "directory": ["login of the directory", "plugin of the directory"],
}
# As scigateway-auth answers.
PORTAL_WITHOUT_ICAT = 500
QUICK = {"nats": "hang", "database": "close", "icat": "hang", "directory": "hang"}


class Outage:
    """What is expected, and what was found so far."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.expected = {operation: 503 if operation in STOPPED[name] else 200 for operation in ALL}
        if name == "icat":
            self.expected["login to a portal"] = PORTAL_WITHOUT_ICAT

    def is_as_expected(self, login, token):
        """An operation that works may be too slow on a busy machine, and nothing else."""
        found = self.world.observe(login, token)
        wrong = {name: status for name, status in found.items() if status != self.expected[name] and (self.expected[name], status) != (200, 503)}
        assert not wrong, f"without {self.name}: {wrong}"
        return found == self.expected


def check_outage(world, name, how, seconds):
    outage = Outage(world, name)
    login, left = world.require_login(), world.require_login()
    tokens = [world.require_login()["access_token"] for _ in range(2)]
    assert world.catalogue.ask(left["access_token"]) == 200
    can_log_out = name != "database"
    with getattr(world, name).outage(how):
        started = time.monotonic()
        # Lists are some seconds old.
        wait_until("what is known is forgotten", lambda: name != "database" or world.get("/auth/v1/revoked")[0] == 503)
        for token in tokens:
            wait_until(f"all else works without {name}", lambda: outage.is_as_expected(login, token))
        while time.monotonic() < started + seconds:
            outage.is_as_expected(login, token)
        assert world.log_out(left) == (204 if can_log_out else 503)
    world.require_recovery(login)
    if not can_log_out:
        assert world.log_out(left) == 204
    # Also of what happened during the outage.
    wait_until("the other service refuses the token of a logout", lambda: world.catalogue.ask(left["access_token"]) == 403)


def check_without_auth(world, seconds):
    """Another service knows the keys."""
    tokens = [world.require_login()["access_token"] for _ in range(3)]
    ends = time.monotonic() + seconds
    world.auth.kill()
    for token in tokens:
        assert world.catalogue.ask(token) == 200
    while time.monotonic() < ends:
        assert world.catalogue.ask(tokens[0]) == 200
    world.auth.start()
    world.require_recovery(world.require_login())


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=0, help="the least time of an outage; each is as long as a few checks of everything")
    options.add_argument("--both-ways", action="store_true")
    options = options.parse_args()
    with contextlib.ExitStack() as stack:
        world = World(stack, *(stack.enter_context(server) for server in (Postgres(), Nats(), Slapd())))
        for name, quick in QUICK.items():
            for how in ("hang", "close") if options.both_ways else (quick,):
                started = time.monotonic()
                check_outage(world, name, how, options.seconds)
                print(f"{name} ({how}): {len(ALL) - len(STOPPED[name])} of {len(ALL)} go on, {time.monotonic() - started:.0f} s", flush=True)
        check_without_auth(world, options.seconds)
        print("auth: tokens are verified by others")


if __name__ == "__main__":
    main()
