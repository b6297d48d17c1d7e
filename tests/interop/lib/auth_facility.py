"""A facility whose people log in through the product, with accounts of its own and an embedded catalogue."""

import base64
import json
import re

from filled_suite import FilledSuite

# SciGateway's interface.
PREFIX = "/auth"
COOKIE = "scigateway:refresh_token"
# The RSA key of its tokens, as ssh-keygen or openssl writes it.
SCIGATEWAY_KEY_VARIABLE = "UNDULATOR_AUTH__SCIGATEWAY_KEY"
PEOPLE = ["root", "alice", "bob", "admin"]


# For tests that check many wrong passwords from one address.
UNLIMITED_LOGINS = {"UNDULATOR_AUTH__FAILED_LOGINS_PER_ACCOUNT": "0", "UNDULATOR_AUTH__FAILED_LOGINS_PER_ADDRESS": "0"}


class AuthFacility(FilledSuite):
    """`settings` is added to undulator.toml; `env` to the variables."""

    def __init__(self, settings="", postgres=None, **env):
        super().__init__()
        self.postgres = postgres
        self.env |= {**env, **(postgres.env if postgres else {})}
        self.settings = settings
        self.env |= {
            "UNDULATOR_PUBLIC_URL": self.url,
            "UNDULATOR_IDENTITY__ADMINISTRATORS": '["simple/admin"]',
            "UNDULATOR_HTTP__LIMITS__RATE": "0",
            # Until there is a password.
            "UNDULATOR_AUTH__GROUPS_ACCOUNT": "simple:root:x",
        }

    def start(self, *prefix):
        (self.dir / "undulator.toml").write_text(self.settings)
        if not self.passwords:
            for name in PEOPLE:
                self.add_user(f"simple/{name}")
            account = f"simple:root:{self.passwords['simple/root']}"
            self.env |= {"UNDULATOR_ICAT__READER": account, "UNDULATOR_AUTH__GROUPS_ACCOUNT": account}
        super().start(*prefix)

    def fill(self):
        self.root = self.login("simple/root")
        names = [{"name": f"simple/{name}", "fullName": f"{name.title()} Example"} for name in PEOPLE if name != "root"]
        self.create("User", *names)
        self.create("Rule", {"crudFlags": "R", "what": "User"})

    def credentials(self, name, password=None):
        return {"mnemonic": "simple", "credentials": {"username": name, "password": password or self.passwords[f"simple/{name}"]}}

    def scigateway(self, method, path, body=None, token=None, cookie=None, data=None, headers=None):
        """Status, headers and body of SciGateway's interface."""
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if cookie is not None:
            headers["Cookie"] = f"{COOKIE}={cookie}"
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        return self.request(method, PREFIX + path, headers=headers, data=data, body=body)

    def scigateway_login(self, name):
        """The access token and the refresh token of the cookie."""
        status, headers, body = self.scigateway("POST", "/login", self.credentials(name))
        assert status == 200, (status, body)
        return json.loads(body), read_cookie(headers)


def read_cookie(headers, name=COOKIE):
    """The value of a cookie that an answer sets, or None."""
    found = [re.match(re.escape(name) + "=([^;]*)", line) for line in headers.get_all("set-cookie") or ()]
    return next((match[1] for match in found if match), None)


def decode_part(token, part):
    """The text of a token's header (0) or claims (1), unverified."""
    text = token.split(".")[part]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
