"""Logins of a browser at the product by way of an OpenID Connect provider, step by step, so that a test can change what happens in
between."""

import contextlib
import json
import sqlite3
import urllib.parse

from auth_facility import AuthFacility
from cookie_browser import CookieBrowser
from oidc_client import decode_token
from oidc_provider import OidcProvider
from provider_settings import ROUTES, render_provider

NAME = "lab"
REFRESH_COOKIE = "__Host-undulator-refresh"
RETURN_TO = "/search/app"


class OidcFacility(AuthFacility):
    """The product and a provider that know each other. `provider` are more settings of the provider's table; `accounts` are
    claims of its accounts."""

    def __init__(self, accounts=None, provider=None, **env):
        super().__init__(**env)
        self.callback = f"{self.url}{ROUTES}/{NAME}/callback"
        self.provider = OidcProvider(self.callback, f"{self.url}{ROUTES}/{NAME}/backchannel-logout", f"{self.url}/auth/app", accounts)
        self.settings = render_provider(NAME, self.provider.issuer, **(provider or {}))
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.stack.enter_context(self.provider)
        self.provider.log_in_as("ada", acr="mfa", amr=["pwd", "otp"])
        try:
            return super().__enter__()
        except BaseException:
            self.stack.close()
            raise

    def __exit__(self, *error):
        super().__exit__(*error)
        self.stack.close()

    def start_login(self, browser=None, **query):
        """Where the product sends the browser."""
        browser = browser or CookieBrowser()
        address = f"{self.url}{ROUTES}/{NAME}/start?" + urllib.parse.urlencode({"return_to": RETURN_TO, **query})
        answer = browser.request("GET", address)
        assert answer.status in (302, 303), (answer.status, answer.text, self.read_audit()[-1:])
        return browser, answer

    def log_in_there(self, browser=None, **query):
        """The address of the callback, which the browser has not opened yet."""
        browser, answer = self.start_login(browser, **query)
        answer = browser.follow(answer, self.callback)
        assert answer.status in (302, 303), (answer.status, answer.url, answer.text)
        return browser, answer.location()

    def log_in(self, browser=None, **query):
        """The browser and the product's answer to the callback."""
        browser, location = self.log_in_there(browser, **query)
        return browser, browser.request("GET", location)

    def require_login(self, browser=None, **query):
        """The browser, and the claims of the access token that its page gets."""
        browser, answer = self.log_in(browser, **query)
        assert answer.status in (302, 303) and answer.location() == self.url + RETURN_TO, (answer.status, answer.text, self.read_audit()[-1:])
        return browser, self.get_claims(browser)

    def get_claims(self, browser):
        status, token = self.refresh(browser)
        assert status == 200, (status, token)
        return decode_token(token["access_token"])[1]

    def refresh(self, browser):
        """Status and JSON of a page's request for an access token."""
        headers = {"Content-Type": "application/json", "Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        answer = browser.request("POST", f"{self.url}/auth/v1/token/refresh", data="{}", headers=headers)
        return answer.status, json.loads(answer.body)

    def read_audit(self):
        """Kind, reason, user, provider of each entry, the oldest first."""
        query = "SELECT kind, reason, user_name, provider FROM audit ORDER BY id"
        if self.postgres:
            return self.postgres.execute(query, schema="auth")
        with contextlib.closing(sqlite3.connect(f"file:{self.dir / 'databases' / 'auth.db'}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def require_refusal(self, what, answer, browser, status=403):
        """A page without a login; the reason in the audit log."""
        assert answer.status == status and answer.headers["content-type"].startswith("text/html"), (what, answer.status, answer.text)
        assert not any(name == REFRESH_COOKIE for _, _, name in browser.cookies), what
        assert "eyJ" not in answer.text and "Location" not in answer.headers, what
        # Services log in as well.
        kind, reason, _, _ = [entry for entry in self.read_audit() if entry[3] == NAME][-1]
        assert kind == "login" and reason not in ("accepted", "ok"), (what, kind, reason)
        return reason
