"""Answers of scigateway-auth 0.1.0 that do not depend on who logs in: recorded from FastAPI 0.123 with the same models. What the
original repeats of the request (`input`), and the texts of Python's JSON reader (`ctx`), are left out: the first may be a
password."""


def missing(*place):
    return {"type": "missing", "loc": ["body", *place], "msg": "Field required"}


def no_text(*place):
    return {"type": "string_type", "loc": ["body", *place], "msg": "Input should be a valid string"}


def no_object(*place):
    return {"type": "model_attributes_type", "loc": ["body", *place], "msg": "Input should be a valid dictionary or object to extract fields from"}


NO_FLAG = {"type": "bool_parsing", "loc": ["body", "show"], "msg": "Input should be a valid boolean, unable to interpret input"}
NOT_FOUND = b'{"detail":"Not Found"}'
NOT_ALLOWED = b'{"detail":"Method Not Allowed"}'
NOT_AUTHENTICATED = b'{"detail":"Not authenticated"}'

# Method, path, body, and the entries of `detail` in an answer 422.
INVALID_BODIES = [
    ("POST", "/login", b"{}", [missing("mnemonic")]),
    ("POST", "/login", b"", [missing()]),
    ("POST", "/login", b"[]", [no_object()]),
    ("POST", "/login", b'"x"', [no_object()]),
    ("POST", "/login", b'{"mnemonic":1,"credentials":{"username":"u"}}', [no_text("mnemonic"), missing("credentials", "password")]),
    ("POST", "/login", b'{"mnemonic":"simple","credentials":{"password":"hunter2"}}', [missing("credentials", "username")]),
    ("POST", "/login", b'{"mnemonic":"simple","credentials":{"username":1,"password":["hunter2"]}}',
     [no_text("credentials", "username"), no_text("credentials", "password")]),
    ("POST", "/login", b'{"mnemonic":"x","credentials":[]}', [no_object("credentials")]),
    ("POST", "/verify", b'{"token":1}', [no_text("token")]),
    ("POST", "/verify", b'"x"', [missing("token")]),
    ("POST", "/verify", b"{}", [missing("token")]),
    ("POST", "/verify", b"null", [missing("token")]),
    # Before the missing cookie is noticed.
    ("POST", "/refresh", b'{"token":1}', [no_text("token")]),
    ("POST", "/refresh", b"{}", [missing("token")]),
]

# Body and the place where Python's reader stops.
BROKEN_JSON = [(b'{"mnemonic":', 12), (b"{", 1), (b'{"mnemonic":"x"', 15), (b"nul", 0)]

# Method, path, and what is allowed.
WRONG_METHODS = [
    ("GET", "/verify", "POST"), ("HEAD", "/verify", "POST"), ("PUT", "/refresh", "POST"), ("DELETE", "/authenticators", "GET"),
    ("HEAD", "/authenticators", "GET"), ("POST", "/oidc_providers", "GET"), ("GET", "/oidc_login/x", "POST"), ("GET", "/oidc_token/x", "POST"),
]

# Bodies of a maintenance write with a right token, and the entries of `detail`.
INVALID_MAINTENANCE = [
    (b'{"show":1}', [missing("message")]),
    (b'{"show":"perhaps","message":1}', [NO_FLAG, no_text("message")]),
]
