#!/usr/bin/env python3
"""The command line logs in through the facility's provider with a device code: it prints an address, a person opens it in a browser,
and the command ends with a file that nobody else can read. Refused and slow logins end with a sentence.

    tests/interop/auth/test_device_login.py
"""

# needs: oidc_provider
# seconds: 25
# mostly-waits: it asks the provider every five seconds

import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from cookie_browser import CookieBrowser
from oidc_logins import NAME, OidcFacility
from oidc_provider import DEVICE_CLIENT


class Command:
    """`undulator login`, with a home directory of its own."""

    def __init__(self, facility):
        self.home = facility.dir / "home"
        self.home.mkdir(exist_ok=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        self.program = facility.program

    def start_login(self, url):
        """The process, and the address that it prints."""
        process = subprocess.Popen([self.program, "login", "--url", url, "--provider", NAME], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/device\S*user_code=\S+", said):
                return process, found[0]
        raise AssertionError(f"no address: {said}")

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments], env=self.env, capture_output=True, text=True)

    def list_files(self):
        return [path for path in self.home.rglob("*") if path.is_file() and path.suffix != ".lock"]


def confirm(facility, url):
    browser = CookieBrowser()
    return browser.submit(browser.submit(browser.open(url)))


def check_login(facility, command):
    process, url = command.start_login(facility.url)
    assert confirm(facility, url).status == 200
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and "eyJ" not in output + errors, (process.returncode, output, errors)
    (file,) = command.list_files()
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o077 == 0, oct(file.stat().st_mode)
    who = command.run("--json", "whoami")
    assert who.returncode == 0 and "oidc/ada" in json.dumps(json.loads(who.stdout)), who
    token = command.run("token").stdout.strip()
    status, _, body = facility.request("GET", "/auth/v1/logins", headers={"Authorization": f"Bearer {token}"})
    assert status == 200 and len(json.loads(body)["logins"]) == 1, (status, body)


def check_refusal(facility, command):
    facility.provider.refuse_login()
    process, url = command.start_login(facility.url)
    confirm(facility, url)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in errors and "panicked" not in errors, (process.returncode, errors)


def main():
    with OidcFacility(provider={"device_client_id": DEVICE_CLIENT}) as facility:
        command = Command(facility)
        check_login(facility, command)
        check_refusal(facility, command)
    print("a device login, a file for its owner alone, and a refusal")


if __name__ == "__main__":
    main()
