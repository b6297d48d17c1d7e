#!/usr/bin/env python3
"""Logins with the accounts of an LDAP server: bound as the name says, or searched for and then bound, over LDAPS and StartTLS; names
that need escaping; empty and wrong passwords; a server that refers to another, hangs, or is down, which is no wrong password.

    tests/interop/auth/test_ldap_logins.py
"""

# needs: slapd
# seconds: 25

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import UNLIMITED_LOGINS, AuthFacility
from plugin_client import authenticate, require_refusal
from provider_settings import render_ldap, write_secret
from slapd import BASE, PEOPLE, READER, READER_PASSWORD, Slapd

TIMEOUT_SECONDS = 2
BIND = {"user_dn": f"uid=%,ou=people,{BASE}", "attribute": "uid"}
SEARCH = {"search_dn": READER, "search_password_file": write_secret(READER_PASSWORD), "base": BASE, "filter": "(&(objectClass=inetOrgPerson)(uid=%))", "attribute": "uid"}
REFUSED = "The username and password do not match"


def check_people(facility, mechanism):
    for name, password in PEOPLE.items():
        found = authenticate(facility, mechanism, {"username": name, "password": password})
        # The name is that of the directory, as it is stored there.
        assert found == (200, {"username": name, "mechanism": mechanism}), (mechanism, name, found)
        assert require_refusal(authenticate(facility, mechanism, {"username": name, "password": "wrong"})) == REFUSED
        assert require_refusal(authenticate(facility, mechanism, {"username": name, "password": ""})), "an empty password is an anonymous bind"


def check_refused_names(facility, mechanism):
    """None of them finds somebody else, and all have one text."""
    names = ["nobody", "*", "a*)(uid=ada", "ada)(|(uid=*", "ada,ou=people", "ada\0", "", "reader,ou=services", "twin", "x" * 1000, "hidden"]
    texts = {require_refusal(authenticate(facility, mechanism, {"username": name, "password": "adapw"})) for name in names}
    texts |= {require_refusal(authenticate(facility, mechanism, {"username": "twin", "password": "twinpw"}))}
    assert texts == {REFUSED}, texts


def check_other_spellings(facility, mechanism):
    """A directory takes no notice of capitals and of some blanks (RFC 4518): it is the same person, and never another user name."""
    for name in ("ADA", " ada", "ada ", "aDa"):
        status, answer = authenticate(facility, mechanism, {"username": name, "password": "adapw"})
        assert (status, answer) == (200, {"username": "ada", "mechanism": mechanism}) or status == 403, (mechanism, name, status, answer)
    # A name with capitals is given as it is stored.
    assert authenticate(facility, mechanism, {"username": "BOB", "password": "bobpw"}) == (200, {"username": "Bob", "mechanism": mechanism})


def check_outages(facility, server, mechanism):
    """Time-out, down, and back again."""
    ada = {"username": "ada", "password": "adapw"}
    for stop, start in ((server.pause, server.resume), (server.end, server.start)):
        stop()
        before = time.monotonic()
        message = require_refusal(authenticate(facility, mechanism, ada), 503)
        assert time.monotonic() - before < 10 * TIMEOUT_SECONDS and message != REFUSED, message
        assert facility.login("simple/alice"), "others log in meanwhile"
        description = facility.request("GET", f"/authn.{mechanism}/description", internal=True)[2]
        assert description == b'{"keys":[{"name":"username"},{"name":"password","hide":true}]}', description
        start()
        assert authenticate(facility, mechanism, ada)[0] == 200


def main():
    with Slapd() as server, Slapd(security="security simple_bind=128") as strict:
        common = {"ca_file": str(server.ca_file), "timeout": f"{TIMEOUT_SECONDS}s"}
        mechanisms = {
            "bound": render_ldap("bound", server.tls_url, **common, **BIND),
            "searched": render_ldap("searched", server.tls_url, **common, **SEARCH),
            "starttls": render_ldap("starttls", strict.url, starttls=True, **{**common, "ca_file": str(strict.ca_file)}, **SEARCH),
            # The first address is down.
            "second": render_ldap("second", f"ldaps://127.0.0.1:1 {server.tls_url}", **common, **SEARCH),
            "distrusted": render_ldap("distrusted", server.tls_url, **{**common, "ca_file": str(strict.ca_file)}, **SEARCH),
            "upper": render_ldap("upper", server.tls_url, username_format="uppercase", **common, **SEARCH),
        }
        with AuthFacility("".join(mechanisms.values()), **UNLIMITED_LOGINS) as facility:
            for mechanism in ("bound", "searched", "starttls", "second"):
                check_people(facility, mechanism)
                check_refused_names(facility, mechanism)
                check_other_spellings(facility, mechanism)
            ada = {"username": "ada", "password": "adapw"}
            assert authenticate(facility, "upper", ada) == (200, {"username": "ADA", "mechanism": "upper"})
            before = len(server.read_log())
            require_refusal(authenticate(facility, "distrusted", ada), 503)
            assert "uid=ada" not in server.read_log()[before:], "no name and no password for a server that may be another"
            check_outages(facility, server, "searched")
    print(f"{len(PEOPLE)} people by four ways; injection, outages and a wrong certificate")


if __name__ == "__main__":
    main()
