#!/usr/bin/env python3
"""Keycloak as other tests meet it: levels of authentication and what `acr`, `amr` and `auth_time` say, the realm without a second
factor, code, device and refresh, rotation of keys, logout. The product is not needed.

    tests/interop/auth/test_peer_keycloak.py
"""

# needs: keycloak token_verifiers
# seconds: 90
# only-long: it needs 0.6 GB, and a minute to start; test_peer_oidc_provider.py has a light provider

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import jwt

from cookie_browser import CookieBrowser
from keycloak import API_AUDIENCE, CLIENT, DEVICE_CLIENT, SECRET, Keycloak, read_hash
from logout_receiver import LogoutReceiver
from oidc_client import OidcClient, create_challenge, decode_token, fetch_json
from suite import wait_until

def verify(client, token, audience=CLIENT):
    keys = {key["kid"]: key for key in fetch_json(client.discovery["jwks_uri"])["keys"] if key["use"] == "sig"}
    return jwt.decode(token, jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]]), algorithms=["RS256"], audience=audience, issuer=client.issuer)


class Login:
    """A client and a browser, with a session at the provider from one login to the next."""

    def __init__(self, server, realm, name):
        self.server, self.name = server, name
        self.client = OidcClient(server.issuer(realm), CLIENT, SECRET, server.redirect_uri)
        self.browser = CookieBrowser()

    def __call__(self, **more):
        tokens, sent = self.client.log_in(self.browser, lambda answer: self.server.log_in(self.browser, answer, self.name), **more)
        claims = verify(self.client, tokens["id_token"])
        assert claims["nonce"] == sent["nonce"] and claims["at_hash"] == read_hash(tokens["access_token"]), claims
        self.tokens = tokens
        return claims

    def ask(self, **more):
        """The parameters of the redirect back, without a page."""
        url, _ = self.client.build_authorization(**more)
        return self.client.read_redirect(self.browser.open(url, self.server.redirect_uri))


def check_levels(server):
    log_in = Login(server, "facility", "ada")
    claims = log_in()
    assert (claims["acr"], claims["amr"]) == ("password", ["pwd"]), claims
    assert log_in.ask(prompt="none", acr_values="mfa")["error"] == "login_required"
    claims = log_in(acr_values="mfa")
    assert (claims["acr"], sorted(claims["amr"])) == ("mfa", ["otp", "pwd"]), claims
    assert log_in()["acr"] == "mfa", "a later login has the high level, until it is too old"
    claims = log_in(acr_values="password")
    assert (claims["acr"], sorted(claims["amr"])) == ("password", ["otp", "pwd"]), claims
    claims = log_in(prompt="login")
    assert (claims["acr"], claims["amr"]) == ("password", ["pwd"]), claims
    # Two logins within half a minute have the same code.
    assert Login(server, "facility", "ada")(acr_values="mfa")["acr"] == "mfa"


def check_realm_without_second_factor(server):
    """It says yes to every demand, and a low level."""
    log_in = Login(server, "stock", "bob")
    assert log_in()["acr"] == "1"
    assert log_in()["acr"] == "0"
    claims = log_in(acr_values="mfa")
    assert claims["acr"] in ("0", "1") and "amr" not in claims, claims
    claims = log_in(claims='{"id_token":{"acr":{"essential":true,"values":["1"]}}}')
    assert claims["acr"] in ("0", "1"), claims


def check_tokens(server):
    """Kinds of tokens, refresh with rotation, and the end of a family."""
    log_in = Login(server, "facility", "bob")
    log_in()
    tokens = log_in.tokens
    _, id_claims = decode_token(tokens["id_token"])
    header, access = decode_token(tokens["access_token"])
    assert header["typ"] == "JWT" and (id_claims["typ"], access["typ"]) == ("ID", "Bearer"), (header, access)
    assert access["azp"] == CLIENT and verify(log_in.client, tokens["access_token"], API_AUDIENCE)
    status, refreshed = log_in.client.refresh(tokens["refresh_token"])
    assert status == 200 and "nonce" not in decode_token(refreshed["id_token"])[1], refreshed
    status, refused = log_in.client.refresh(tokens["refresh_token"])
    assert status == 400, refused
    assert log_in.client.refresh(refreshed["refresh_token"])[0] == 400, "the family is dead"


def check_device_login(server):
    """The client's setting that demands PKCE demands it of device codes too."""
    client = OidcClient(server.issuer("facility"), DEVICE_CLIENT)
    status, refused = client.post("device_authorization_endpoint", scope="openid")
    assert (status, refused["error"]) == (400, "invalid_request"), (status, refused)
    verifier, challenge = create_challenge()
    started = client.start_device(**challenge)
    assert started["interval"] == 5, started

    def poll():
        return client.poll_device(started["device_code"], code_verifier=verifier)

    assert poll()[1]["error"] == "authorization_pending"
    assert poll()[1]["error"] == "slow_down"
    browser = CookieBrowser()
    answer = browser.open(started["verification_uri_complete"])
    answer = browser.submit(answer, username="ada", password="ada-password", credentialId="")
    answer = browser.submit(answer, button=("accept", "Yes"))
    assert answer.status == 200, answer.text
    polled = []

    def is_done():
        # As it has asked for.
        time.sleep(started["interval"])
        polled.append(poll())
        return polled[-1][0] == 200

    wait_until("the device has its tokens", is_done)
    assert decode_token(polled[-1][1]["id_token"])[1]["preferred_username"] == "ada", polled


def check_rotation(server):
    log_in = Login(server, "facility", "bob")
    log_in()
    before = log_in.tokens["id_token"]
    server.rotate_keys("facility")
    log_in()
    assert decode_token(before)[0]["kid"] != decode_token(log_in.tokens["id_token"])[0]["kid"]
    verify(log_in.client, before)


def check_logout(server, receiver):
    log_in = Login(server, "facility", "bob")
    claims = log_in()
    receiver.forget()
    answer = log_in.browser.open(log_in.client.build_logout(log_in.tokens["id_token"], "http://127.0.0.1/bye"), "http://127.0.0.1/bye")
    assert answer.location() == "http://127.0.0.1/bye?state=bye", (answer.status, answer.text)
    header, logout = decode_token(receiver.take_token())
    assert header["typ"] == "logout+jwt" and logout["aud"] == CLIENT and "nonce" not in logout, (header, logout)
    assert logout["sid"] == claims["sid"], logout


def main():
    receiver = LogoutReceiver()
    started = time.monotonic()
    with Keycloak(logout_uri=receiver.url) as server:
        seconds = time.monotonic() - started
        check_levels(server)
        check_realm_without_second_factor(server)
        check_tokens(server)
        check_device_login(server)
        check_rotation(server)
        check_logout(server, receiver)
    print(f"started in {seconds:.0f} s with two realms; levels with one-time codes; success and a low level without "
          "them; kinds of tokens, refresh, device, rotation, logout with its token")


if __name__ == "__main__":
    main()
