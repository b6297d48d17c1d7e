"""Verifies access tokens of Undulator, without asking it for each of them. Needs PyJWT with its extra `crypto`."""

import json
import re
import threading
import time
import urllib.request

import jwt

ALGORITHM = "EdDSA"
CLOCK_DIFFERENCE = 30
LONGEST_TOKEN = 16 * 1024
LARGEST_KEY_SET = 1024 * 1024


class KeysUnavailable(Exception):
    """The keys could not be fetched for a day, or never: answer 503, not 401."""


class PublicKeys:
    """The keys that sign tokens, by their ids. They are fetched when they are older than the server allows, and when a token
    names an unknown one, but not more than once a minute. While the server is down, keys of the last day are used."""

    SHORTEST_AGE, LONGEST_AGE, RETRY_AFTER_FAILURE = 60, 24 * 3600, 5

    def __init__(self, url, now=time.monotonic):
        self._url, self._now, self._lock = url, now, threading.Lock()
        self._keys, self._usable_until, self._fresh_until, self._next_fetch = {}, now(), now(), now()

    def find(self, kid):
        if kid not in self._keys:
            self._fetch_if_due()
        elif self._now() >= min(self._usable_until, self._fresh_until):
            # Nobody waits for a server that may be down.
            threading.Thread(target=self._fetch_if_due, daemon=True).start()
        if self._now() >= self._usable_until:
            raise KeysUnavailable(f"no keys from {self._url}")
        return self._keys.get(kid)

    def _fetch_if_due(self):
        with self._lock:
            now = self._now()
            if now < self._next_fetch:
                return
            try:
                with urllib.request.urlopen(self._url, timeout=5) as answer:
                    keys = parse_keys(json.loads(answer.read(LARGEST_KEY_SET)))
                    max_age = re.search(r"max-age=(\d+)", answer.headers.get("cache-control", ""))
            except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError):
                self._next_fetch = now + self.RETRY_AFTER_FAILURE
                return
            age = int(max_age[1]) if max_age else 0
            self._fresh_until = now + min(max(age, self.SHORTEST_AGE), self.LONGEST_AGE)
            self._usable_until = now + self.LONGEST_AGE
            self._next_fetch = now + self.SHORTEST_AGE
            self._keys = keys


def parse_keys(key_set):
    """Those for signatures with the one algorithm that is accepted."""
    return {
        key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in key_set["keys"]
        if key.get("use", "sig") == "sig" and key.get("alg", ALGORITHM) == ALGORITHM and key["kty"] == "OKP"
    }


class TokenVerifier:
    def __init__(self, issuer, audience, keys):
        self._issuer, self._audience, self._keys = issuer, audience, keys

    def verify(self, token):
        """The claims: `sub` is the user name. Raises jwt.InvalidTokenError, then answer 401; or KeysUnavailable."""
        if len(token) > LONGEST_TOKEN:
            raise jwt.InvalidTokenError("too long")
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "at+jwt" or "crit" in header:
            raise jwt.InvalidTokenError("not an access token")
        key = self._keys.find(header.get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("signed with an unknown key")
        return jwt.decode(
            token, key, algorithms=[ALGORITHM], issuer=self._issuer, audience=self._audience, leeway=CLOCK_DIFFERENCE,
            options={"require": ["iss", "aud", "sub", "exp", "iat"]},
        )
