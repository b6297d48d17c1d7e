"""What the product is compared with: verify and refresh as scigateway-auth offers them, on uvicorn, FastAPI and PyJWT. Endpoints
are plain functions, as there, which FastAPI runs in threads. The original parses its key files for each signature and each verification; with
BENCH_PARSE_ONCE they are parsed once. Kinder than the original: connections to the catalogue are kept, nothing is logged.

Variables: BENCH_KEY, a file with an RSA key as ssh-keygen writes it, beside its public key; BENCH_ICAT, the catalogue's address.
"""

import os
import time
from pathlib import Path
from typing import Annotated

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from fastapi import Body, Cookie, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse

PRIVATE_TEXT = Path(os.environ["BENCH_KEY"]).read_bytes()
PUBLIC_TEXT = Path(os.environ["BENCH_KEY"] + ".pub").read_text()
ICAT = os.environ["BENCH_ICAT"]
ACCESS_SECONDS = 1800
if os.environ.get("BENCH_PARSE_ONCE"):
    KEY = serialization.load_ssh_private_key(PRIVATE_TEXT, None)
    PUBLIC_KEY = KEY.public_key()
else:
    KEY, PUBLIC_KEY = None, PUBLIC_TEXT
app = FastAPI()
catalogue = requests.Session()


def decode(token, **options):
    try:
        return jwt.decode(token, PUBLIC_KEY, algorithms=["RS256"], options=options)
    except jwt.InvalidTokenError as e:
        raise HTTPException(403, "Invalid JWT token provided") from e


def encode(claims):
    return jwt.encode(claims, KEY or serialization.load_ssh_private_key(PRIVATE_TEXT, None), algorithm="RS256")


@app.post("/verify")
def verify(token: Annotated[str, Body(embed=True)]) -> Response:
    decode(token)
    return Response()


@app.post("/refresh")
def refresh(
    token: Annotated[str, Body(embed=True)], refresh_token: Annotated[str | None, Cookie(alias="scigateway:refresh_token")] = None
) -> JSONResponse:
    renewal, claims = decode(refresh_token), decode(token, verify_exp=False)
    answer = catalogue.put(f"{ICAT}/session/{claims['sessionId']}", timeout=5)
    if renewal["username"] != claims["username"] or answer.status_code != 204:
        raise HTTPException(403, "Unable to refresh access token")
    return JSONResponse(encode({**claims, "exp": int(time.time()) + ACCESS_SECONDS}))
