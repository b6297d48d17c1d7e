#!/usr/bin/env python3
"""The provider that other tests break: logins with code and PKCE, device logins, rotation of keys, logout, outages, and each
way in which a token can be wrong. The product is not needed.

    tests/interop/auth/test_peer_oidc_provider.py
"""

# needs: oidc_provider token_verifiers
# seconds: 5

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import jwt

from cookie_browser import CookieBrowser
from logout_receiver import LogoutReceiver
from oidc_client import OidcClient, decode_token, fetch_json
from oidc_provider import CLIENT, DEVICE_CLIENT, PUBLIC_CLIENT, SECRET, OidcProvider


def verify_id_token(provider, token, audience=CLIENT, **options):
    """As PyJWT does, with the published keys."""
    keys = {key["kid"]: key for key in fetch_json(f"{provider.issuer}/jwks")["keys"] if key["use"] == "sig"}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=provider.issuer, options={"require": ["exp", "iat", "nonce"], **options})


def check_discovery(provider):
    found = fetch_json(f"{provider.issuer}/.well-known/openid-configuration")
    assert found["issuer"] == provider.issuer and found["authorization_response_iss_parameter_supported"], found
    assert found["code_challenge_methods_supported"] == ["S256"] and found["acr_values_supported"] == ["password", "mfa"], found
    assert found["backchannel_logout_session_supported"] and found["device_authorization_endpoint"].startswith(provider.issuer), found
    uses = [key["use"] for key in fetch_json(found["jwks_uri"])["keys"]]
    assert uses == ["sig", "enc"], uses


def check_code_logins(provider):
    """Automatically and with the form, with and without a secret."""
    client = OidcClient(provider.issuer, CLIENT, SECRET, provider.redirect_uri)
    provider.log_in_as("ada", acr="mfa", amr=["pwd", "otp"], seconds_ago=100)
    tokens, sent = client.log_in(CookieBrowser(), lambda answer: answer)
    claims = verify_id_token(provider, tokens["id_token"])
    assert claims["nonce"] == sent["nonce"] and claims["sub"] == claims["preferred_username"] == "ada", claims
    assert (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp"]), claims
    assert abs(claims["auth_time"] - time.time() + 100) < 30 and "sid" in claims, claims
    assert [one["form"]["code_verifier"] for one in provider.requests("/token")] == [sent["code_verifier"]]

    provider.log_in_as(None)
    public = OidcClient(provider.issuer, PUBLIC_CLIENT, None, provider.redirect_uri)
    browser = CookieBrowser()

    def fill_in(answer):
        return browser.submit(answer, provider.redirect_uri, account="bob", acr="password", amr="pwd")

    tokens, _ = public.log_in(browser, fill_in)
    claims = verify_id_token(provider, tokens["id_token"], PUBLIC_CLIENT)
    assert (claims["sub"], claims["acr"], claims["amr"]) == ("bob", "password", ["pwd"]), claims
    # The same browser is still logged in.
    tokens, _ = public.log_in(browser, lambda answer: answer)
    status, refreshed = public.refresh(tokens["refresh_token"])
    assert status == 200 and refreshed["refresh_token"] != tokens["refresh_token"], refreshed
    status, refused = public.refresh(tokens["refresh_token"])
    assert (status, refused["error"]) == (400, "invalid_grant"), refused


def check_refusals(provider):
    client = OidcClient(provider.issuer, CLIENT, SECRET, provider.redirect_uri)
    provider.log_in_as("ada")
    for what, more in {"verifier": {"code_verifier": "x" * 43}, "replay": {}}.items():
        url, sent = client.build_authorization()
        code = client.read_redirect(CookieBrowser().open(url, provider.redirect_uri))["code"]
        if what == "replay":
            assert client.redeem(code, sent["code_verifier"])[0] == 200
        status, refused = client.redeem(code, **{"code_verifier": sent["code_verifier"], **more})
        assert (status, refused["error"]) == (400, "invalid_grant"), (what, status, refused)
    provider.refuse_login()
    url, _ = client.build_authorization()
    assert client.read_redirect(CookieBrowser().open(url, provider.redirect_uri))["error"] == "access_denied"


def check_device_login(provider):
    client = OidcClient(provider.issuer, DEVICE_CLIENT)
    provider.log_in_as("ada", acr="mfa")
    started = client.start_device()
    assert client.poll_device(started["device_code"])[1]["error"] == "authorization_pending"
    browser = CookieBrowser()
    answer = browser.submit(browser.open(started["verification_uri_complete"]))
    answer = browser.submit(answer)
    assert answer.status == 200 and answer.text == "the device is logged in", answer.text
    status, tokens = client.poll_device(started["device_code"])
    assert status == 200 and decode_token(tokens["id_token"])[1]["sub"] == "ada", tokens


def log_in(provider, browser=None):
    client = OidcClient(provider.issuer, CLIENT, SECRET, provider.redirect_uri)
    provider.log_in_as("ada", acr="mfa", amr=["pwd", "otp"])
    return client.log_in(browser or CookieBrowser(), lambda answer: answer)[0]["id_token"]


# What is ordered, and what PyJWT says of the id token.
BROKEN_ID_TOKENS = [
    ({"claims": {"iss": "https://evil.example.org"}}, jwt.InvalidIssuerError),
    ({"claims": {"iss": None}}, jwt.MissingRequiredClaimError),
    ({"claims": {"aud": "another"}}, jwt.InvalidAudienceError),
    ({"claims": {"nonce": None}}, jwt.MissingRequiredClaimError),
    ({"claims": {"exp": 1_700_000_000}}, jwt.ExpiredSignatureError),
    ({"claims": {"exp": None}}, jwt.MissingRequiredClaimError),
    ({"claims": {"iat": 4_000_000_000}}, jwt.ImmatureSignatureError),
    ({"header": {"alg": "none"}, "sign": "nothing"}, jwt.InvalidAlgorithmError),
    ({"header": {"alg": "HS256"}, "sign": "public-key-as-secret"}, jwt.InvalidAlgorithmError),
    ({"header": {"alg": "RS512"}}, jwt.InvalidAlgorithmError),
    ({"header": {"kid": "unknown"}}, KeyError),
    ({"header": {"kid": None}}, KeyError),
    ({"sign": "foreign"}, jwt.InvalidSignatureError),
]
# Right for PyJWT, which knows nothing of them.
CHANGED_CLAIMS = {"nonce": "another", "azp": "another", "acr": None, "amr": "pwd", "auth_time": 1_700_000_000, "iat": 1_700_000_000}


def check_broken_answers(provider):
    """Each is what was ordered, and only as long as it is; how many."""
    for breakage, error in BROKEN_ID_TOKENS:
        provider.break_answers(id_token=breakage)
        token = log_in(provider)
        try:
            verify_id_token(provider, token)
        except error:
            continue
        raise AssertionError(f"{breakage} is not {error}: {decode_token(token)}")
    for claim, value in CHANGED_CLAIMS.items():
        provider.break_answers(id_token={"claims": {claim: value}})
        claims = verify_id_token(provider, log_in(provider), require=[])
        assert claims.get(claim) == value, (claim, claims)
    provider.break_answers(redirect={"iss": "https://evil.example.org", "state": None})
    client = OidcClient(provider.issuer, CLIENT, SECRET, provider.redirect_uri)
    parameters = client.read_redirect(CookieBrowser().open(client.build_authorization()[0], provider.redirect_uri))
    assert parameters["iss"] == "https://evil.example.org" and "state" not in parameters, parameters
    provider.break_answers(discovery={"issuer": "https://evil.example.org"})
    assert fetch_json(f"{provider.issuer}/.well-known/openid-configuration")["issuer"] == "https://evil.example.org"
    provider.break_answers()
    assert verify_id_token(provider, log_in(provider))["iss"] == provider.issuer
    return len(BROKEN_ID_TOKENS) + len(CHANGED_CLAIMS) + 2


def check_rotation(provider):
    before = log_in(provider)
    kid = provider.rotate_keys()
    after = log_in(provider)
    assert decode_token(after)[0]["kid"] == kid != decode_token(before)[0]["kid"]
    verify_id_token(provider, before)
    verify_id_token(provider, after)
    provider.rotate_keys(withdraw=True)
    keys = [key["kid"] for key in fetch_json(f"{provider.issuer}/jwks")["keys"]]
    assert kid not in keys and decode_token(log_in(provider))[0]["kid"] in keys, keys
    withdrawn = provider.sign_token({"sub": "ada"}, {"kid": kid}, sign="withdrawn")
    assert decode_token(withdrawn)[0]["kid"] == kid


def check_logout(provider, receiver):
    """At the provider, for the client; and the token that tells it. Tests make tokens of the same kind themselves."""
    browser = CookieBrowser()
    id_token = log_in(provider, browser)
    client = OidcClient(provider.issuer, CLIENT, SECRET, provider.redirect_uri)
    page = browser.open(client.build_logout(id_token, "http://127.0.0.1/bye"))
    answer = browser.submit(page, "http://127.0.0.1/bye", button=("logout", "yes"))
    assert answer.location() == "http://127.0.0.1/bye?state=bye", answer.location()
    header, claims = decode_token(receiver.take_token())
    assert header["typ"] == "logout+jwt" and "nonce" not in claims, (header, claims)
    assert claims["aud"] == CLIENT and claims["sid"] == decode_token(id_token)[1]["sid"] and claims["sub"] == "ada", claims
    made_header, made = decode_token(provider.sign_logout_token(sub="ada", sid=claims["sid"]))
    assert (made_header, sorted(made)) == (header, sorted(claims)), (made_header, made, header, claims)


def check_outages(provider):
    token = log_in(provider)
    with provider.outage(503):
        assert read_failure(f"{provider.issuer}/jwks") == 503
    with provider.outage("hang"):
        assert isinstance(read_failure(f"{provider.issuer}/jwks", 0.5), TimeoutError)
    provider.end()
    assert isinstance(read_failure(f"{provider.issuer}/jwks"), ConnectionRefusedError)
    provider.start()
    # With the keys from before.
    verify_id_token(provider, token)


def read_failure(url, timeout=30):
    """The status, or why there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            raise AssertionError(f"it answers {answer.status}")
    except urllib.error.HTTPError as e:
        return e.code
    except urllib.error.URLError as e:
        return e.reason
    except TimeoutError as e:
        return e


def main():
    receiver = LogoutReceiver()
    with OidcProvider(logout_uri=receiver.url) as provider:
        check_discovery(provider)
        check_code_logins(provider)
        check_refusals(provider)
        check_device_login(provider)
        broken = check_broken_answers(provider)
        check_rotation(provider)
        check_logout(provider, receiver)
        check_outages(provider)
    print(f"discovery, code with PKCE, refresh, device, logout with its token; {broken} wrong answers as ordered; rotation; down and back")


if __name__ == "__main__":
    main()
