#!/usr/bin/env python3
"""schemathesis asks every operation of auth's OpenAPI document, with passwords, sessions, tokens, codes and refresh tokens that are
good in most requests: no 500, no status, type or shape of an answer that the document does not have. The same run against a
document that lacks one status must fail.

    tests/interop/auth/test_openapi_document.py [--cases N] [--seed S] [--only OPERATION]
"""

# needs: oidc_provider schemathesis
# seconds: 25
# long: --cases 300

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from auth_facility import UNLIMITED_LOGINS
from auth_replica import post_json
from oidc_logins import NAME, OidcFacility
from oidc_provider import CLIENT, SECRET
from schemathesis_runs import SchemathesisRuns, add_options


def collect_facts(facility, seed):
    """A login of alice that nothing ends, and what the hooks need to make others."""
    password = facility.passwords["simple/alice"]
    administrator = {"plugin": "simple", "username": "admin", "password": facility.passwords["simple/admin"]}
    status, login = post_json(facility, "/auth/v1/token", {"plugin": "simple", "username": "alice", "password": password})
    assert status == 200, login
    # A second login, so that there is a next page.
    headers = {"Authorization": f"Bearer {facility.login('simple/alice')}"}
    assert facility.request("POST", "/auth/v1/token", headers=headers)[0] == 200
    headers = {"Authorization": f"Bearer {login['access_token']}"}
    logins = json.loads(facility.request("GET", "/auth/v1/logins", {"limit": 1}, headers=headers)[2])
    provider = facility.provider
    return {
        **{"url": facility.url, "seed": seed, "password": password},
        **{"access_token": login["access_token"], "administrator": facility.scigateway_login("admin")[0]},
        **{"cursor": logins["cursor"], "position": json.loads(facility.request("GET", "/auth/v1/revoked")[2])["next"]},
        "administrator_access_token": post_json(facility, "/auth/v1/token", administrator)[1]["access_token"],
        "provider": {
            **{"name": NAME, "issuer": provider.issuer, "control": f"http://127.0.0.1:{provider.control_port}"},
            **{"client": CLIENT, "secret": SECRET, "callback": facility.callback},
        },
    }


def main():
    options = argparse.ArgumentParser()
    add_options(options)
    chosen = options.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    with OidcFacility(**UNLIMITED_LOGINS) as facility:
        document = json.loads(facility.run("openapi", "auth").stdout)
        runs = SchemathesisRuns(facility, __file__, document, collect_facts(facility, chosen.seed), chosen)
        statuses = runs.check_all()
        if not chosen.only:
            runs.require_answers(statuses)
            runs.check_control("create_token", "401")


if __name__ == "__main__":
    main()
