#!/usr/bin/env python3
"""SciGateway's way to log in with a provider: the list of providers byte by byte, codes and id tokens that the browser brings, each
id token once, and the original's refusals.

    tests/interop/auth/test_scigateway_oidc.py
"""

# needs: oidc_provider
# seconds: 12

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import decode_part, read_cookie
from cookie_browser import CookieBrowser
from oidc_client import OidcClient
from oidc_logins import NAME, OidcFacility
from oidc_provider import CLIENT, SECRET

INVALID = b'{"detail":"Invalid OIDC id_token"}'


def get_code(facility):
    client = OidcClient(facility.provider.issuer, CLIENT, SECRET, facility.callback)
    url, sent = client.build_authorization()
    return client.read_redirect(CookieBrowser().open(url, facility.callback))["code"], sent


def get_id_token(facility):
    """As a browser that is a client itself."""
    client = OidcClient(facility.provider.issuer, CLIENT, SECRET, facility.callback)
    return client.log_in(CookieBrowser(), lambda answer: answer)[0]["id_token"]


def check_list(facility):
    status, headers, body = facility.scigateway("GET", "/oidc_providers")
    assert status == 200 and headers["content-type"] == "application/json", (status, headers["content-type"])
    expected = (
        f'{{"{NAME}":{{"display_name":"Lab","configuration_url":"{facility.provider.issuer}/.well-known/openid-configuration",'
        f'"client_id":"{CLIENT}","pkce":false,"scope":"openid profile email"'
    )
    assert body.decode().startswith(expected) and SECRET.encode() not in body, body


def check_code(facility):
    """The answer has the id token, and not the provider's other tokens."""
    code, sent = get_code(facility)
    body = {"code": code, "code_verifier": sent["code_verifier"], "redirect_uri": facility.callback, "nonce": sent["nonce"]}
    status, _, answer = facility.scigateway("POST", f"/oidc_token/{NAME}", body)
    tokens = json.loads(answer)
    assert status == 200 and "id_token" in tokens and "refresh_token" not in tokens, (status, tokens.keys())
    status, _, answer = facility.scigateway("POST", f"/oidc_token/{NAME}", body)
    assert (status, answer) == (500, b'{"detail":"Something went wrong"}'), (status, answer)
    status, _, answer = facility.scigateway("POST", f"/oidc_token/{NAME}", data=b'"x"')
    assert (status, answer) == (500, b'{"detail":"Something went wrong"}'), (status, answer)
    return tokens["id_token"]


def check_login(facility, token):
    status, headers, body = facility.scigateway("POST", f"/oidc_login/{NAME}", token=token)
    assert status == 200, (status, body)
    claims = json.loads(decode_part(json.loads(body), 1))
    assert (claims["username"], claims["userIsAdmin"]) == ("oidc/ada", False) and read_cookie(headers), claims
    status, _, body = facility.scigateway("POST", f"/oidc_login/{NAME}", token=token)
    assert (status, body) == (403, INVALID), "an id token is good for one login"


def check_refusals(facility):
    now = int(time.time())
    faults = [
        {"claims": {"iss": "https://evil.example.org"}}, {"claims": {"aud": "another"}}, {"claims": {"exp": now - 60}}, {"claims": {"exp": None}},
        {"claims": {"iat": now - 700}}, {"claims": {"nbf": now + 300}}, {"claims": {"preferred_username": "a/b"}}, {"header": {"alg": "none"}, "sign": "nothing"},
        {"header": {"alg": "HS256"}, "sign": "public-key-as-secret"}, {"header": {"kid": None}}, {"header": {"kid": "unknown"}}, {"sign": "foreign"}, {"header": {"typ": "at+jwt"}},
    ]
    for fault in faults:
        facility.provider.break_answers(id_token=fault)
        status, _, body = facility.scigateway("POST", f"/oidc_login/{NAME}", token=get_id_token(facility))
        assert (status, body) == (403, INVALID), (fault, status, body)
    facility.provider.break_answers()
    check_login(facility, get_id_token(facility))
    return len(faults)


def main():
    with OidcFacility() as facility:
        check_list(facility)
        check_login(facility, check_code(facility))
        refused = check_refusals(facility)
        with facility.provider.outage(503):
            status, headers, body = facility.scigateway("POST", f"/oidc_token/{NAME}", data=b'"x"')
            assert (status, body) == (500, b'{"detail":"Something went wrong"}') and "access-control-allow-origin" not in headers, (status, body)
        print(f"list, code, id token; {refused} wrong id tokens refused")


if __name__ == "__main__":
    main()
