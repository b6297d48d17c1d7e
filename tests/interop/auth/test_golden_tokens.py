#!/usr/bin/env python3
"""Tokens of SciGateway both ways: PyJWT 2.10 with a key of ssh-keygen reads ours, as services beside the old scigateway-auth do,
and signs the same claims to the same bytes; ours reads what PyJWT signs, and refuses wrong ones.

    tests/interop/auth/test_golden_tokens.py
"""

# needs: token_verifiers
# seconds: 8

import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from auth_facility import SCIGATEWAY_KEY_VARIABLE, AuthFacility, decode_part

REFUSED = (403, b'{"detail":"Invalid JWT token provided"}')


def generate_keys(directory):
    """The same key in each form that is read."""
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", directory / "openssh"], check=True)
    key = serialization.load_ssh_private_key((directory / "openssh").read_bytes(), None)
    forms = {"pkcs8": serialization.PrivateFormat.PKCS8, "pkcs1": serialization.PrivateFormat.TraditionalOpenSSL}
    for name, form in forms.items():
        (directory / name).write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        (directory / name).chmod(0o600)
    return key, (directory / "openssh.pub").read_text()


def sign(claims, key, alg="RS256", **more):
    """As the old service; None removes a claim."""
    claims = {name: value for name, value in {**claims, **more}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=alg)


def check_ours(facility, key, public):
    """The old services name the algorithm and nothing else."""
    for name, is_admin in {"admin": True, "josé": False}.items():
        before = int(time.time())
        access, _ = facility.scigateway_login(name)
        claims = jwt.decode(access, public, algorithms=["RS256"])
        assert (claims["username"], claims["userIsAdmin"]) == (f"simple/{name}", is_admin) and type(claims["sessionId"]) is str, claims
        assert before + 1790 <= claims["exp"] <= time.time() + 1800, "half an hour"
        assert decode_part(access, 0) == '{"alg":"RS256","typ":"JWT"}', decode_part(access, 0)
        # RSA signatures of this kind have no random part.
        assert sign(claims, key) == access, (decode_part(access, 1), decode_part(sign(claims, key), 1))
        # Hidden unless the settings say otherwise: whoever reads the page's storage would have the session. The embedded catalogue
        # knows whom the handle stands for, and an icat.server does not.
        assert claims["sessionId"].startswith("ush_"), claims
        status, _, body = facility.request("GET", f"/icat/session/{claims['sessionId']}")
        assert (status, json.loads(body)["userName"]) == (200, claims["username"]), (status, body)


def check_exposed_session(facility):
    """For front ends that give the session to the catalogue themselves."""
    access, _ = facility.scigateway_login("alice")
    status, _, body = facility.request("GET", f"/icat/session/{json.loads(decode_part(access, 1))['sessionId']}")
    assert status == 200 and json.loads(body)["userName"] == "simple/alice", (status, body)
    assert facility.scigateway("POST", "/verify", {"token": access})[0] == 200


def check_theirs(facility, key):
    now = int(time.time())
    claims = json.loads(decode_part(facility.scigateway_login("alice")[0], 1))

    def verify(token):
        status, _, body = facility.scigateway("POST", "/verify", {"token": token})
        return status, body

    for right in (sign(claims, key, exp=now + 60), sign(claims, key, iat=now - 5, nbf=now - 5, iss="x", jti="x", sub="x")):
        assert verify(right) == (200, b""), (right, verify(right))
    cases = {
        "expired": sign(claims, key, exp=now - 1), "without an end": sign(claims, key, exp=None), "not yet valid": sign(claims, key, nbf=now + 300),
        "from the future": sign(claims, key, iat=now + 300), "for somebody": sign(claims, key, aud="x"), "RS512": sign(claims, key, "RS512"),
        "unsigned": sign(claims, None, "none"), "another key": sign(claims, rsa.generate_private_key(65537, 2048)),
        "a refresh token": sign({"username": "simple/alice", "exp": now + 7 * 86400}, key), "an unknown session": sign(claims, key, sessionId="x" * 43),
    }
    for what, token in cases.items():
        assert verify(token) == REFUSED, (what, verify(token))
    return len(cases)


def main():
    facility = AuthFacility()
    key, public = generate_keys(facility.dir)
    facility.env[SCIGATEWAY_KEY_VARIABLE] = str(facility.dir / "openssh")
    with facility:
        facility.add_user("simple/josé")
        for form in ("openssh", "pkcs8", "pkcs1"):
            facility.kill()
            facility.env[SCIGATEWAY_KEY_VARIABLE] = str(facility.dir / form)
            facility.start()
            check_ours(facility, key, public)
        refused = check_theirs(facility, key)
        facility.kill()
        facility.env["UNDULATOR_AUTH__EXPOSE_ICAT_SESSION"] = "true"
        facility.start()
        check_exposed_session(facility)
    print(f"PyJWT reads ours, with the key in three forms; ours reads PyJWT's, and refuses {refused} kinds")


if __name__ == "__main__":
    main()
