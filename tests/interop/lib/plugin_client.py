"""Authenticator plugins as icat.server calls them: a form with one field of JSON, on the internal listener."""

import json
import urllib.parse


def authenticate(server, mechanism, credentials, ip="192.0.2.7", encoding="utf-8", errors="replace"):
    """Status and JSON. `credentials` is an object, which becomes one object for each key, or what is sent as it is."""
    if isinstance(credentials, dict):
        credentials = [{key: value} for key, value in credentials.items()]
    login = {"credentials": credentials, "ip": ip}
    login = {key: value for key, value in login.items() if value is not None}
    text = json.dumps(login, ensure_ascii=False)
    return post_form(server, mechanism, urllib.parse.urlencode({"json": text}, encoding=encoding, errors=errors))


def post_form(server, mechanism, form):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, answer, body = server.request("POST", f"/authn.{mechanism}/authenticate", data=form.encode(), headers=headers, internal=True)
    assert answer["content-type"] == "application/json", (status, answer["content-type"], body)
    return status, json.loads(body)


def require_refusal(answer, status=403, code="AuthnException"):
    """Both fields must be texts, or icat.server makes an internal error of it; the message."""
    found, body = answer
    assert found == status and body.keys() == {"code", "message"} and body["code"] == code, (answer, status, code)
    assert type(body["message"]) is str and body["message"], body
    return body["message"]
