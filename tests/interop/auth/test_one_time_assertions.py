#!/usr/bin/env python3
"""The signed assertion that logs a user in at an icat.server is good for one user, one audience, a minute, and once: used on two
replicas at the same moment, exactly one of them accepts it. Forged, late, foreign and reused ones, and those of root users, are
refused.

    tests/interop/auth/test_one_time_assertions.py [--rounds N]
"""

# needs: token_verifiers
# seconds: 15

import argparse
import json
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519

from auth_facility import AuthFacility
from auth_replica import AuthReplica, write_signing_key
from plugin_client import authenticate
from servers import Postgres

PLUGIN = "delegate"
AUDIENCE = "icat-login"
TYPE = "icat-login+jwt"


class Signer:
    """Signs as the product does, and otherwise."""

    def __init__(self, facility, key):
        self.issuer, self.key = facility.url, key
        (published,) = json.loads(facility.request("GET", "/.well-known/jwks.json")[2])["keys"]
        self.kid = published["kid"]

    def sign(self, key=None, header=None, **more):
        now = int(time.time())
        claims = {
            **{"iss": self.issuer, "aud": AUDIENCE, "sub": "oidc/ada", "mechanism": "oidc", "username": "ada"},
            **{"iat": now, "nbf": now, "exp": now + 60, "jti": str(uuid.uuid4())}, **more,
        }
        header = {"typ": TYPE, "kid": self.kid, **(header or {})}
        return jwt.encode({name: value for name, value in claims.items() if value is not None}, key or self.key, algorithm="EdDSA", headers=header)


def check_races(replicas, signer, rounds):
    for round in range(rounds):
        token = signer.sign()
        barrier, answers = threading.Barrier(2), [None, None]

        def send(number):
            barrier.wait()
            answers[number] = authenticate(replicas[number], PLUGIN, {"token": token})

        threads = [threading.Thread(target=send, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won, lost = sorted(answers, key=lambda answer: answer[0])
        assert (won[0], lost[0]) == (200, 403), (round, answers)
        assert won[1] == {"username": "ada", "mechanism": "oidc"} and lost[1]["code"] == "AuthnException", answers
        for replica in replicas:
            assert authenticate(replica, PLUGIN, {"token": token})[0] == 403, round
    print(f"{rounds} assertions on two replicas at once: each accepted exactly once", flush=True)


def check_refusals(replica, signer, facility):
    now = int(time.time())
    access = json.loads(replica.request("POST", "/auth/v1/token", body={
        "plugin": "simple", "username": "alice", "password": facility.passwords["simple/alice"]})[2])["access_token"]
    cases = {
        "an access token": access, "another audience": signer.sign(aud="undulator"), "no audience": signer.sign(aud=None),
        "another issuer": signer.sign(iss="https://evil.example.org"), "too old": signer.sign(iat=now - 400, nbf=now - 400, exp=now - 300),
        "no end": signer.sign(exp=None), "a late end": signer.sign(exp=now + 3600), "not yet valid": signer.sign(nbf=now + 300, iat=now + 300, exp=now + 360),
        "no id": signer.sign(jti=None), "another key": signer.sign(key=ed25519.Ed25519PrivateKey.generate()), "another kind": signer.sign(header={"typ": "at+jwt"}),
        "an unknown key": signer.sign(header={"kid": "unknown"}), "no user": signer.sign(username=None, sub=None), "nothing": "", "no token": "x",
        "a root user": signer.sign(sub="simple/root", mechanism="simple", username="root"),
    }
    for what, token in cases.items():
        status, answer = authenticate(replica, PLUGIN, {"token": token})
        assert status == 403 and answer.keys() == {"code", "message"}, (what, status, answer)
    assert authenticate(replica, PLUGIN, {"token": signer.sign()})[0] == 200, "what is wrong above is only what is said to be"
    print(f"{len(cases)} kinds of wrong assertions refused")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=100)
    rounds = options.parse_args().rounds
    with Postgres() as postgres:
        facility = AuthFacility(postgres=postgres)
        key = write_signing_key(facility.dir / "keys")
        facility.env["UNDULATOR_AUTH__KEYS_DIR"] = str(facility.dir / "keys")
        with facility, AuthReplica(facility) as other:
            other.start()
            signer = Signer(facility, key)
            check_refusals(facility, signer, facility)
            check_races([facility, other], signer, rounds)


if __name__ == "__main__":
    main()
