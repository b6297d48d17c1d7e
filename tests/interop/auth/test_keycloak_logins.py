#!/usr/bin/env python3
"""Logins at the product with Keycloak: a realm with levels of authentication, whose second factor is demanded and met; the realm that
an administrator finds, which answers every demand with success and a low level, and is refused once, not in a circle; device
code, rotation of keys, and logout in both directions.

    tests/interop/auth/test_keycloak_logins.py
"""

# needs: keycloak
# seconds: 120
# only-long: Keycloak needs 0.6 GB, and a minute to start; the same checks run with the package oidc-provider

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import AuthFacility
from cookie_browser import CookieBrowser
from keycloak import Keycloak
from oidc_client import OidcClient, decode_token
from oidc_logins import REFRESH_COOKIE, RETURN_TO, OidcFacility
from provider_settings import ROUTES, render_provider
from suite import wait_until

REALMS = ("facility", "stock")


class KeycloakFacility(OidcFacility):
    """The product with both realms as providers; each demands the level `mfa`."""

    def __init__(self):
        AuthFacility.__init__(self)
        self.keycloak = None

    def __enter__(self):
        return AuthFacility.__enter__(self)

    def __exit__(self, *error):
        AuthFacility.__exit__(self, *error)

    def log_in_at(self, realm, name, browser=None, **query):
        """The browser, and the product's answer to the callback."""
        browser = browser or CookieBrowser()
        back = f"{self.url}{ROUTES}/{realm}/callback"
        more = "".join(f"&{key}={value}" for key, value in query.items())
        answer = browser.open(f"{self.url}{ROUTES}/{realm}/start?return_to={RETURN_TO}{more}", back)
        answer = self.keycloak.log_in(browser, answer, name, realm)
        return browser, browser.request("GET", answer.location())

    def require_login_at(self, realm, name, browser=None, **query):
        browser, answer = self.log_in_at(realm, name, browser, **query)
        assert answer.status in (302, 303), (answer.status, answer.text)
        return browser, self.get_claims(browser)


def check_levels(facility):
    browser, claims = facility.require_login_at("facility", "ada")
    assert claims["sub"] == "facility/ada" and (claims["acr"], sorted(claims["amr"])) == ("mfa", ["otp", "pwd"]), claims
    # Within the age of the level, the provider asks for nothing.
    assert facility.require_login_at("facility", "ada", browser)[1]["acr"] == "mfa"


def check_realm_without_second_factor(facility):
    browser = CookieBrowser()
    for attempt in range(2):
        _, answer = facility.log_in_at("stock", "bob", browser)
        assert answer.status == 403 and answer.headers["content-type"].startswith("text/html"), (attempt, answer.status, answer.text)
        assert not any(name == REFRESH_COOKIE for _, _, name in browser.cookies)
        # Services log in as well.
        kind, reason, _, provider = [entry for entry in facility.read_audit() if entry[3] in REALMS][-1]
        assert (kind, reason, provider) == ("login", "mfa_required", "stock"), (kind, reason, provider)


def check_rotation(facility):
    before, _ = facility.require_login_at("facility", "ada")
    facility.keycloak.rotate_keys("facility")
    facility.require_login_at("facility", "ada")
    assert facility.refresh(before)[0] == 200


def check_logout(facility):
    """At Keycloak, which tells the product."""
    browser, _ = facility.require_login_at("facility", "ada")
    other, _ = facility.require_login_at("facility", "ada")
    back = f"{facility.url}{ROUTES}/facility/callback"
    client = OidcClient(facility.keycloak.issuer("facility"), "undulator", "only-known-to-tests", back)
    url, sent = client.build_authorization()
    code = client.read_redirect(browser.open(url, back))["code"]
    id_token = client.redeem(code, sent["code_verifier"])[1]["id_token"]
    assert decode_token(id_token)[1]["sid"]
    browser.open(client.build_logout(id_token, f"{facility.url}/"), f"{facility.url}/")
    wait_until("the login has ended", lambda: facility.refresh(browser)[0] == 401, 30)
    assert facility.refresh(other)[0] == 200, "the session of another browser goes on"


def check_logout_from_page(facility):
    """On the page, and by its button at Keycloak, which asks nothing because it gets the ID token."""
    browser, answer = facility.log_in_at("facility", "ada", session="page")
    assert answer.status == 303, (answer.status, answer.text)
    page = browser.request("POST", f"{facility.url}/auth/app/logout", form={}, headers={"Origin": facility.url, "Sec-Fetch-Site": "same-origin"})
    back = browser.submit(page, facility.url)
    assert back.location() == f"{facility.url}/auth/app", (back.status, back.text)
    answer = browser.open(f"{facility.url}{ROUTES}/facility/start?return_to={RETURN_TO}", facility.url)
    assert answer.status == 200 and answer.url.startswith(facility.keycloak.url), "the session at Keycloak has ended"


def main():
    facility = KeycloakFacility()
    addresses = [f"{facility.url}{ROUTES}/{{realm}}/{name}" for name in ("callback", "backchannel-logout")]
    with Keycloak(*addresses, f"{facility.url}/##{facility.url}/auth/app") as server:
        facility.keycloak = server
        facility.settings = "".join(
            render_provider(realm, server.issuer(realm), mechanism=realm, required_acr=["mfa"], max_age="1h", logout_sends_id_token=True) for realm in REALMS)
        with facility:
            for check in (check_levels, check_realm_without_second_factor, check_rotation, check_logout, check_logout_from_page):
                check(facility)
                print(check.__name__.removeprefix("check_").replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
