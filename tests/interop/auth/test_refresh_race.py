#!/usr/bin/env python3
"""Two tabs of a browser refresh with the same token at the same moment, each at another replica: both get tokens that live. A
refresh token that is used after the grace ends the login with all its tokens on both replicas, and leaves others alone.

    tests/interop/auth/test_refresh_race.py [--rounds N]
"""

# needs: token_verifiers
# seconds: 20
# long: --rounds 500

import argparse
import random
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from auth_facility import AuthFacility
from auth_replica import AuthReplica, post_json, write_signing_key
from servers import Nats, Postgres
from suite import wait_until

GRACE_SECONDS = 3


def log_in(replica, facility, name="alice"):
    body = {"plugin": "simple", "username": name, "password": facility.passwords[f"simple/{name}"], "refresh_token": "body", "client_id": "tabs"}
    status, answer = post_json(replica, "/auth/v1/token", body)
    assert status == 200, (status, answer)
    return answer


def refresh(replica, token):
    return post_json(replica, "/auth/v1/token/refresh", {"refresh_token": token, "client_id": "tabs"})


def is_alive(replica, access):
    """What other services ask."""
    status, _, body = replica.request("POST", "/sessions/resolve", headers={"Authorization": f"Bearer {access}"}, internal=True)
    assert status in (200, 401), (status, body)
    return status == 200


def refresh_at_once(replicas, token):
    """The answers of both replicas."""
    barrier, answers = threading.Barrier(len(replicas)), [None] * len(replicas)

    def send(number):
        barrier.wait()
        answers[number] = refresh(replicas[number], token)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(replicas))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def check_two_tabs(replicas, facility, rounds, seed):
    chooser = random.Random(seed)
    token = log_in(replicas[0], facility)["refresh_token"]
    for round in range(rounds):
        answers = refresh_at_once(replicas, token)
        assert all(status == 200 for status, _ in answers), (round, answers)
        tokens = [answer for _, answer in answers]
        assert len({answer["refresh_token"] for answer in tokens} | {token}) == 3, "a token was given twice"
        for replica in replicas:
            assert all(is_alive(replica, answer["access_token"]) for answer in tokens), round
        # Whichever tab goes on.
        token = chooser.choice(tokens)["refresh_token"]
    print(f"{rounds} rounds of two tabs (seed {seed}): both live", flush=True)


def check_replay(replicas, facility):
    other = log_in(replicas[0], facility, "bob")
    same_user = log_in(replicas[1], facility)
    first = log_in(replicas[0], facility)
    _, second = refresh(replicas[1], first["refresh_token"])
    _, third = refresh(replicas[0], second["refresh_token"])
    accesses = [answer["access_token"] for answer in (first, second, third)]
    assert all(is_alive(replica, access) for replica in replicas for access in accesses)
    wait_until("the first token is refused", lambda: refresh(replicas[1], first["refresh_token"])[0] == 401, 10 * GRACE_SECONDS)
    for number, replica in enumerate(replicas):
        for token in (third["refresh_token"], second["refresh_token"], first["refresh_token"]):
            assert refresh(replica, token)[0] == 401, number
        wait_until("no service accepts its tokens", lambda: not any(is_alive(replica, access) for access in accesses), 30)
        for untouched in (other, same_user):
            assert is_alive(replica, untouched["access_token"]), number
    for untouched in (other, same_user):
        assert refresh(replicas[1], untouched["refresh_token"])[0] == 200
    print("a replay ends its login on both replicas, and no other")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=30)
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    with Postgres() as postgres, Nats() as nats:
        env = nats.env | {"UNDULATOR_AUTH__REFRESH_GRACE": f"{GRACE_SECONDS}s"}
        facility = AuthFacility(postgres=postgres, **env)
        write_signing_key(facility.dir / "keys")
        facility.env["UNDULATOR_AUTH__KEYS_DIR"] = str(facility.dir / "keys")
        with facility, AuthReplica(facility) as other:
            other.start()
            check_two_tabs([facility, other], facility, chosen.rounds, chosen.seed)
            check_replay([facility, other], facility)


if __name__ == "__main__":
    main()
