"""Prints a login on each line, for sessions of the catalogue: an access token and a refresh token, as scigateway-auth signs them.

    old_tokens.py KEY SESSION …
"""

import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

HALF_AN_HOUR, WEEK = 1800, 7 * 86400
key = load_ssh_private_key(Path(sys.argv[1]).read_bytes(), None)
for session in sys.argv[2:]:
    now = int(time.time())
    access = {"sessionId": session, "username": "simple/user0", "userIsAdmin": False, "exp": now + HALF_AN_HOUR}
    refresh = {"username": "simple/user0", "exp": now + WEEK}
    print(*(jwt.encode(claims, key, algorithm="RS256") for claims in (access, refresh)))
