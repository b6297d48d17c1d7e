#!/usr/bin/env python3
"""A second factor that a provider's settings demand: met by `acr` or by `amr`, and otherwise refused: another level, no level, "0",
a login that is too old, a provider that promises more than it does. The product asks once and never in a circle.

    tests/interop/auth/test_oidc_second_factor.py
"""

# needs: oidc_provider
# seconds: 20

import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from oidc_logins import OidcFacility

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


def main():
    with OidcFacility(provider={"required_acr": ["mfa"], "max_age": f"{MAX_AGE_SECONDS}s"}) as facility:
        check_acr(facility)
    with OidcFacility(provider={"required_amr": ["otp"]}) as facility:
        check_amr(facility)
    with OidcFacility() as facility:
        log_in_as(facility)
        _, claims = facility.require_login()
        assert "acr" not in claims and claims.get("amr", []) == [], claims
    print("acr, amr and age: met and not met")


if __name__ == "__main__":
    main()
