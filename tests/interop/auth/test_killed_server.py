#!/usr/bin/env python3
"""The server is killed again and again while people log in, refresh, log out, and are locked and unlocked, on SQLite and on
PostgreSQL: every refresh that was accepted has rotated, and its token refreshes again; whoever logged out stays out; a locked
account stays locked; a refresh whose answer was lost is repeated with the same token.

    tests/interop/auth/test_killed_server.py [--kills N] [--sqlite | --postgres]
"""

# seconds: 25
# long: --kills 200

import argparse
import contextlib
import hashlib
import http.client
import json
import random
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import UNLIMITED_LOGINS, AuthFacility
from logbook_facility import wait_for_killed_connections
from servers import Postgres
from suite import wait_until

USERS = 3
# Logins of a user that live at the same time.
LOGINS = 4
CLIENT = "tests"
# A repeated refresh must come within it, after the server has started again.
GRACE = "2m"


class KilledFacility(AuthFacility):
    def __init__(self, postgres):
        super().__init__(postgres=postgres, UNDULATOR_AUTH__REFRESH_GRACE=GRACE, **UNLIMITED_LOGINS)
        self.up = threading.Event()

    def rows(self, query):
        """Of auth's own database."""
        if self.postgres:
            return self.postgres.execute(query, schema="auth")
        with contextlib.closing(sqlite3.connect(f"file:{self.dir / 'databases' / 'auth.db'}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()


class Login:
    def __init__(self, answer):
        self.access, self.refresh = answer["access_token"], answer["refresh_token"]
        # Pairs of tokens, the one that was used and the one that came for it.
        self.rotations = []
        self.is_ended = False


class User(threading.Thread):
    """Does everything until told to end, through every kill; keeps what was acknowledged."""

    def __init__(self, facility, number, seed):
        super().__init__(daemon=True)
        self.facility, self.name, self.random = facility, f"user{number}", random.Random(f"{seed}/{number}")
        self.logins, self.is_locked, self.connection, self.ended = [], False, None, threading.Event()
        self.acknowledged, self.lost, self.failure, self.witness = 0, 0, None, None

    def run(self):
        try:
            while not self.ended.is_set():
                try:
                    self.random.choice(self.list_actions())()
                    self.acknowledged += 1
                except (OSError, http.client.HTTPException):
                    self.connection, self.lost = None, self.lost + 1
                    # The server is down; it says when it is up again.
                    self.facility.up.wait()
        except BaseException as e:
            self.failure = e
            raise

    def list_actions(self):
        if self.is_locked:
            return [self.log_in, self.change_account]
        return [self.log_in] * 2 + [self.refresh] * 8 + [self.log_out, self.change_account]

    def send(self, path, body=None, token=None):
        """Status and JSON."""
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.facility.public, timeout=60)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.connection.request("POST", path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def live(self):
        return [login for login in self.logins if not login.is_ended]

    def log_in(self):
        password = self.facility.passwords[f"simple/{self.name}"]
        body = {"plugin": "simple", "username": self.name, "password": password, "refresh_token": "body", "client_id": CLIENT}
        status, answer = self.send("/auth/v1/token", body)
        assert status == (401 if self.is_locked else 200), (self.name, self.is_locked, status, answer)
        if not self.is_locked:
            self.logins.append(Login(answer))
            if len(self.live()) > LOGINS:
                self.log_out()

    def refresh(self, login=None):
        if login := login or self.choose_live():
            status, answer = self.send("/auth/v1/token/refresh", {"refresh_token": login.refresh, "client_id": CLIENT})
            assert status == 200, (self.name, status, answer)
            login.rotations.append((login.refresh, answer["refresh_token"]))
            login.access, login.refresh = answer["access_token"], answer["refresh_token"]

    def log_out(self):
        if login := self.choose_live():
            by_token = self.random.randrange(2)
            try:
                sent = {"token": login.access} if by_token else {"body": {"refresh_token": login.refresh}}
                status, answer = self.send("/auth/v1/logout", **sent)
            except (OSError, http.client.HTTPException):
                # It has ended, or not.
                self.logins.remove(login)
                raise
            assert status == 204, (self.name, status, answer)
            login.is_ended = True

    def choose_live(self):
        live = self.live()
        return self.random.choice(live) if live else None

    def change_account(self):
        """By the command line, which needs no server."""
        if not self.is_locked:
            self.witness = self.facility.login(f"simple/{self.name}")
        elif self.is_witness_alive():
            # The catalogue would hear of the lock after the account is open again, and end new sessions.
            return
        self.facility.run("auth", "user", "unlock" if self.is_locked else "lock", f"simple/{self.name}")
        self.is_locked = not self.is_locked
        for login in self.live():
            login.is_ended = True

    def is_witness_alive(self):
        """A session that only the event of the lock ends."""
        status, _, body = self.facility.request("GET", f"/icat/session/{self.witness}")
        assert status in (200, 403), (status, body)
        return status == 200

    def check(self):
        """Everything acknowledged, against a server that nobody kills."""
        self.connection = None
        if self.is_locked:
            wait_until("the catalogue hears of the lock", lambda: not self.is_witness_alive())
        self.log_in()
        for login in self.logins:
            refreshed, _ = self.send("/auth/v1/token/refresh", {"refresh_token": login.refresh, "client_id": CLIENT}) if login.is_ended else (None, None)
            if not login.is_ended:
                self.refresh(login)
            assert refreshed in (None, 401), (self.name, refreshed)
            status, _, body = self.facility.request("POST", "/sessions/resolve", headers={"Authorization": f"Bearer {login.access}"}, internal=True)
            assert status == (401 if login.is_ended else 200), (self.name, login.is_ended, status, body)
        return [rotation for login in self.logins for rotation in login.rotations]


def hash_token(token):
    return hashlib.sha256(token.encode()).hexdigest()


def check_everything(facility, users):
    rotations = [rotation for user in users for rotation in user.check()]
    stored = dict(facility.rows("SELECT token_hash, consumed_at FROM refresh_token"))
    for used, next in rotations:
        assert stored[hash_token(used)] is not None, "a token whose refresh was accepted is used"
        assert hash_token(next) in stored
    ends = len(facility.rows("SELECT sid_hash FROM login WHERE ended_at IS NOT NULL"))
    ended = sum(login.is_ended for user in users for login in user.logins)
    assert ends >= ended, (ends, ended)
    # A login is stored together with its entry.
    orphans = facility.rows("SELECT sid_hash FROM login WHERE sid_hash NOT IN (SELECT sid_hash FROM audit WHERE kind = 'session' AND sid_hash IS NOT NULL)")
    assert not orphans, f"{len(orphans)} logins are not in the audit log"
    return len(rotations), ended


def count_acknowledged(users):
    return sum(user.acknowledged for user in users)


def kill_while_they_go_on(facility, users, kills, chance):
    for _ in range(kills):
        # At a moment that depends on how far they are.
        wanted = count_acknowledged(users) + chance.randrange(20, 60)
        wait_until("people go on", lambda: count_acknowledged(users) >= wanted or any(user.failure for user in users))
        assert not any(user.failure for user in users), [user.failure for user in users]
        facility.up.clear()
        facility.kill()
        wait_for_killed_connections(facility)
        facility.start()
        facility.up.set()


def kill_repeatedly(engine, facility, kills, seed):
    chance = random.Random(seed)
    users = [User(facility, number, seed) for number in range(USERS)]
    for user in users:
        facility.add_user(f"simple/{user.name}")
    facility.up.set()
    for user in users:
        user.start()
    try:
        kill_while_they_go_on(facility, users, kills, chance)
    finally:
        facility.up.set()
        for user in users:
            user.ended.set()
        for user in users:
            user.join()
    assert not any(user.failure for user in users), [user.failure for user in users]
    facility.kill()
    wait_for_killed_connections(facility)
    facility.start()
    rotations, ended = check_everything(facility, users)
    lost = sum(user.lost for user in users)
    locked = sum(user.is_locked for user in users)
    print(f"{engine}: {kills} kills, {count_acknowledged(users)} requests acknowledged and {lost} lost: {rotations} refreshes have rotated, {ended} logins stay ended, "
          f"{locked} accounts stay locked", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    engines = options.add_mutually_exclusive_group()
    engines.add_argument("--sqlite", dest="engines", action="store_const", const=["SQLite"], default=["SQLite", "PostgreSQL"])
    engines.add_argument("--postgres", dest="engines", action="store_const", const=["PostgreSQL"])
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)

    def run_engine(engine):
        with Postgres() if engine == "PostgreSQL" else contextlib.nullcontext() as postgres, KilledFacility(postgres) as facility:
            kill_repeatedly(engine, facility, options.kills, options.seed)

    with ThreadPoolExecutor() as pool:
        list(pool.map(run_engine, options.engines))


if __name__ == "__main__":
    main()
