#!/usr/bin/env python3
"""Groups that a provider states become groups of the embedded catalogue at each login: a rule for a group lets its members read, until
the group is withdrawn. Groups that the provider does not decide about stay.

    tests/interop/auth/test_oidc_groups.py
"""

# needs: oidc_provider
# seconds: 20

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from oidc_logins import OidcFacility

USER = "oidc/ada"


def log_in(facility, groups):
    """An access token of a login with these groups."""
    facility.provider.break_answers(id_token={"claims": {"groups": groups}})
    browser, _ = facility.require_login()
    return facility.refresh(browser)[1]["access_token"]


def list_readable(facility, token):
    """Names of investigations that a session sees."""
    return facility.search(token, "SELECT i.name FROM Investigation i")


def list_groups(facility):
    return sorted(facility.search(facility.root, f"SELECT g.grouping.name FROM UserGroup g WHERE g.user.name = '{USER}'"))


def main():
    facility = OidcFacility(provider={"groups_claim": "/groups", "groups_prefix": "lab-"})
    with facility:
        site, = facility.create("Facility", {"name": "SUN"})
        kind, = facility.create("InvestigationType", {"name": "MX", "facility": site})
        facility.create("Investigation", {"name": "ZZ-123", "visitId": "1", "title": "t", "facility": site, "type": kind})
        staff, other = facility.create("Grouping", {"name": "lab-staff"}, {"name": "other"})
        facility.create("Rule", {"crudFlags": "R", "what": "Investigation", "grouping": staff})

        token = log_in(facility, ["users"])
        assert list_readable(facility, token) == [] and list_groups(facility) == ["lab-users"], list_groups(facility)
        user, = facility.search(facility.root, f"SELECT u.id FROM User u WHERE u.name = '{USER}'")
        facility.create("UserGroup", {"user": {"id": user}, "grouping": other})

        member = log_in(facility, ["staff", "users"])
        assert list_readable(facility, member) == ["ZZ-123"], "the rule of the group"
        assert list_groups(facility) == ["lab-staff", "lab-users", "other"]

        token = log_in(facility, ["users"])
        assert list_readable(facility, token) == [] and list_readable(facility, member) == [], "withdrawn, for older logins too"
        assert list_groups(facility) == ["lab-users", "other"]

        token = log_in(facility, None)
        assert list_groups(facility) == ["other"], "without the claim, in none of the provider's groups"
        changes = [entry[1] for entry in facility.read_audit() if entry[0] == "group"]
        assert changes == ["added", "added", "removed", "removed"], changes
    print("groups: stated, withdrawn and left alone")


if __name__ == "__main__":
    main()
