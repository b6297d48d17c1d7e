#!/usr/bin/env python3
"""The guide's programs that verify our tokens, in Python, TypeScript and Go: right tokens of the running product are valid, and
each wrong one is refused; keys are fetched once in five minutes, for an unknown key at most once a minute, and are used for a
day while the product is down; a key that was added to the product is found.

    tests/interop/auth/test_token_examples.py
"""

# needs: token_verifiers
# seconds: 50

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from suite import ROOT, Suite, wait_until

EXAMPLES = Path(__file__).parent / "examples"
NODE_MODULES = ROOT / "target" / "interop" / "token-verifiers" / "node_modules"
MINUTE, DAY = 60, 24 * 3600


class KeyServer(http.server.ThreadingHTTPServer):
    """Passes on the product's keys, counts who asks, and can be down."""

    daemon_threads = True

    def __init__(self, source):
        super().__init__(("127.0.0.1", 0), KeyRequest)
        self.source, self.count, self.is_down = source, 0, False
        self.url = f"http://127.0.0.1:{self.server_port}/keys"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def forget(self):
        self.count, self.is_down = 0, False


class KeyRequest(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.count += 1
        if self.server.is_down:
            self.send_error(503)
            return
        with urllib.request.urlopen(self.server.source) as answer:
            body = answer.read()
        self.send_response(200)
        self.send_header("Cache-Control", answer.headers["cache-control"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Program:
    """An example that is asked line by line."""

    def __init__(self, command, directory, *arguments):
        environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}
        self.process = subprocess.Popen([*command, *arguments], cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def advance(self, seconds):
        self.process.stdin.write(f"+{seconds}\n")

    def verify(self, token):
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


def prepare_programs(directory):
    """Their commands; the types of TypeScript are checked, and Go is compiled."""
    for file in EXAMPLES.iterdir():
        if file.is_file():
            shutil.copy(file, directory)
    (directory / "node_modules").symlink_to(NODE_MODULES)
    environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}", "GOTOOLCHAIN": "local"}
    for command in (("node", "node_modules/.bin/tsc", "--project", "."), ("go", "build", "-o", "drive", ".")):
        done = subprocess.run(command, cwd=directory, env=environment, text=True, capture_output=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return {"Python": [sys.executable, "drive.py"], "TypeScript": ["node", "drive.ts"], "Go": ["./drive"]}


class Product(Suite):
    """Signs tokens; its key is known, so that wrong ones can be signed with it."""

    def prepare(self):
        self.keys_dir = self.dir / "keys"
        self.keys_dir.mkdir(mode=0o700)
        self.env |= {"UNDULATOR_AUTH__KEYS_DIR": str(self.keys_dir)}
        self.key = self.add_key("first")
        self.add_user("db/alice")
        self.start()
        self.keys_url = f"{self.url}/.well-known/jwks.json"

    def add_key(self, name):
        """A new key that signs from now on."""
        key = ed25519.Ed25519PrivateKey.generate()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (self.keys_dir / f"{name}.pem").write_bytes(pem)
        (self.keys_dir / f"{name}.pem").chmod(0o600)
        (self.keys_dir / "active").write_text(name + "\n")
        return key

    def get_token(self):
        body = {"plugin": "db", "username": "alice", "password": self.passwords["db/alice"]}
        status, _, answer = self.request("POST", "/auth/v1/token", body=body)
        assert status == 200, (status, answer)
        return json.loads(answer)["access_token"]


def build_wrong_tokens(product, token):
    """By what is wrong with them."""
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())

    def sign(key=product.key, alg="EdDSA", headers=None, **more):
        payload = {name: value for name, value in {**claims, **more}.items() if value is not None}
        named = {**header, "alg": alg, **(headers or {})}
        # PyJWT leaves out a type that is None, and refuses such a key id.
        return jwt.encode(payload, key, algorithm=alg, headers={name: value for name, value in named.items() if (name, value) != ("kid", None)})

    public = product.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    first, middle, last = token.split(".")
    changed = jwt.encode({**claims, "sub": "db/root"}, product.key, algorithm="EdDSA", headers=header).split(".")[1]
    return sign(), {
        "another audience": sign(aud="another"), "no audience": sign(aud=None), "another issuer": sign(iss="https://evil.example.org"),
        "no issuer": sign(iss=None), "expired": sign(exp=now - 60), "no end": sign(exp=None), "not yet valid": sign(nbf=now + 120),
        "nobody's": sign(sub=None), "an id token": sign(headers={"typ": "JWT"}), "no type": sign(headers={"typ": None}),
        "a critical extension": sign(headers={"crit": ["x"], "x": 1}), "a foreign key": sign(key=ed25519.Ed25519PrivateKey.generate()),
        "the public key as a secret": sign(key=public, alg="HS256"), "unsigned": sign(key=None, alg="none"),
        "another algorithm": sign(key=rsa.generate_private_key(65537, 2048), alg="RS256"), "no key named": sign(headers={"kid": None}),
        "changed claims": f"{first}.{changed}.{last}", "cut short": token[:-2], "no signature": f"{first}.{middle}.",
        "no token": "x", "too long": f"{first}.{'x' * 17_000}.{last}",
    }


def check_tokens(program, product):
    token = product.get_token()
    assert program.verify(token) == "valid db/alice"
    own, wrong = build_wrong_tokens(product, token)
    # What is wrong below is only what is said to be.
    assert program.verify(own) == "valid db/alice"
    for what, token in wrong.items():
        found = program.verify(token)
        assert found.startswith("refused"), (what, found)
    return len(wrong)


def check_caching(program, product, keys):
    """An example's clock is moved, so nobody waits."""
    token = product.get_token()
    assert program.verify(token) == "valid db/alice" and keys.count == 1
    program.advance(299)
    assert program.verify(token) == "valid db/alice" and keys.count == 1
    program.advance(2)
    assert program.verify(token) == "valid db/alice"
    wait_until("the keys are fetched after five minutes", lambda: keys.count == 2, 30)
    unknown = jwt.encode({"sub": "x"}, ed25519.Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"typ": "at+jwt", "kid": "unknown"})
    program.advance(MINUTE + 1)
    for _ in range(100):
        assert program.verify(unknown).startswith("refused")
    assert keys.count == 3, keys.count
    program.advance(MINUTE + 1)
    assert program.verify(unknown).startswith("refused") and keys.count == 4, keys.count
    # The product is down: its keys are used for a day.
    keys.is_down = True
    program.advance(DAY - 5 * MINUTE)
    assert program.verify(token) == "valid db/alice"
    wait_until("the keys are asked for", lambda: keys.count == 5, 30)
    program.advance(6 * MINUTE)
    assert program.verify(token) == "unavailable"
    keys.is_down = False
    program.advance(6)
    wait_until("the program has keys again", lambda: program.verify(token) == "valid db/alice", 30)


def check_rotation(programs, product):
    """A key that is added to the running product is found by programs that know only the first."""
    old = product.get_token()
    for name, program in programs.items():
        assert program.verify(old) == "valid db/alice", name
        program.advance(MINUTE + 1)
    product.add_key(f"key-{uuid.uuid4().hex[:6]}")
    wait_until("the product signs with the new key", lambda: jwt.get_unverified_header(product.get_token()) != jwt.get_unverified_header(old))
    for name, program in programs.items():
        assert program.verify(product.get_token()) == "valid db/alice", name
        assert program.verify(old) == "valid db/alice", name


def main():
    with tempfile.TemporaryDirectory(prefix="undulator-tokens-") as temporary, Product() as product:
        directory = Path(temporary)
        commands = prepare_programs(directory)
        product.prepare()
        keys = KeyServer(product.keys_url)
        start = lambda name: Program(commands[name], directory, "undulator", "undulator", keys.url)  # noqa: E731
        for name in commands:
            keys.forget()
            with start(name) as program:
                wrong = check_tokens(program, product)
            keys.forget()
            with start(name) as program:
                check_caching(program, product, keys)
            keys.is_down = True
            with start(name) as program:
                assert program.verify(product.get_token()) == "unavailable", name
            print(f"{name}: {wrong} wrong tokens refused; keys are cached, and used while the product is down", flush=True)
        keys.forget()
        with start("Python") as python, start("TypeScript") as typescript, start("Go") as go:
            check_rotation({"Python": python, "TypeScript": typescript, "Go": go}, product)
        print("a new key is found by all of them")


if __name__ == "__main__":
    main()
