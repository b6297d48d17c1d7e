"""Keycloak with two realms: `facility`, whose login has two levels, a password and on demand a one-time code, and says in `amr`
what was done; and `stock`, as an administrator finds it, without a second factor. It needs 0.6 GB and half a minute to start."""

import base64
import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from oidc_client import fetch_json
from servers import Server, end_group, start_group
from suite import ROOT, free_port, wait_until

INSTALLED = ROOT / "target" / "interop" / "keycloak" / "keycloak-26.7.3"
REALMS = Path(__file__).parent / "keycloak_realms"
SECRET = "only-known-to-tests"
CLIENT, PUBLIC_CLIENT, DEVICE_CLIENT = "undulator", "portal", "command-line"
# That its access tokens name, as the realms say.
API_AUDIENCE = "undulator-api"
START_SECONDS = 300


def one_time_code(name, now=None):
    """RFC 6238, of the accounts in the realms."""
    counter = int((now or time.time()) // 30).to_bytes(8, "big")
    digest = hmac.new(f"{name}-otp-secret-1".encode(), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start:start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


class Keycloak(Server):
    """The addresses are those of the client `undulator` in both realms; `{realm}` in them is the name of the realm."""

    def __init__(self, redirect_uri="http://127.0.0.1/callback", logout_uri="", return_uri="http://127.0.0.1/bye"):
        super().__init__()
        self.port, self.management_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redirect_uri = redirect_uri
        self.addresses = {"REDIRECT_URI": redirect_uri, "LOGOUT_URI": logout_uri, "RETURN_URI": return_uri}
        self.administrator = os.urandom(12).hex()

    def issuer(self, realm):
        return f"{self.url}/realms/{realm}"

    def start(self):
        """Realms are kept in memory: a restarted one has new keys and nobody logged in."""
        env = {
            **os.environ, "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx384m",
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": self.administrator,
        }
        command = [
            INSTALLED / "bin/kc.sh", "start", "--optimized", "--http-enabled=true", "--hostname-strict=false", "--http-host=127.0.0.1",
            f"--http-port={self.port}", f"--http-management-port={self.management_port}",
        ]
        with (self.dir / "log").open("a") as log:
            self.process = start_group(command, env=env, cwd=self.dir, stdout=log, stderr=log)
        try:
            wait_until("Keycloak is ready", self.is_ready, START_SECONDS)
            for file in sorted(REALMS.glob("*.json")):
                self.create_realm(file.read_text())
        except BaseException:
            self.end()
            raise

    def is_ready(self):
        if self.process.poll() is not None:
            raise SystemExit(f"Keycloak did not start\n{(self.dir / 'log').read_text()[-3000:]}")
        # It stops answering while it starts; asking is work for it.
        time.sleep(1)
        try:
            return fetch_json(f"http://127.0.0.1:{self.management_port}/health/ready")["status"] == "UP"
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def create_realm(self, text):
        realm = json.loads(text)["realm"]
        for name, address in self.addresses.items():
            text = text.replace(name, address.replace("{realm}", realm))
        status, body = self.administer("POST", "/admin/realms", json.loads(text))
        assert status == 201, (status, body)

    def administer(self, method, path, body=None):
        """Status and JSON of the administration interface."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": self.administrator}
        token_url = f"{self.issuer('master')}/protocol/openid-connect/token"
        with urllib.request.urlopen(token_url, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            token = json.load(answer)["access_token"]
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method), timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def rotate_keys(self, realm):
        """A new key signs; the one before stays published."""
        _, found = self.administer("GET", f"/admin/realms/{realm}")
        component = {
            "name": f"rsa-{os.urandom(4).hex()}", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider", "parentId": found["id"],
            "config": {"priority": [str(int(time.time()))], "keySize": ["2048"], "algorithm": ["RS256"]},
        }
        status, body = self.administer("POST", f"/admin/realms/{realm}/components", component)
        assert status == 201, (status, body)

    def log_in(self, browser, answer, name, realm=""):
        """Fills in the pages of a login, password and one-time code, until it sends the browser back."""
        back = self.redirect_uri.replace("{realm}", realm)
        for _ in range(4):
            if answer.status in (302, 303):
                return answer
            if 'name="password"' in answer.text:
                answer = browser.submit(answer, back, username=name, password=f"{name}-password", credentialId="")
            elif 'name="otp"' in answer.text:
                answer = browser.submit(answer, back, otp=one_time_code(name))
            else:
                break
        raise AssertionError(f"{answer.status} {answer.url}\n{answer.text}")

    def end(self):
        end_group(self.process)


def read_hash(text):
    """`at_hash` of an RS256 token."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()
