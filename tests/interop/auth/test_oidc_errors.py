#!/usr/bin/env python3
"""Logins by way of a provider whose answers are wrong, one fault at a time: each is refused with a page and a reason of its own in
the audit log, and no fault of one login spoils the next.

    tests/interop/auth/test_oidc_errors.py
"""

# needs: oidc_provider
# seconds: 25

import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from cookie_browser import CookieBrowser
from oidc_logins import NAME, REFRESH_COOKIE, OidcFacility
from oidc_provider import CLIENT
from provider_settings import ROUTES

EVIL = "https://evil.example.org"
ACCOUNTS = {
    "slash": {"preferred_username": "db/root"}, "control": {"preferred_username": "a\u0007b"}, "empty": {"preferred_username": ""},
    "number": {"preferred_username": 7}, "none": {"preferred_username": None}, "long": {"preferred_username": "x" * 300},
    "spaces": {"preferred_username": "  grace  "}, "composed": {"preferred_username": "jose\u0301"},
}


def check_right_login(facility):
    """What is sent, and what comes back."""
    facility.provider.forget_requests()
    browser, answer = facility.start_login()
    sent = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.location()).query))
    assert sent.items() >= {"response_type": "code", "client_id": CLIENT, "redirect_uri": facility.callback, "code_challenge_method": "S256"}.items(), sent
    assert len(sent["state"]) >= 22 and len(sent["nonce"]) >= 22 and len(sent["code_challenge"]) == 43 and "openid" in sent["scope"].split(), sent
    cookie = "; ".join(answer.headers.get_all("set-cookie"))
    assert "httponly" in cookie.lower() and "samesite=lax" in cookie.lower() and sent["state"] not in answer.text, cookie
    browser, claims = facility.require_login()
    assert claims["sub"] == "oidc/ada" and (claims["acr"], claims["amr"]) == ("mfa", ["pwd", "otp"]), claims
    assert abs(claims["auth_time"] - time.time()) < 60, claims
    (exchange,) = facility.provider.requests("/token")
    assert len(exchange["form"]["code_verifier"]) >= 43 and exchange["form"]["redirect_uri"] == facility.callback, exchange
    # Services log in as well.
    entries = [entry for entry in facility.read_audit() if entry[3] == NAME and entry[0] == "login"]
    assert entries[-1][1:3] == ("accepted", "oidc/ada"), entries


def forget_login(browser):
    """As if somebody else had it."""
    browser.cookies = {place: value for place, value in browser.cookies.items() if place[2] != REFRESH_COOKIE}


def check_callback(facility):
    """Faults of what comes back through the browser."""
    reasons = {}

    def refuse(what, browser, location, status=403):
        reasons[what] = facility.require_refusal(what, browser.request("GET", location), browser, status)

    for what, redirect in {"another state": {"state": "x" * 22}, "no state": {"state": None}, "another issuer": {"iss": EVIL}, "no issuer": {"iss": None},
                           "another code": {"code": "x"}, "no code": {"code": None}}.items():
        facility.provider.break_answers(redirect=redirect)
        refuse(what, *facility.log_in_there())
    facility.provider.break_answers()
    browser, location = facility.log_in_there()
    refuse("another browser", CookieBrowser(), location)
    browser, location = facility.log_in_there()
    refuse("two codes", browser, location + "&code=x")
    facility.provider.refuse_login("access_denied")
    refuse("refused there", *facility.log_in_there())
    facility.provider.log_in_as("ada", acr="mfa", amr=["pwd", "otp"])
    browser, started = facility.start_login()
    location = browser.follow(started, facility.callback).location()
    assert browser.request("GET", location).status in (302, 303)
    forget_login(browser)
    refuse("used twice", browser, location)
    # A new code for the same login: the state is used, whatever the code is worth.
    facility.provider.forget_requests()
    refuse("a used state", browser, browser.open(started.location(), facility.callback).location())
    assert not facility.provider.requests("/token"), "the code was redeemed"
    return reasons


def check_id_tokens(facility):
    now = int(time.time())
    faults = {
        "iss": {"claims": {"iss": EVIL}}, "no iss": {"claims": {"iss": None}}, "aud": {"claims": {"aud": "another"}}, "no aud": {"claims": {"aud": None}},
        "azp": {"claims": {"aud": [CLIENT, "another"], "azp": "another"}}, "nonce": {"claims": {"nonce": "another"}}, "no nonce": {"claims": {"nonce": None}},
        "exp": {"claims": {"exp": now - 60}}, "no exp": {"claims": {"exp": None}}, "old iat": {"claims": {"iat": now - 700}}, "late iat": {"claims": {"iat": now + 300}},
        "no iat": {"claims": {"iat": None}}, "nbf": {"claims": {"nbf": now + 300}}, "no sub": {"claims": {"sub": None}}, "at_hash": {"claims": {"at_hash": "x" * 22}},
        "alg none": {"header": {"alg": "none"}, "sign": "nothing"}, "alg HS256": {"header": {"alg": "HS256"}, "sign": "public-key-as-secret"},
        "alg RS512": {"header": {"alg": "RS512"}}, "unknown kid": {"header": {"kid": "unknown"}}, "no kid": {"header": {"kid": None}},
        "kid of another use": {"header": {"kid": "for-encryption"}, "sign": "foreign"}, "foreign key": {"sign": "foreign"},
        "an access token": {"header": {"typ": "at+jwt"}}, "critical extension": {"header": {"crit": ["x"], "x": 1}},
        "a logout token": {"claims": {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "nonce": None}},
    }
    reasons = {}
    for what, fault in faults.items():
        facility.provider.break_answers(id_token=fault)
        browser, answer = facility.log_in()
        reasons[what] = facility.require_refusal(what, answer, browser)
    for what, token in {"no id token": {"id_token": None}, "a text": {"id_token": "x"}, "another type": {"id_token": 1}}.items():
        facility.provider.break_answers(token=token)
        browser, answer = facility.log_in()
        reasons[what] = facility.require_refusal(what, answer, browser, 502)
    facility.provider.break_answers()
    # Clocks may differ by a few seconds.
    for claims in ({"iat": now + 3}, {"aud": [CLIENT]}, {"aud": [CLIENT, "another"], "azp": CLIENT}):
        facility.provider.break_answers(id_token={"claims": claims})
        facility.require_login()
    facility.provider.break_answers()
    return reasons


def check_user_names(facility):
    reasons = {}
    for account in ("slash", "control", "empty", "number", "none", "long", "boss"):
        facility.provider.log_in_as(account, acr="mfa", amr=["pwd", "otp"])
        browser, answer = facility.log_in()
        reasons[f"user {account}"] = facility.require_refusal(account, answer, browser)
    for account, name in {"spaces": "oidc/grace", "composed": "oidc/jos\u00e9"}.items():
        facility.provider.log_in_as(account, acr="mfa", amr=["pwd", "otp"])
        assert facility.require_login()[1]["sub"] == name
    facility.provider.log_in_as("ada", acr="mfa", amr=["pwd", "otp"])
    return reasons


def check_return_addresses(facility):
    """Only paths of the product."""
    for address in ("https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "\\\\evil", "/a\\b", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1", "http:/x"):
        answer = CookieBrowser().request("GET", f"{facility.url}{ROUTES}/{NAME}/start?" + urllib.parse.urlencode({"return_to": address}))
        assert answer.status == 400 and "set-cookie" not in answer.headers, (address, answer.status)


def main():
    roots = '["simple/root", "oidc/boss"]'
    with OidcFacility(ACCOUNTS, UNDULATOR_CATALOGUE__ROOT_USER_NAMES=roots, UNDULATOR_AUTH__ROOT_USER_NAMES=roots) as facility:
        check_right_login(facility)
        reasons = check_callback(facility) | check_id_tokens(facility) | check_user_names(facility)
        check_return_addresses(facility)
        facility.require_login()
        for what, reason in reasons.items():
            print(f"  {what}: {reason}")
        words = set(reasons.values())
        # Some faults cannot be told apart by anybody, such as an unknown state and that of another browser.
        assert len(words) >= len(reasons) * 2 // 3, f"{len(reasons)} faults have only {len(words)} reasons"
        print(f"{len(reasons)} faults refused for {len(words)} reasons; the login after them works")


if __name__ == "__main__":
    main()
