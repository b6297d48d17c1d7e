#!/usr/bin/env python3
"""The disk of the databases is full: nobody is told that a password or a refresh token is wrong, tokens are verified, keys and ended
logins are listed. As soon as there is room, everything works, and each login goes on with the refresh token that it had.

    tests/interop/auth/test_full_disk.py
"""

# seconds: 8

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import AuthFacility
from small_disk import LimitedFiles, SmallDisk, may_mount
from suite import wait_until

ROUNDS = 3


class FacilityOnSmallDisk(AuthFacility):
    """All databases lie on a disk that can be full."""

    def __init__(self):
        super().__init__()
        directory = self.dir / "databases"
        directory.mkdir(mode=0o700)
        self.disk = (SmallDisk if may_mount(self.dir) else LimitedFiles)(directory)
        self.disk.prepare()

    def start(self, *prefix):
        # What the system does by itself to a process that writes beyond a limit is to end it.
        super().start(*prefix, *([] if isinstance(self.disk, SmallDisk) else ["env", "--ignore-signal=XFSZ"]))

    def __exit__(self, *_):
        self.kill()
        self.disk.remove()
        self.tmp.cleanup()

    def post(self, path, body):
        """Status, when to try again, and JSON."""
        status, headers, text = self.request("POST", path, body=body)
        return status, headers["Retry-After"], json.loads(text) if text else None

    def log_in(self):
        body = {"plugin": "simple", "username": "alice", "password": self.passwords["simple/alice"], "refresh_token": "body"}
        return self.post("/auth/v1/token", body)

    def refresh(self, login):
        status, _, answer = self.post("/auth/v1/token/refresh", {"refresh_token": login["refresh_token"]})
        if status == 200:
            login.update(answer)
        return status

    def log_out(self, login):
        return self.post("/auth/v1/logout", {"refresh_token": login["refresh_token"]})

    def set_notice(self):
        """A small write, as often as one likes."""
        return self.scigateway("PUT", "/maintenance", {"show": True, "message": "full"}, token=self.administrator)[0]

    def require_login(self):
        status, _, answer = self.log_in()
        assert status == 200, (status, answer)
        return answer


def require_refusals(facility, kept, left):
    """It is the server's fault, and nobody else's."""
    for status in (facility.log_in()[0], facility.refresh(kept)):
        assert status >= 500, status
    status, seconds, problem = facility.log_out(left)
    assert status in facility.disk.refusals, (status, problem)
    # What may be stored must not be sent again by clients on their own.
    assert ("may be stored or not" in problem["detail"]) != bool(seconds), (seconds, problem)


def check_reading(facility, login):
    bearer = {"Authorization": f"Bearer {login['access_token']}"}
    assert facility.request("POST", "/sessions/resolve", headers=bearer, internal=True)[0] == 200
    for path in ("/auth/v1/logins", "/auth/v1/revoked", "/.well-known/jwks.json", "/icat/entityManager?query=SELECT+COUNT(u)+FROM+User+u"):
        status, _, body = facility.request("GET", path, headers=bearer)
        assert status == 200, (path, status, body)


def main():
    with FacilityOnSmallDisk() as facility:
        facility.administrator, _ = facility.scigateway_login("admin")
        for _ in range(ROUNDS):
            kept, left = facility.require_login(), facility.require_login()
            facility.disk.fill(facility)
            # What is left of the logs is written first; after that nothing.
            wait_until("logins are refused", lambda: facility.log_in()[0] != 200)
            wait_until("refreshes are refused", lambda: facility.refresh(kept) != 200)
            wait_until("notices are refused", lambda: facility.set_notice() != 200)
            for _ in range(ROUNDS):
                require_refusals(facility, kept, left)
                check_reading(facility, kept)
            facility.disk.free(facility)
            assert facility.log_in()[0] == 200
            assert facility.refresh(kept) == 200, "its token was not used up"
            assert facility.log_out(left)[0] == 204
            assert facility.refresh(left) == 401
    print(f"{ROUNDS} full disks")


if __name__ == "__main__":
    main()
