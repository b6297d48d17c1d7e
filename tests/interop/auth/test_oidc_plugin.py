#!/usr/bin/env python3
"""The plugin `oidc` of an icat.server: a provider's token becomes a user, with the options and the messages of authn.oidc 2.0.1; its
bugs are fixed where the settings say so, and tokens for other programs are refused.

    tests/interop/auth/test_oidc_plugin.py
"""

# needs: oidc_provider token_verifiers
# seconds: 20

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from auth_facility import AuthFacility
from oidc_provider import OidcProvider
from plugin_client import authenticate, require_refusal
from provider_settings import render_oidc_plugin

AUDIENCE = "icat"
MISSING_SCOPE, WRONG_SCOPE = "The token is missing the scope claim", "The token is missing the required scope icat"
MISSING_ISSUER, WRONG_ISSUER = "The token is missing the iss claim", "The iss claim of the token does not match the configured issuer"
NO_KID, NO_KEY = "The token is missing a kid", "Unable to find a public key matching the kid"
EXPIRED, INVALID, NO_USER = "The token has expired", "The token is invalid", "The token is missing an ICAT username"
UNREADABLE, EMPTY = "The token could not be decoded", "The token cannot be null or empty"
NOT_READY = "The JWK configuration is not ready, try again in a few minutes"


class Tokens:
    def __init__(self, provider):
        self.provider = provider

    def sign(self, header=None, sign="current", **more):
        now = int(time.time())
        claims = {"iss": self.provider.issuer, "aud": AUDIENCE, "azp": AUDIENCE, "sub": "f:1", "scope": "openid icat", "iat": now, "exp": now + 300, "icat_user": "ada"}
        return self.provider.sign_token({**claims, **more}, header, sign)


def check_refusals(facility, tokens):
    now = int(time.time())
    cases = {
        "": EMPTY, "x": UNREADABLE, "x.y.z": UNREADABLE,
        tokens.sign(scope=None): MISSING_SCOPE, tokens.sign(scope="openid icatx"): WRONG_SCOPE,
        tokens.sign(iss=None): MISSING_ISSUER, tokens.sign(iss="https://evil.example.org"): WRONG_ISSUER,
        tokens.sign({"kid": None}): NO_KID, tokens.sign({"kid": "unknown"}): NO_KEY, tokens.sign({"kid": "for-encryption"}): NO_KEY,
        tokens.sign(exp=now - 60): EXPIRED, tokens.sign(sign="foreign"): INVALID, tokens.sign({"alg": "HS256"}, "public-key-as-secret"): INVALID,
        tokens.sign({"alg": "none"}, "nothing"): INVALID, tokens.sign({"alg": "RS512"}): INVALID, tokens.sign(nbf=now + 300): INVALID, tokens.sign(iat=now + 300): INVALID,
        tokens.sign(icat_user=None): NO_USER,
    }
    for token, message in cases.items():
        found = require_refusal(authenticate(facility, "oidc", {"token": token}))
        assert found == message, (found, message)
    for credentials in ([], None, [{"token": 1}], [{"token": None}], [{"username": "ada"}]):
        status, answer = authenticate(facility, "oidc", credentials)
        # The original fails with an internal error.
        assert status == 403 and answer["message"] == EMPTY, (credentials, status, answer)
    # The original accepts them.
    for token in (tokens.sign(exp=None), tokens.sign(aud="another", azp="another")):
        assert require_refusal(authenticate(facility, "oidc", {"token": token})) == INVALID
    message = require_refusal(authenticate(facility, "oidc", {"token": tokens.sign()}, ip="198.51.100.1"))
    assert message == "authn.oidc does not allow log in from your IP address 198.51.100.1", message
    return len(cases) + 8


def check_users(facility, tokens):
    """Claims that are whole names, and claims with a mechanism, which must be allowed."""
    expected = {
        "ada": {"username": "ada", "mechanism": "oidc"}, "ldap/ada": {"username": "ada", "mechanism": "ldap"},
        "a/b/c": None, "/b": None, "db/root": None, "simple/root": None, "a\u0000b": None, "": None, "x" * 300: None,
    }
    for claim, user in expected.items():
        status, answer = authenticate(facility, "oidc", {"token": tokens.sign(icat_user=claim)})
        assert (status, answer) == (200, user) if user else status == 403, (claim, status, answer)
    for claim in (1, ["ada"], {"x": 1}):
        assert require_refusal(authenticate(facility, "oidc", {"token": tokens.sign(icat_user=claim)})) == NO_USER, claim


def check_rotation_and_outage(facility, provider, tokens):
    """The keys were asked for because of an unknown one above, which happens once a minute."""
    facility.kill()
    facility.start()
    before = tokens.sign()
    assert authenticate(facility, "oidc", {"token": before})[0] == 200
    provider.rotate_keys()
    for token in (before, tokens.sign()):
        assert authenticate(facility, "oidc", {"token": token})[0] == 200
    with provider.outage(503):
        assert authenticate(facility, "oidc", {"token": tokens.sign()})[0] == 200, "known keys are enough"
    provider.end()
    facility.kill()
    facility.start()
    status, answer = authenticate(facility, "oidc", {"token": before})
    assert status == 503 and answer["message"] == NOT_READY, (status, answer)
    assert facility.request("GET", "/authn.oidc/description", internal=True)[2] == b'{"keys":[{"name":"token","hide":true}]}'
    provider.start()


def main():
    with OidcProvider() as provider:
        tokens = Tokens(provider)
        plugin = {"required_scope": "icat", "audiences": [AUDIENCE], "user_claim": "icat_user", "addresses": ["192.0.2.0/24"], "claim_mechanisms": ["ldap"]}
        with AuthFacility(render_oidc_plugin("oidc", provider.issuer, **plugin, user_claim_required=True)) as facility:
            refused = check_refusals(facility, tokens)
            check_users(facility, tokens)
            check_rotation_and_outage(facility, provider, tokens)
        # As the original without its two switches: `sub` with the mechanism, if the claim is missing.
        with AuthFacility(render_oidc_plugin("oidc", provider.issuer, **plugin, user_claim_required=False)) as facility:
            found = authenticate(facility, "oidc", {"token": tokens.sign(icat_user=None)})
            assert found == (200, {"username": "f:1", "mechanism": "oidc"}), found
    print(f"{refused} tokens refused, each with its message; users, rotation, outage")


if __name__ == "__main__":
    main()
