#!/usr/bin/env python3
"""A second factor that a provider's settings demand: met by `acr` or by `amr`, and otherwise refused: another level, no level, "0",
a login that is too old, a provider that promises more than it does. The product asks once and never in a circle.
The same for operations that demand more than any login.

    tests/interop/auth/test_oidc_second_factor.py
"""

# needs: oidc_provider
# seconds: 20

import html
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from cookie_browser import CookieBrowser
from oidc_logins import OidcFacility
from provider_settings import render_table

MAX_AGE_SECONDS = 3600


def log_in_as(facility, acr=None, amr=None, seconds_ago=0):
    facility.provider.log_in_as("ada", acr=acr, amr=amr, seconds_ago=seconds_ago)


def require_mfa_refusal(facility, what):
    """A page that says what to do, and no further redirect."""
    facility.provider.forget_requests()
    browser, answer = facility.log_in()
    reason = facility.require_refusal(what, answer, browser)
    assert reason == "mfa_required", (what, reason)
    assert len(facility.provider.requests("/auth")) == 1, f"{what}: asked more than once"


def check_acr(facility):
    _, answer = facility.start_login()
    sent = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.location()).query))
    assert "mfa" in sent.get("acr_values", "") + sent.get("claims", "") and sent["max_age"] == str(MAX_AGE_SECONDS), sent
    log_in_as(facility, "mfa")
    assert facility.require_login()[1]["acr"] == "mfa"
    for what, claims in {"a lower level": {"acr": "password"}, "no level": {"acr": None}, "0": {"acr": "0"}, "a number": {"acr": 2}, "a list": {"acr": ["mfa"]}}.items():
        facility.provider.break_answers(id_token={"claims": claims})
        require_mfa_refusal(facility, what)
    now = int(time.time())
    for what, claims in {"too old": {"auth_time": now - MAX_AGE_SECONDS - 120}, "no time": {"auth_time": None}, "a late time": {"auth_time": now + 600}}.items():
        facility.provider.break_answers(id_token={"claims": claims})
        browser, answer = facility.log_in()
        facility.require_refusal(what, answer, browser)
    facility.provider.break_answers()
    # The demand of a resource, such as minting a DOI: what it asks for is sent, and what came is in the token.
    _, answer = facility.start_login(acr_values="mfa", max_age="60")
    sent = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.location()).query))
    assert sent["max_age"] == "60", sent


def check_amr(facility):
    for amr in (["pwd", "otp"], ["otp"], ["hwk", "otp", "mfa"]):
        facility.provider.break_answers(id_token={"claims": {"amr": amr}})
        assert facility.require_login()[1]["amr"] == amr
    # ORCID sends a text.
    facility.provider.break_answers(id_token={"claims": {"amr": "otp"}})
    assert facility.require_login()[1]["amr"] == ["otp"]
    for what, amr in {"another": ["pwd"], "none": None, "empty": [], "part of a word": "otpx", "several words": "pwd otp", "an object": {"otp": True}, "numbers": [1]}.items():
        facility.provider.break_answers(id_token={"claims": {"amr": amr}})
        require_mfa_refusal(facility, what)


def read_index(facility, token):
    """Status and headers of an operation of administrators in another service."""
    request = urllib.request.Request(f"{facility.url}/search/v1/index", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers


def check_operations(facility):
    """RFC 9470: challenge, login that is enough, success; and a login that is still too low."""
    log_in_as(facility, "password", ["pwd"])
    browser, _ = facility.require_login()
    status, headers = read_index(facility, facility.refresh(browser)[1]["access_token"])
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', headers["WWW-Authenticate"]))
    assert status == 401 and challenge["error"] == "insufficient_user_authentication", (status, challenge)
    demand = {name: challenge[name] for name in ("acr_values", "max_age")}
    assert demand == {"acr_values": "mfa", "max_age": "600"}, challenge

    facility.provider.forget_requests()
    low, answer = facility.log_in(**demand)
    assert facility.require_refusal("still too low", answer, low) == "mfa_required"
    assert len(facility.provider.requests("/auth")) == 1, "asked more than once"

    log_in_as(facility, "mfa", ["pwd", "otp"])
    high, _ = facility.require_login(**demand)
    assert read_index(facility, facility.refresh(high)[1]["access_token"])[0] == 200

    # On a page: the refusal leads to the login page, that to the provider, and that back.
    log_in_as(facility, "password", ["pwd"])
    page = CookieBrowser()
    admin = f"{facility.url}/auth/app/admin"
    _, answer = facility.log_in(page, session="page", return_to="/auth/app/admin")
    refused = page.follow(answer)
    assert refused.status == 401 and refused.url == admin, (refused.status, refused.url)
    # The provider of these tests asks again only who is not logged in there.
    page.cookies = {key: value for key, value in page.cookies.items() if key[2] == "undulator-session"}
    log_in_as(facility, "mfa", ["pwd", "otp"])
    form = page.open(urllib.parse.urljoin(admin, find_link(refused.text, "Log in again")))
    assert form.status == 200, form.text
    there = page.open(urllib.parse.urljoin(admin, find_link(form.text, "Log in with")))
    assert there.status == 200 and there.url == admin, (there.status, there.url, there.text)


def find_link(page, text):
    address, = re.findall(f'href="([^"]*)">{text}', page)
    return html.unescape(address)


def main():
    with OidcFacility(provider={"required_acr": ["mfa"], "max_age": f"{MAX_AGE_SECONDS}s"}) as facility:
        check_acr(facility)
    with OidcFacility(provider={"required_amr": ["otp"]}) as facility:
        check_amr(facility)
    with OidcFacility() as facility:
        log_in_as(facility)
        _, claims = facility.require_login()
        assert "acr" not in claims and claims.get("amr", []) == [], claims
    facility = OidcFacility(provider={"may_name_administrators": True})
    facility.env["UNDULATOR_IDENTITY__ADMINISTRATORS"] = '["simple/admin", "oidc/ada"]'
    facility.settings += render_table("identity.required_levels", {"scopes": ["admin"], "acr": ["mfa"], "max_age": "10m"})
    with facility:
        check_operations(facility)
    print("acr, amr and age: met and not met, for logins and for operations")


if __name__ == "__main__":
    main()
