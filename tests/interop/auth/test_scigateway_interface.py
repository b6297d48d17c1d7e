#!/usr/bin/env python3
"""The interface of scigateway-auth, byte by byte: logins with a password and without a name, the cookie, tokens, refresh,
verification, both states of maintenance in all shapes of their clients, refusals, redirects and methods.

    tests/interop/auth/test_scigateway_interface.py
"""

# seconds: 8

import http.client
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from auth_facility import PREFIX, AuthFacility, decode_part, read_cookie
from scigateway_answers import BROKEN_JSON, INVALID_BODIES, INVALID_MAINTENANCE, NOT_ALLOWED, NOT_AUTHENTICATED, NOT_FOUND, WRONG_METHODS

JSON = "application/json"
DAYS = 7 * 24 * 3600


def render(details):
    return json.dumps({"detail": details}, separators=(",", ":")).encode()


def expect(answer, status, body):
    found, headers, text = answer
    assert (found, text, headers["content-type"]) == (status, body, JSON), (found, text, headers["content-type"], status, body)


def check_token_answer(headers, body):
    """A bare JSON string, whose claims stand in the order of the original."""
    assert headers["content-type"] == JSON and re.fullmatch(rb'"[\w-]+\.[\w-]+\.[\w-]+"', body), body
    token = json.loads(body)
    header, claims = json.loads(decode_part(token, 0)), json.loads(decode_part(token, 1))
    assert (header["alg"], header["typ"]) == ("RS256", "JWT"), header
    text = decode_part(token, 1)
    assert text.startswith('{"sessionId":"') and [key for key in claims if key in ("sessionId", "username", "userIsAdmin", "exp")] == [
        "sessionId", "username", "userIsAdmin", "exp"], text
    assert ": " not in text and text.isascii(), text
    # Verifiers with PyJWT refuse tokens for an audience that they do not name.
    assert "aud" not in claims and type(claims["exp"]) is int and type(claims["userIsAdmin"]) is bool, claims
    return token, claims


def check_logins(facility):
    status, headers, body = facility.scigateway("POST", "/login", facility.credentials("alice"))
    assert status == 200, (status, body)
    _, claims = check_token_answer(headers, body)
    assert (claims["username"], claims["userIsAdmin"]) == ("simple/alice", False), claims
    (cookie,) = headers.get_all("set-cookie")
    value = read_cookie(headers)
    assert cookie == f"scigateway:refresh_token={value}; HttpOnly; Max-Age={DAYS}; Path={PREFIX}/refresh; SameSite=lax; Secure", cookie
    assert re.fullmatch(r"[\w.-]+", value), value
    admin = check_token_answer(*facility.scigateway("POST", "/login", facility.credentials("admin"))[1:])[1]
    assert admin["userIsAdmin"] is True, admin
    refused = facility.scigateway("POST", "/login", facility.credentials("alice", "wrong"))
    unknown = facility.scigateway("POST", "/login", facility.credentials("nobody", "wrong"))
    assert refused[0] == unknown[0] == 403 and refused[2] == unknown[2], (refused, unknown)
    detail = json.loads(refused[2])
    assert detail.keys() == {"detail"} and type(detail["detail"]) is str and "session" not in detail["detail"].lower(), detail
    assert "set-cookie" not in refused[1]


def check_anonymous_logins(facility):
    """Without credentials it is the anonymous user, whatever the mnemonic; the front end sends empty texts."""
    sessions = set()
    for body in (
        b'{"mnemonic":"anon"}', b'{"mnemonic":"anon","credentials":null}', b'{"mnemonic":"anon","credentials":{"username":"","password":""}}',
        b'{"mnemonic":"simple"}', b'{"mnemonic":"simple","credentials":null,"unknown":1}',
    ):
        status, headers, answer = facility.scigateway("POST", "/login", data=body)
        assert status == 200, (body, status, answer)
        claims = check_token_answer(headers, answer)[1]
        assert (claims["username"], claims["userIsAdmin"]) == ("anon/anon", False), claims
        sessions.add(claims["sessionId"])
    assert len(sessions) == 5, "carts of visitors are kept by their session"


def check_lists(facility):
    status, headers, body = facility.scigateway("GET", "/authenticators")
    properties = json.loads(facility.request("GET", "/icat/properties")[2])
    assert status == 200 and headers["content-type"] == JSON and json.loads(body) == properties["authenticators"], body
    anonymous = next(one for one in json.loads(body) if one["mnemonic"] == "anon")
    assert anonymous["keys"] == [], anonymous
    expect(facility.scigateway("GET", "/oidc_providers"), 200, b"{}")


def check_verify(facility):
    access, refresh = facility.scigateway_login("alice")
    status, headers, body = facility.scigateway("POST", "/verify", {"token": access})
    assert (status, body, headers["content-length"], headers["content-type"]) == (200, b"", "0", None), (status, headers, body)
    header, claims, signature = access.split(".")
    for wrong in ("", "x", refresh, f"{header}.{claims}.", f"{header}.{claims}.{signature[:-4]}AAAA", f"{header}.{claims}"):
        expect(facility.scigateway("POST", "/verify", {"token": wrong}), 403, b'{"detail":"Invalid JWT token provided"}')


def check_refresh(facility):
    access, refresh = facility.scigateway_login("alice")
    expect(facility.scigateway("POST", "/refresh", {"token": access}), 400, b'{"detail":"No JWT refresh token found"}')
    status, headers, body = facility.scigateway("POST", "/refresh", {"token": access}, cookie=refresh)
    assert status == 200, (status, body)
    renewed, claims = check_token_answer(headers, body)
    before = json.loads(decode_part(access, 1))
    assert {key: claims[key] for key in ("username", "userIsAdmin")} == {key: before[key] for key in ("username", "userIsAdmin")}
    assert claims["exp"] >= before["exp"] and facility.scigateway("POST", "/verify", {"token": renewed})[0] == 200
    replaced = read_cookie(headers) or refresh
    # Some servers in front of it write the colon as %3A.
    status, _, body = facility.scigateway("POST", "/refresh", {"token": renewed}, headers={"Cookie": f"scigateway%3Arefresh_token={replaced}"})
    assert status == 200, (status, body)
    other, _ = facility.scigateway_login("bob")
    for token, cookie in ((access, "x"), (access, access), (other, replaced), ("x", replaced)):
        expect(facility.scigateway("POST", "/refresh", {"token": token}, cookie=cookie), 403, b'{"detail":"Unable to refresh access token"}')


def check_maintenance(facility):
    """Three shapes of clients: the released front end, the newest server, and the front end's open branch."""
    admin, alice = facility.scigateway_login("admin")[0], facility.scigateway_login("alice")[0]
    quiet = {"show": False, "message": ""}
    places = {
        "/maintenance": ("maintenance", "Maintenance state successfully updated", "Unable to update maintenance state", {}),
        "/scheduled_maintenance": ("scheduledMaintenance", "Scheduled maintenance state successfully updated",
                                   "Unable to update scheduled maintenance state", {"severity": "warning"}),
    }
    for path, (name, done, refused, more) in places.items():
        status, _, body = facility.scigateway("GET", path)
        assert status == 200 and json.loads(body).items() >= quiet.items(), body
        states = [{"show": True, "message": f"Shutdown {number} – ü", **more} for number in range(3)]
        shapes = [
            lambda state, token: facility.scigateway("PUT", path, {"token": token, name: state}),
            lambda state, token: facility.scigateway("PUT", path, state, token),
            lambda state, token: facility.scigateway("POST", path, state, token),
        ]
        for shape, state in zip(shapes, states):
            expect(shape(state, admin), 200, json.dumps(done).encode())
            assert json.loads(facility.scigateway("GET", path)[2]) == state
            for token in (alice, "x"):
                expect(shape({"show": False, "message": "no", **more}, token), 403, json.dumps({"detail": refused}, separators=(",", ":")).encode())
            assert json.loads(facility.scigateway("GET", path)[2]) == state
        status, headers, body = facility.scigateway("PUT", path, states[0])
        assert (status, body, headers["www-authenticate"]) == (401, NOT_AUTHENTICATED, "Bearer"), (status, body)
        for severity in ("success", "warning", "error", "information", "info") if more else ():
            state = {"show": True, "message": "m", "severity": severity}
            expect(facility.scigateway("PUT", path, state, admin), 200, json.dumps(done).encode())
            assert json.loads(facility.scigateway("GET", path)[2]) == state
    for body, details in INVALID_MAINTENANCE:
        expect(facility.scigateway("PUT", "/maintenance", data=body, token=admin), 422, render(details))
    # Malformed first, then the missing bearer, then the fields, then the rights.
    status, _, body = facility.scigateway("PUT", "/maintenance", data=b"{")
    assert status == 422 and json.loads(body)["detail"][0]["type"] == "json_invalid", body
    expect(facility.scigateway("PUT", "/maintenance", data=b'{"show":1}', token="x"), 422, render(INVALID_MAINTENANCE[0][1]))
    facility.kill()
    facility.start()
    assert json.loads(facility.scigateway("GET", "/maintenance")[2])["show"] is True, "it outlives the process"


def check_invalid_requests(facility):
    for method, path, body, details in INVALID_BODIES:
        answer = facility.scigateway(method, path, data=body)
        expect(answer, 422, render(details))
        assert b"hunter2" not in answer[2]
    for body, offset in BROKEN_JSON:
        status, _, text = facility.scigateway("POST", "/login", data=body)
        (entry,) = json.loads(text)["detail"]
        assert status == 422 and (entry["type"], entry["loc"], entry["msg"]) == ("json_invalid", ["body", offset], "JSON decode error"), entry
    for method, path, allowed in WRONG_METHODS:
        status, headers, body = facility.scigateway(method, path)
        assert (status, headers["allow"], body) == (405, allowed, b"" if method == "HEAD" else NOT_ALLOWED), (method, path, status, headers["allow"])
    expect(facility.scigateway("GET", "/nothing"), 404, NOT_FOUND)
    unknown = b'{"detail":"Unknown OIDC provider: nobody"}'
    expect(facility.scigateway("POST", "/oidc_token/nobody", data=b'"code"'), 404, unknown)
    expect(facility.scigateway("POST", "/oidc_login/nobody", token="x"), 404, unknown)
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        status, answer, body = facility.scigateway("POST", "/oidc_login/nobody", headers=headers)
        assert (status, body, answer["www-authenticate"]) == (401, NOT_AUTHENTICATED, "Bearer"), (status, body)


def check_trailing_slash(facility):
    """Deployers use it."""
    connection = http.client.HTTPConnection("127.0.0.1", facility.public)
    connection.request("GET", f"{PREFIX}/authenticators/")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["location"]) == (307, f"{facility.url}{PREFIX}/authenticators"), (answer.status, answer.headers["location"])
    connection.close()


def main():
    with AuthFacility() as facility:
        for check in (check_logins, check_anonymous_logins, check_lists, check_verify, check_refresh, check_invalid_requests,
                      check_trailing_slash, check_maintenance):
            check(facility)
            print(check.__name__.removeprefix("check_").replace("_", " "), flush=True)


if __name__ == "__main__":
    main()
