#!/usr/bin/env python3
"""The pages of accounts in Chromium, as wide as a telephone and as a screen: a user adds an identity provider to the account and gets it
from then on; an administrator creates, locks and finds accounts, ends logins, and creates an API key. Nothing is wider than the page, and each
field has a label.

    tests/interop/auth/test_account_pages.py [--pictures DIR]
"""

# needs: browser oidc_provider
# seconds: 20

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from playwright.sync_api import expect, sync_playwright

from browser import launch_chromium
from oidc_logins import OidcFacility

SIZES = {"phone": {"width": 360, "height": 740}, "screen": {"width": 1280, "height": 800}}
PASSWORD = "only in tests, and long"


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, browser, facility, size, pictures):
        self.context = browser.new_context(viewport=SIZES[size])
        self.page, self.facility, self.size, self.pictures = self.context.new_page(), facility, size, pictures
        self.page.on("console", lambda message: self.fail(message) if "Content Security Policy" in message.text else None)
        self.blocked = []

    def fail(self, message):
        self.blocked.append(message.text)

    def log_in(self, name):
        self.page.goto(f"{self.facility.url}/auth/app")
        self.page.get_by_label("Account").select_option("simple")
        self.page.get_by_label("User name").fill(name)
        self.page.get_by_label("Password").fill(self.facility.passwords[f"simple/{name}"])
        self.page.get_by_role("button", name="Log in").click()
        self.page.goto(f"{self.facility.url}/auth/app")
        expect(self.page.get_by_text(f"simple/{name}")).to_be_visible()

    def check_page(self, name):
        """What is wrong with every page is wrong with this one."""
        too_wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert too_wide <= 0, f"{name} at {self.size}: {too_wide} pixels too wide"
        nameless = self.page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter(field => !field.labels.length).map(field => field.name)"
        )
        assert not nameless, f"{name}: fields without a label: {nameless}"
        assert not self.blocked, self.blocked
        if self.pictures:
            self.page.screenshot(path=self.pictures / f"{name}-{self.size}.png", full_page=True)


def add_provider(visitor):
    page, facility = visitor.page, visitor.facility
    visitor.log_in("alice")
    visitor.check_page("account")
    page.get_by_role("button", name="Add Lab").click()
    # The provider of the tests lets ada in without a form.
    expect(page.get_by_text("you get this account when you log in there")).to_be_visible()
    visitor.check_page("linked")
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{facility.url}/auth/app")
    page.get_by_role("link", name="Log in with Lab").click()
    page.wait_for_url(facility.url + "/**")
    page.goto(f"{facility.url}/auth/app")
    expect(page.get_by_text("simple/alice")).to_be_visible()
    page.get_by_role("button", name="Remove Lab").click()
    expect(page.get_by_text("The link is removed")).to_be_visible()


def administrate(visitor):
    page, name = visitor.page, f"new-{visitor.size}"
    visitor.log_in("admin")
    page.get_by_role("link", name="Administration").click()
    page.get_by_label("Mechanism").select_option("simple")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).last.fill("short")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("are needed")
    assert page.get_by_label("User name").input_value() == name
    page.get_by_label("Password", exact=True).last.fill(PASSWORD)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("status")).to_contain_text("created")
    visitor.check_page("accounts")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name=f"Lock simple/{name}").click()
    expect(page.get_by_role("status")).to_contain_text("locked")
    page.get_by_role("link", name="Logins", exact=True).first.click()
    expect(page.get_by_text("simple/admin").first).to_be_visible()
    visitor.check_page("logins")
    page.get_by_role("link", name="API keys").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Acts for the user").fill("simple/bob")
    page.get_by_label("logbook:write").check()
    page.get_by_label("Expires on").fill("2027-01-15")
    page.get_by_role("button", name="Create").click()
    key = page.locator("code.key").inner_text()
    assert key.startswith("uak_"), key
    visitor.check_page("keys")
    page.reload()
    page.goto(f"{visitor.facility.url}/auth/app/admin/keys")
    assert key not in page.content()
    page.get_by_role("button", name=f"Revoke {name}").click()
    expect(page.get_by_role("status")).to_contain_text("revoked")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--pictures", type=Path)
    pictures = options.parse_args().pictures
    with OidcFacility() as facility, sync_playwright() as driver:
        browser = launch_chromium(driver)
        for size in SIZES:
            for steps in (add_provider, administrate):
                visitor = Visitor(browser, facility, size, pictures)
                steps(visitor)
                visitor.context.close()
            print(f"{size}: account, link, accounts, logins, API keys", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
