"""The npm package oidc-provider as a provider that a test owns: who logs in, and what is wrong with the tokens, is said over a
second port. See oidc_provider/main.mjs."""

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from servers import Server, end_group, start_group
from suite import ROOT, free_port

SOURCE = Path(__file__).parent / "oidc_provider"
NODE_MODULES = ROOT / "target" / "interop" / "oidc-provider" / "node_modules"
SECRET = "only-known-to-tests"
# With a secret, as the product is registered; without one, as the old front end; and a program on a command line.
CLIENT, PUBLIC_CLIENT, DEVICE_CLIENT = "undulator", "portal", "command-line"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class OidcProvider(Server):
    """`redirect_uri` and `logout_uri` are those of the client with the secret. `accounts` are claims by `sub`."""

    def __init__(self, redirect_uri="http://127.0.0.1/callback", logout_uri=None, return_uri="http://127.0.0.1/bye", accounts=None):
        super().__init__()
        self.port, self.control_port = free_port(), free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.redirect_uri = redirect_uri
        codes = {"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "post_logout_redirect_uris": [return_uri]}
        confidential = {"client_id": CLIENT, "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post", "redirect_uris": [redirect_uri]}
        public = {"client_id": PUBLIC_CLIENT, "token_endpoint_auth_method": "none", "redirect_uris": [redirect_uri]}
        device = {"client_id": DEVICE_CLIENT, "token_endpoint_auth_method": "none", "redirect_uris": [], "response_types": [],
                  "grant_types": [DEVICE_GRANT, "refresh_token"]}
        if logout_uri:
            confidential |= {"backchannel_logout_uri": logout_uri, "backchannel_logout_session_required": True}
        self.settings = {
            **{"port": self.port, "controlPort": self.control_port, "keysFile": str(self.dir / "keys.json")},
            "clients": [codes | confidential, codes | public, device], "accounts": accounts or {},
        }
        self.process = None

    def start(self):
        """Also again after `end`, at the same address and with the same keys; sessions are forgotten."""
        if not (self.dir / "main.mjs").exists():
            shutil.copytree(SOURCE, self.dir, dirs_exist_ok=True)
            (self.dir / "node_modules").symlink_to(NODE_MODULES)
        self.log = self.dir / "log"
        environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}
        with self.log.open("a") as log:
            self.process = start_group(["node", "main.mjs", json.dumps(self.settings)], cwd=self.dir, env=environment,
                                       stdout=subprocess.PIPE, stderr=log, text=True)
        if "listening" not in self.process.stdout.readline():
            self.end()
            raise SystemExit(f"the provider did not start\n{self.log.read_text()}")

    def end(self):
        end_group(self.process)
        self.process.stdout.close()

    def control(self, method, path, value=None):
        data = None if method == "GET" else json.dumps(value).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def log_in_as(self, account, acr=None, amr=None, seconds_ago=0):
        """Who logs in at the next interactions, without a form; None: the form asks."""
        login = account and {"account": account, "acr": acr, "amr": amr or [], "ts": int(time.time()) - seconds_ago}
        self.control("PUT", "/login", login)

    def refuse_login(self, error="access_denied"):
        self.control("PUT", "/login", {"error": error})

    def break_answers(self, **breakage):
        """What is wrong from now on, see breakage.mjs; nothing: all is right again."""
        self.control("PUT", "/breakage", breakage)

    def rotate_keys(self, withdraw=False):
        """The id of the new key. The old one stays published, unless it is withdrawn."""
        return self.control("POST", "/rotation", {"withdraw": withdraw})["kid"]

    def sign_token(self, claims, header=None, sign="current"):
        """Any token with the provider's keys; see signing.mjs for `sign`."""
        return self.control("POST", "/token", {"claims": claims, "header": header or {}, "sign": sign})["token"]

    def sign_logout_token(self, header=None, sign="current", **claims):
        """A right one, with these changes; None removes a claim."""
        now = int(time.time())
        right = {
            **{"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": os.urandom(16).hex()},
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
        return self.sign_token(right | claims, {"typ": "logout+jwt", **(header or {})}, sign)

    @contextlib.contextmanager
    def outage(self, how=503):
        """Every request is answered with this status, or not at all ("hang"), until the end of the `with`."""
        self.control("PUT", "/outage", how)
        try:
            yield
        finally:
            self.control("PUT", "/outage", None)

    def requests(self, path=None):
        """What the provider was asked since `forget_requests`."""
        return [one for one in self.control("GET", "/requests") if path in (None, one["path"])]

    def forget_requests(self):
        self.control("DELETE", "/requests")
