"""What schemathesis needs besides the OpenAPI document of auth: credentials that are good. Those that a request uses up are made for it
alone, so that it does not matter when it is sent."""

import hashlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import schemathesis
from schemathesis.core import NOT_SET

from cookie_browser import CookieBrowser
from oidc_client import OidcClient, decode_token
from schemathesis_facts import FACTS, KEPT, random_for_case, record_answer

CLIENT_NAME = "tests"
SEVERITIES = ["success", "warning", "error", "information", "info"]
ALICE = {"plugin": "simple", "username": "alice", "password": FACTS["password"]}
ANONYMOUS = {"plugin": "anon"}
PROVIDER = FACTS["provider"]


def post_json(url, body):
    """Headers and JSON."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, json.load(answer)


def log_in(credentials=ANONYMOUS):
    return post_json(f"{FACTS['url']}/auth/v1/token", {**credentials, "refresh_token": "body", "client_id": CLIENT_NAME})[1]


def open_session():
    """Of ICAT+. No two requests have the same: schemathesis sends what it has seen in answers to any operation, also to those that end it."""
    return post_json(f"{FACTS['url']}/session", ANONYMOUS)[1]["sessionId"]


def log_in_to_scigateway():
    """The token, and the header with the cookie."""
    headers, token = post_json(f"{FACTS['url']}/auth/login", {"mnemonic": "anon"})
    return token, headers["Set-Cookie"].split(";")[0]


def sign(**claims):
    """By the provider; no two of them are the same."""
    now = int(time.time())
    claims = {"iss": PROVIDER["issuer"], "aud": PROVIDER["client"], "sub": "ada", "iat": now, "exp": now + 600, "jti": str(uuid.uuid4()), **claims}
    return post_json(f"{PROVIDER['control']}/token", {"claims": claims})[1]["token"]


def sign_id_token():
    return sign(preferred_username="ada")


def sign_logout_token():
    return sign(events={"http://schemas.openid.net/event/backchannel-logout": {}})


def get_code():
    client = OidcClient(PROVIDER["issuer"], PROVIDER["client"], PROVIDER["secret"], PROVIDER["callback"])
    url, sent = client.build_authorization()
    return {"code": client.read_redirect(CookieBrowser().open(url, client.redirect_uri))["code"], "code_verifier": sent["code_verifier"]}


class Request:
    """A case that gets what is good."""

    def __init__(self, case, choose):
        self.case, self.choose = case, choose

    def set_bearer(self, token):
        self.case.headers = {**(self.case.headers or {}), "Authorization": f"Bearer {token}"}

    def set_path(self, name, value):
        self.case.path_parameters[name] = value

    def set_query(self, **values):
        self.case.query = values

    def set_body(self, body):
        """In place of a generated one that is an object; others stay, because they are wrong in ways of their own. None: no body."""
        if body is None:
            self.case.body = NOT_SET
        elif isinstance(self.case.body, dict):
            self.case.body = body


def prepare_token(request):
    kinds = [ANONYMOUS, ALICE, {**ANONYMOUS, "refresh_token": "cookie"}, {**ANONYMOUS, "refresh_token": "body", "client_id": CLIENT_NAME},
             {"plugin": "simple", "credentials": {"username": "alice", "password": FACTS["password"]}}, {**ALICE, "password": "wrong"}, None]  # fmt: skip
    kind = request.choose.choice(kinds)
    if kind is None:
        request.set_bearer(open_session())
    else:
        (request.case.headers or {}).pop("Authorization", None)
    request.set_body(kind)


def prepare_logout(request):
    login = log_in()
    if request.choose.randrange(2):
        request.set_bearer(login["access_token"])
        request.set_body(None)
    else:
        (request.case.headers or {}).pop("Authorization", None)
        request.set_body({"refresh_token": login["refresh_token"]})


def prepare_refresh(request):
    request.set_body({"refresh_token": log_in()["refresh_token"], "client_id": CLIENT_NAME})


def prepare_end_of_token(request):
    request.set_bearer(log_in()["access_token"])


def prepare_list(request):
    request.set_bearer(FACTS["access_token"])
    request.set_query(**request.choose.choice([{}, {"limit": 1}, {"limit": 500}, {"cursor": FACTS["cursor"]}, {"limit": 0}]))


def prepare_end_of_login(request):
    request.set_bearer(FACTS["access_token"])
    sid = decode_token(log_in(ALICE)["access_token"])[1]["sid"]
    request.set_path("id", hashlib.sha256(sid.encode()).hexdigest())


def create_key():
    """An API key and its id."""
    days = f"{time.gmtime().tm_year + 1}-01-15T00:00:00Z"
    body = {"name": f"key-{uuid.uuid4().hex}", "user": "simple/alice", "scopes": ["read"], "expires": days}
    data = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {FACTS['administrator_access_token']}"}
    request = urllib.request.Request(f"{FACTS['url']}/auth/v1/api-keys", data, headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["api_key"]["id"]


def prepare_new_key(request):
    request.set_bearer(FACTS["administrator_access_token"])
    year = time.gmtime().tm_year + 1
    scopes = request.choose.choice([["read"], ["logbook:write"], ["unknown"]])
    request.set_body({"name": f"key-{uuid.uuid4().hex}", "user": "simple/alice", "scopes": scopes, "instruments": ["ID29"], "expires": f"{year}-01-15T00:00:00Z"})


def prepare_keys(request):
    request.set_bearer(request.choose.choice([FACTS["administrator_access_token"], FACTS["access_token"]]))
    request.set_query(**request.choose.choice([{}, {"limit": 1}, {"user": "simple/alice"}, {"limit": 0}]))


def prepare_revoked_key(request):
    request.set_bearer(FACTS["administrator_access_token"])
    request.set_path("id", create_key())


def prepare_provider(request):
    request.set_path("provider", PROVIDER["name"])


def prepare_proved_token(request):
    request.set_body({"provider": PROVIDER["name"], "id_token": sign_id_token(), **request.choose.choice([{}, {"refresh_token": "body"}])})


def prepare_provider_logout(request):
    prepare_provider(request)
    request.set_body({"logout_token": sign_logout_token()})


def prepare_revoked(request):
    request.set_query(**request.choose.choice([{}, {"after": FACTS["position"]}]))


def prepare_session_login(request):
    request.set_body(request.choose.choice([ALICE, ANONYMOUS, {**ALICE, "usernameSuffix": "_mx"}]))


def prepare_session(request):
    request.set_path("id", open_session())


def prepare_scigateway_login(request):
    credentials = {"username": "alice", "password": FACTS["password"]}
    request.set_body(request.choose.choice([{"mnemonic": "simple", "credentials": credentials}, {"mnemonic": "anon"}, {"mnemonic": "x", "credentials": None}]))


def prepare_scigateway_refresh(request):
    token, cookie = log_in_to_scigateway()
    request.case.headers = {**(request.case.headers or {}), "Cookie": cookie}
    request.set_body({"token": token})


def prepare_scigateway_token(request):
    request.set_body({"token": log_in_to_scigateway()[0]})


def prepare_maintenance(request):
    request.set_bearer(FACTS["administrator"])
    request.set_body({"show": request.choose.choice([True, False]), "message": "Shutdown until Monday"})


def prepare_scheduled_maintenance(request):
    request.set_bearer(FACTS["administrator"])
    request.set_body({"show": True, "message": "Shutdown on Monday", "severity": request.choose.choice(SEVERITIES)})


def prepare_code(request):
    """Always: a wrong code is answered 500, as scigateway-auth answers it."""
    body = request.case.body
    if isinstance(body, dict) and isinstance(body.get("code"), str):
        request.set_body({**get_code(), "redirect_uri": PROVIDER["callback"]})
    elif isinstance(body, str):
        # The code alone; without its verifier it is a wrong one.
        request.case.body = [body]
    if request.choose.randrange(KEPT):
        prepare_provider(request)


def prepare_id_token(request):
    prepare_provider(request)
    request.set_bearer(sign_id_token())


PREPARE = {
    "POST /auth/v1/token": prepare_token, "DELETE /auth/v1/token": prepare_end_of_token, "POST /auth/v1/token/refresh": prepare_refresh,
    "POST /auth/v1/logout": prepare_logout, "GET /auth/v1/logins": prepare_list, "DELETE /auth/v1/logins/{id}": prepare_end_of_login,
    "POST /auth/v1/token/provider": prepare_proved_token, "GET /auth/v1/providers/{provider}/device": prepare_provider,
    "POST /auth/v1/oidc/{provider}/backchannel-logout": prepare_provider_logout, "GET /auth/v1/revoked": prepare_revoked,
    "POST /auth/v1/api-keys": prepare_new_key, "GET /auth/v1/api-keys": prepare_keys, "DELETE /auth/v1/api-keys/{id}": prepare_revoked_key,
    "POST /session": prepare_session_login, "GET /session/{id}": prepare_session, "PUT /session/{id}": prepare_session,
    "DELETE /session/{id}": prepare_session, "POST /auth/login": prepare_scigateway_login,
    "POST /auth/refresh": prepare_scigateway_refresh, "POST /auth/verify": prepare_scigateway_token, "POST /auth/logout": prepare_scigateway_token,
    "PUT /auth/maintenance": prepare_maintenance, "POST /auth/maintenance": prepare_maintenance,
    "PUT /auth/scheduled_maintenance": prepare_scheduled_maintenance, "POST /auth/scheduled_maintenance": prepare_scheduled_maintenance,
    "POST /auth/oidc_token/{provider}": prepare_code, "POST /auth/oidc_login/{provider}": prepare_id_token,
}  # fmt: skip


@schemathesis.hook
def before_call(ctx, case, kwargs):
    kwargs["allow_redirects"] = False
    choose = random_for_case(case)
    prepare = PREPARE.get(case.operation.label)
    if prepare and (prepare is prepare_code or choose.randrange(KEPT)):
        prepare(Request(case, choose))


@schemathesis.hook
def after_call(ctx, case, response):
    record_answer(case, response)
