#!/usr/bin/env python3
"""The provider ends logins at the product (back-channel logout), and the product ends those at the provider: by session, by user,
once for each token, and only with a right token; and by the link of the page.

    tests/interop/auth/test_oidc_logout.py
"""

# needs: oidc_provider
# seconds: 15

import html
import json
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from cookie_browser import CookieBrowser
from oidc_client import OidcClient, decode_token
from oidc_logins import NAME, RETURN_TO, OidcFacility
from oidc_provider import CLIENT, SECRET
from provider_settings import ROUTES
from suite import wait_until


def send_logout(facility, token):
    """Status and JSON."""
    answer = CookieBrowser().request("POST", f"{facility.url}{ROUTES}/{NAME}/backchannel-logout", {"logout_token": token})
    assert answer.headers["cache-control"] == "no-store", answer.headers["cache-control"]
    return answer.status, json.loads(answer.body) if answer.body else None


def log_in(facility):
    """A browser and the `sid` of its session at the provider."""
    facility.provider.forget_requests()
    browser, _ = facility.require_login()
    client = OidcClient(facility.provider.issuer, CLIENT, SECRET, facility.callback)
    # The same browser gets a token for itself, which names the session.
    url, sent = client.build_authorization()
    code = client.read_redirect(browser.open(url, facility.callback))["code"]
    return browser, decode_token(client.redeem(code, sent["code_verifier"])[1]["id_token"])[1]["sid"]


def require_end(facility, browser):
    status, answer = facility.refresh(browser)
    assert status == 401, (status, answer)


def check_refusals(facility):
    provider = facility.provider
    browser, sid = log_in(facility)
    now = int(time.time())
    cases = {
        "a foreign key": provider.sign_logout_token(sign="foreign", sub="ada", sid=sid), "unsigned": provider.sign_logout_token({"alg": "none"}, "nothing", sub="ada", sid=sid),
        "another audience": provider.sign_logout_token(aud="another", sub="ada", sid=sid), "another issuer": provider.sign_logout_token(iss="https://evil.example.org", sub="ada", sid=sid),
        "with a nonce": provider.sign_logout_token(nonce="x", sub="ada", sid=sid), "neither session nor user": provider.sign_logout_token(),
        "no event": provider.sign_logout_token(events={}, sub="ada", sid=sid), "no events": provider.sign_logout_token(events=None, sub="ada", sid=sid),
        "no id": provider.sign_logout_token(jti=None, sub="ada", sid=sid), "no time": provider.sign_logout_token(iat=None, sub="ada", sid=sid), "no end": provider.sign_logout_token(exp=None, sub="ada", sid=sid),
        "too old": provider.sign_logout_token(iat=now - 900, exp=now - 780, sub="ada", sid=sid), "an id token": provider.sign_token({"iss": provider.issuer, "aud": CLIENT, "sub": "ada", "iat": now, "exp": now + 60}),
        "no token": "x", "nothing": "",
    }
    for what, token in cases.items():
        status, answer = send_logout(facility, token)
        assert status == 400 and answer["error"] == "invalid_request", (what, status, answer)
    assert facility.refresh(browser)[0] == 200, "none of them has ended it"
    return len(cases)


def check_logout_by_session(facility):
    (first, sid), (second, _) = log_in(facility), log_in(facility)
    token = facility.provider.sign_logout_token(sid=sid, sub="ada")
    assert send_logout(facility, token)[0] == 200
    require_end(facility, first)
    assert facility.refresh(second)[0] == 200
    assert send_logout(facility, token)[0] == 400, "a token is good for once"
    assert send_logout(facility, facility.provider.sign_logout_token(sid=sid))[0] == 200, "nothing is left to end"
    assert send_logout(facility, facility.provider.sign_logout_token(sub="ada"))[0] == 200
    require_end(facility, second)
    assert send_logout(facility, facility.provider.sign_logout_token(sub="somebody else"))[0] == 200


def check_logout_there(facility):
    """A person logs out at the provider, which tells the product."""
    browser, _ = facility.require_login()
    client = OidcClient(facility.provider.issuer, CLIENT, SECRET, facility.callback)
    page = browser.open(client.discovery["end_session_endpoint"])
    browser.submit(page, button=("logout", "yes"))
    wait_until("the login has ended", lambda: facility.refresh(browser)[0] == 401, 30)


def check_logout_from_page(facility):
    """A person logs out on the page, and by its link at the provider, which asks, and leads back."""
    browser, answer = facility.log_in(session="page")
    assert answer.location() == facility.url + RETURN_TO, (answer.status, answer.text)
    own_site = {"Origin": facility.url, "Sec-Fetch-Site": "same-origin"}
    page = browser.request("POST", f"{facility.url}/auth/app/logout", form={}, headers=own_site)
    assert page.status == 200, (page.status, page.text)
    confirmation = browser.open(html.unescape(re.search('class="main" href="([^"]+)"', page.text)[1]))
    back = browser.submit(confirmation, facility.url, button=("logout", "yes"))
    assert back.location() == f"{facility.url}/auth/app", (back.status, back.text)


def main():
    with OidcFacility() as facility:
        refused = check_refusals(facility)
        check_logout_by_session(facility)
        check_logout_there(facility)
        check_logout_from_page(facility)
        reasons = [reason for kind, reason, _, _ in facility.read_audit() if kind == "logout"]
        print(f"{refused} wrong tokens refused; logout by session, by user and at the provider: {reasons}")


if __name__ == "__main__":
    main()
