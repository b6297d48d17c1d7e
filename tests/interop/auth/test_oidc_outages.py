#!/usr/bin/env python3
"""A provider that is down when the product starts, and later; that answers nothing; that changes its keys; or that is another one
than the settings say: logins with passwords go on, and those by way of it come back by themselves.

    tests/interop/auth/test_oidc_outages.py
"""

# needs: oidc_provider
# seconds: 25

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from cookie_browser import CookieBrowser
from oidc_logins import NAME, OidcFacility
from provider_settings import ROUTES
from suite import wait_until


def start_status(facility):
    answer = CookieBrowser().request("GET", f"{facility.url}{ROUTES}/{NAME}/start")
    if answer.status == 503:
        assert int(answer.headers["retry-after"]) > 0, answer.headers
    return answer.status


def find_level(facility):
    """What doctor says of the provider."""
    findings = facility.json("doctor", check=False)
    return next(finding["level"] for finding in findings if finding["what"] == f"identity provider {NAME}")


def check_down_at_start(facility):
    assert find_level(facility) == "ok"
    facility.kill()
    facility.provider.end()
    assert find_level(facility) == "warning"
    facility.start()
    assert facility.login("simple/alice"), "passwords need no provider"
    assert start_status(facility) == 503
    facility.provider.start()
    facility.provider.log_in_as("ada")
    wait_until("logins by way of the provider work again", lambda: start_status(facility) in (302, 303))
    facility.require_login()


def check_down_later(facility):
    """Between the redirect and the callback."""
    for how in (500, 503, "hang"):
        browser, location = facility.log_in_there()
        with facility.provider.outage(how):
            answer = browser.request("GET", location)
            facility.require_refusal(how, answer, browser, 503)
            assert facility.login("simple/alice")
        facility.require_login()


def check_rotation(facility):
    """A key that is not known is asked for, once a minute."""
    for withdraw in (False, True):
        facility.kill()
        facility.start()
        browser, _ = facility.require_login()
        facility.provider.forget_requests()
        facility.provider.rotate_keys(withdraw)
        facility.require_login()
        assert facility.refresh(browser)[0] == 200, "a login does not end with a key"
        # Anybody can send tokens with unknown keys: the provider is not asked for each of them.
        facility.provider.break_answers(id_token={"header": {"kid": "unknown"}})
        for _ in range(5):
            browser, answer = facility.log_in()
            facility.require_refusal("an unknown key", answer, browser)
        facility.provider.break_answers()
        assert len(facility.provider.requests("/jwks")) == 1, facility.provider.requests("/jwks")


def check_wrong_discovery(facility):
    for discovery in ({"issuer": "https://evil.example.org"}, {"issuer": None}, {"jwks_uri": "http://169.254.169.254/keys"}, {"authorization_endpoint": "javascript:x"}):
        facility.kill()
        facility.provider.break_answers(discovery=discovery)
        facility.start()
        assert start_status(facility) in (502, 503), discovery
        assert find_level(facility) == "wrong", discovery
    facility.provider.break_answers()


def main():
    with OidcFacility() as facility:
        for check in (check_down_at_start, check_down_later, check_rotation, check_wrong_discovery):
            check(facility)
            print(check.__name__.removeprefix("check_").replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
