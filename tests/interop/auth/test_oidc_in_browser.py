#!/usr/bin/env python3
"""A login by way of a provider in Chromium: the provider's form, back to the page, whose script gets an access token and sees no
cookie; a second tab; a refusal, whose page shows no token; and one from another site, which gets nothing.

    tests/interop/auth/test_oidc_in_browser.py
"""

# needs: browser oidc_provider
# seconds: 15

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from playwright.sync_api import sync_playwright

from browser import launch_chromium, serve_page
from oidc_client import decode_token
from oidc_logins import NAME, RETURN_TO, OidcFacility
from provider_settings import ROUTES

REFRESH = """async url => {
    const options = {method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json'}, body: '{}'}
    try {
        const answer = await fetch(url, options)
        return [answer.status, await answer.json()]
    } catch (error) {
        return [0, String(error)]
    }
}"""


def log_in(facility, page):
    """Fills in the form of the provider."""
    page.goto(f"{facility.url}{ROUTES}/{NAME}/start?return_to={RETURN_TO}")
    fill_in_form(facility, page)


def fill_in_form(facility, page):
    assert page.url.startswith(facility.provider.issuer), page.url
    page.get_by_label("Account").fill("ada")
    page.get_by_label("Level").fill("mfa")
    page.get_by_label("Methods").fill("pwd otp")
    page.get_by_role("button").click()


def refresh(facility, page):
    return page.evaluate(REFRESH, f"{facility.url}/auth/v1/token/refresh")


def check_login(facility, context):
    page = context.new_page()
    log_in(facility, page)
    page.wait_for_url(facility.url + RETURN_TO)
    for tab in (page, context.new_page()):
        tab.goto(facility.url + RETURN_TO)
        status, answer = refresh(facility, tab)
        assert status == 200, (status, answer)
        claims = decode_token(answer["access_token"])[1]
        assert (claims["sub"], claims["acr"], claims["amr"]) == ("oidc/ada", "mfa", ["pwd", "otp"]), claims
        assert tab.evaluate("document.cookie") == "", "a script sees a cookie"
    # Still logged in there: no form is shown.
    page.goto(f"{facility.url}{ROUTES}/{NAME}/start?return_to={RETURN_TO}")
    assert page.url == facility.url + RETURN_TO, page.url


def check_page(facility, browser):
    """A button on the page of another service, on a telephone: the way there, who one is, and the way out."""
    context = browser.new_context(viewport={"width": 360, "height": 640})
    page = context.new_page()
    page.goto(facility.url + RETURN_TO)
    button = page.get_by_role("link", name=f"Log in with {NAME.title()}")
    button.click()
    fill_in_form(facility, page)
    page.wait_for_url(facility.url + RETURN_TO)
    page.get_by_role("button", name="Log out").click()
    button.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "the page is wider than a telephone"
    page.goto(f"{facility.url}/auth/app?next={RETURN_TO}")
    button.click()
    page.wait_for_url(facility.url + RETURN_TO)
    # The provider lets the browser in without a question, until the user has logged out there as well.
    page.goto(f"{facility.url}/auth/app")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name=f"Log out at {NAME.title()}").click()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"{facility.url}/auth/app")
    button.click()
    page.get_by_label("Account").wait_for()
    context.close()


def check_other_site(facility, context):
    page = context.new_page()
    # Another site, and not only another origin, for which `localhost` and 127.0.0.1 are two.
    page.goto(serve_page("<!doctype html><title>other</title>").replace("127.0.0.1", "localhost"))
    status, answer = refresh(facility, page)
    assert status != 200, (status, answer)


def check_refusal(facility, browser):
    """In a browser that nobody has used."""
    context = browser.new_context()
    page = context.new_page()
    facility.provider.break_answers(id_token={"claims": {"nonce": "another"}})
    log_in(facility, page)
    assert page.url.startswith(f"{facility.url}{ROUTES}/{NAME}/callback") and "eyJ" not in page.content(), page.url
    assert refresh(facility, page)[0] == 401
    facility.provider.break_answers()
    context.close()


def main():
    with OidcFacility() as facility, sync_playwright() as playwright:
        facility.provider.log_in_as(None)
        browser = launch_chromium(playwright)
        context = browser.new_context()
        check_login(facility, context)
        check_other_site(facility, context)
        check_page(facility, browser)
        check_refusal(facility, browser)
        browser.close()
    print("a login with two tabs, by the button of a page, another site, and a refusal in Chromium")


if __name__ == "__main__":
    main()
