"""Reads tokens, and seconds by which the clock of the keys goes on; see test_token_examples.py."""

import sys
import time

import jwt

from undulator_tokens import KeysUnavailable, PublicKeys, TokenVerifier

issuer, audience, url = sys.argv[1:]
late = 0
verifier = TokenVerifier(issuer, audience, PublicKeys(url, lambda: time.monotonic() + late))
for line in sys.stdin:
    if line.startswith("+"):
        late += int(line)
        continue
    try:
        print("valid", verifier.verify(line.strip())["sub"], flush=True)
    except KeysUnavailable:
        print("unavailable", flush=True)
    except jwt.InvalidTokenError as e:
        print("refused", e, flush=True)
