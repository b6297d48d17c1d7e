#!/usr/bin/env python3
"""Clocks differ by two minutes: those of two replicas, of auth and the services that verify its tokens, and of an identity provider.
Logins and refreshes go back and forth between the replicas, two tabs refresh at once, a copy of a refresh token is found out,
and verifiers hear of each logout.

    tests/interop/auth/test_clock_skew.py
"""

# needs: oidc_provider token_verifiers
# seconds: 35
# mostly-waits: lists of ended logins are five seconds old, and graces are waited for

import hashlib
import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from auth_facility import decode_part
from auth_replica import AuthReplica, post_json, write_signing_key
from fake_clock import shift_clock
from oidc_logins import NAME, OidcFacility
from servers import Nats, Postgres
from suite import wait_until

SKEW_SECONDS = 120
GRACE_SECONDS = 3


def log_in(replica, facility):
    body = {"plugin": "simple", "username": "alice", "password": facility.passwords["simple/alice"], "refresh_token": "body"}
    status, answer = post_json(replica, "/auth/v1/token", body)
    assert status == 200, (status, answer)
    return answer


def refresh(replica, token):
    return post_json(replica, "/auth/v1/token/refresh", {"refresh_token": token})


def require_refresh(replica, token):
    status, answer = refresh(replica, token)
    assert status == 200, (status, answer)
    return answer


def bearer(login):
    return {"Authorization": f"Bearer {login['access_token']}"}


def check_refreshes(facility, other):
    for replicas in ([facility, other], [other, facility]):
        token = log_in(replicas[0], facility)["refresh_token"]
        for replica in replicas[::-1] * 2:
            token = require_refresh(replica, token)["refresh_token"]


def check_tokens(facility, other):
    """A token of one replica is accepted by the other, and by the catalogue, from its first second on."""
    for one in (facility, other):
        login = log_in(one, facility)
        for replica in (facility, other):
            status, _, body = replica.request("GET", "/auth/v1/logins", headers=bearer(login))
            assert status == 200, (status, body)
        status, _, body = facility.request("GET", "/icat/entityManager", {"query": "SELECT COUNT(u) FROM User u"}, headers=bearer(login))
        assert status == 200, (status, body)


def check_two_tabs(facility, other):
    token = log_in(facility, facility)["refresh_token"]
    for _ in range(10):
        barrier, answers = threading.Barrier(2), {}

        def send(replica):
            barrier.wait()
            answers[replica] = refresh(replica, token)

        threads = [threading.Thread(target=send, args=(replica,)) for replica in (facility, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(status == 200 for status, _ in answers.values()), answers
        for _, answer in answers.values():
            token = require_refresh(facility, answer["refresh_token"])["refresh_token"]


def check_replays(facility, other):
    for one in (facility, other):
        first = log_in(one, facility)["refresh_token"]
        second = require_refresh(one, first)["refresh_token"]
        wait_until("the copy is refused", lambda: refresh(one, first)[0] == 401, 10 * GRACE_SECONDS)
        assert [refresh(replica, second)[0] for replica in (facility, other)] == [401, 401]


def check_logouts(facility, other):
    """Whoever asks one replica again and again hears of logouts on both."""
    for asked in (facility, other):
        left = [log_in(facility, facility) for _ in range(2)]
        _, page = read_list(asked)
        for replica, login in zip((facility, other), left):
            assert post_json(replica, "/auth/v1/logout", {"refresh_token": login["refresh_token"]})[0] == 204
        wanted = {hashlib.sha256(json.loads(decode_part(login["access_token"], 1))["sid"].encode()).hexdigest()[:32] for login in left}
        wait_until("both logouts are listed", lambda: wanted <= read_list(asked, page["next"])[0], 30)


def read_list(replica, after=None):
    """The ids, and the answer."""
    page = json.loads(replica.request("GET", "/auth/v1/revoked", {"after": after} if after else None)[2])
    return {entry["id"] for entry in page["revoked"]}, page


def check_provider(facility):
    """ID tokens and logout tokens of a provider whose clock differs."""
    for skew, user in ((-SKEW_SECONDS, "bea"), (SKEW_SECONDS, "cem")):
        now = int(time.time()) + skew
        # Nobody else is logged out by a clock that changes.
        facility.provider.log_in_as(user, acr="mfa", amr=["pwd", "otp"])
        facility.provider.break_answers(id_token={"claims": {"iat": now, "auth_time": now, "exp": now + 3600}})
        browser, claims = facility.require_login()
        session = facility.provider.sign_logout_token(iat=now, exp=now + 120, sub=user)
        status, _, body = facility.request("POST", f"/auth/v1/oidc/{NAME}/backchannel-logout", form={"logout_token": session})
        assert status == 200, (skew, status, body)
        assert facility.refresh(browser)[0] == (401 if skew > 0 else 200), "a logout does not end a login that is younger"
    facility.provider.break_answers()
    facility.provider.log_in_as("ada", acr="mfa", amr=["pwd", "otp"])


def check_provider_logins(facility, other):
    """A replica signs who has logged in, and the catalogue asks the other one whether that is so."""
    facility.kill()
    facility.env["UNDULATOR_CATALOGUE__AUTHN_URL"] = f"http://127.0.0.1:{other.internal}"
    facility.start()
    try:
        facility.require_login()
    finally:
        facility.kill()
        del facility.env["UNDULATOR_CATALOGUE__AUTHN_URL"]
        facility.start()


# By how much the clock of a replica differs. Two tabs at two replicas need clocks that differ by less than the grace.
CHECKS = {SKEW_SECONDS: [check_refreshes, check_replays, check_logouts, check_tokens, check_provider_logins], GRACE_SECONDS - 2: [check_two_tabs]}


def main():
    with Postgres() as postgres, Nats() as nats:
        facility = OidcFacility(postgres=postgres, **nats.env, UNDULATOR_AUTH__REFRESH_GRACE=f"{GRACE_SECONDS}s")
        write_signing_key(facility.dir / "keys")
        facility.env["UNDULATOR_AUTH__KEYS_DIR"] = str(facility.dir / "keys")
        with facility:
            check_provider(facility)
            print("an identity provider", flush=True)
            for skew in (seconds * sign for seconds in CHECKS for sign in (1, -1)):
                with AuthReplica(facility) as other:
                    other.start(*shift_clock(skew, other.dir))
                    for check in CHECKS[abs(skew)]:
                        check(facility, other)
                    names = ", ".join(check.__name__.removeprefix("check_").replace("_", " ") for check in CHECKS[abs(skew)])
                    print(f"a replica that is {abs(skew)} s {'fast' if skew > 0 else 'slow'}: {names}", flush=True)


if __name__ == "__main__":
    main()
