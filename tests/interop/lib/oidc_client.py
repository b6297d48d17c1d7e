"""A client of an OpenID Connect provider, as the product is one: code with PKCE, device code, refresh, logout. It checks
nothing: tests look at what comes back."""

import base64
import hashlib
import json
import secrets
import urllib.parse
import urllib.request

from cookie_browser import CookieBrowser


def fetch_json(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def decode_token(token):
    """Header and claims, unverified."""
    return tuple(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2])


def create_challenge():
    """RFC 7636: what a client keeps, and the parameters that it sends."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, {"code_challenge": challenge, "code_challenge_method": "S256"}


class OidcClient:
    def __init__(self, issuer, client_id, secret=None, redirect_uri=None):
        self.issuer, self.client_id, self.secret, self.redirect_uri = issuer, client_id, secret, redirect_uri
        self.discovery = fetch_json(f"{issuer}/.well-known/openid-configuration")

    def build_authorization(self, **more):
        """An address, and what the answer to it must fit."""
        verifier, challenge = create_challenge()
        sent = {"state": secrets.token_urlsafe(16), "nonce": secrets.token_urlsafe(16), "code_verifier": verifier}
        query = {
            **{"response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri, "scope": "openid profile email"},
            **{"state": sent["state"], "nonce": sent["nonce"]}, **challenge, **more,
        }
        return self.discovery["authorization_endpoint"] + "?" + urllib.parse.urlencode(query), sent

    def read_redirect(self, answer):
        """The parameters with which the provider sends the browser back."""
        assert answer.status in (302, 303) and answer.location().startswith(self.redirect_uri), (answer.status, answer.url, answer.text)
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer.location()).query))

    def post(self, endpoint, **form):
        """Status and JSON of a request in the client's name."""
        form["client_id"] = self.client_id
        if self.secret:
            form["client_secret"] = self.secret
        answer = CookieBrowser().request("POST", self.discovery[endpoint], form)
        return answer.status, json.loads(answer.body) if answer.body else None

    def redeem(self, code, code_verifier):
        return self.post("token_endpoint", grant_type="authorization_code", code=code, code_verifier=code_verifier, redirect_uri=self.redirect_uri)

    def refresh(self, token):
        return self.post("token_endpoint", grant_type="refresh_token", refresh_token=token)

    def log_in(self, browser, log_in_there, **more):
        """The tokens, and what was sent; `log_in_there(answer)` fills in the provider's pages until the redirect back."""
        url, sent = self.build_authorization(**more)
        answer = log_in_there(browser.open(url, self.redirect_uri))
        parameters = self.read_redirect(answer)
        assert parameters["state"] == sent["state"], parameters
        status, tokens = self.redeem(parameters["code"], sent["code_verifier"])
        assert status == 200, (status, tokens)
        return tokens, sent

    def start_device(self, **more):
        status, answer = self.post("device_authorization_endpoint", scope="openid profile", **more)
        assert status == 200, (status, answer)
        return answer

    def poll_device(self, device_code, **more):
        return self.post("token_endpoint", grant_type="urn:ietf:params:oauth:grant-type:device_code", device_code=device_code, **more)

    def build_logout(self, id_token, return_to, state="bye"):
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": return_to, "state": state}
        return self.discovery["end_session_endpoint"] + "?" + urllib.parse.urlencode(query)
