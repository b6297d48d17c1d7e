#!/usr/bin/env bash
# Keycloak 26.7.3: a client demands a level of authentication as an essential claim (`claims={"id_token":{"acr":{"essential":true,
# "values":["mfa"]}}}`). In a realm that knows the level (`acr.loa.map`) and has the browser flow that every new realm has, the
# login with a password alone succeeds, and the id token says `"acr":"password"`. Expected: OpenID Connect Core 5.5.1.1 says that a
# provider that cannot meet such a demand MUST treat the outcome as a failed authentication attempt.
# Why it matters: an application that must not let anybody in from outside without a second factor demands it in this way. If it
# takes the success for a yes, as the standard allows, it has no second factor; if it asks again, it goes in a circle.
# Seen: the redirect with a code, and acr "password".
set -euo pipefail
dir=$(mktemp -d)
trap 'kill -9 -- "-${server:-}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
# Maven writes a note of what it unpacked into the current directory.
(cd "$dir" && mvn --batch-mode --quiet org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
  -Dartifact=org.keycloak:keycloak-quarkus-dist:26.7.3:zip -DoutputDirectory="$dir")
mkdir -p "$dir/keycloak-26.7.3/data/import"
cat >"$dir/keycloak-26.7.3/data/import/example-realm.json" <<'JSON'
{
  "realm": "example", "enabled": true, "sslRequired": "none",
  "attributes": {"acr.loa.map": "{\"password\":1,\"mfa\":2}"},
  "clients": [{
    "clientId": "portal", "publicClient": true, "standardFlowEnabled": true, "redirectUris": ["http://127.0.0.1/callback"]
  }],
  "users": [{
    "username": "ada", "enabled": true, "email": "ada@example.org", "firstName": "Ada", "lastName": "Lovelace",
    "credentials": [{"type": "password", "value": "example"}]
  }]
}
JSON
cat >"$dir/main.py" <<'PY'
import base64
import html
import http.cookiejar
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

realm = f"http://127.0.0.1:{sys.argv[1]}/realms/example"
endpoints = f"{realm}/protocol/openid-connect"
back = "http://127.0.0.1/callback"


class StopAtCallback(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, response, code, message, headers, url):
        if url.startswith(back):
            raise LookupError(url)
        return super().redirect_request(request, response, code, message, headers, url)


class Cookies(http.cookiejar.DefaultCookiePolicy):
    def return_ok_secure(self, cookie, request):
        return True


end = time.monotonic() + 240
while True:
    try:
        urllib.request.urlopen(f"{realm}/.well-known/openid-configuration", timeout=10).close()
        break
    except (urllib.error.URLError, OSError):
        assert time.monotonic() < end, "Keycloak did not start"
        time.sleep(1)
browser = urllib.request.build_opener(StopAtCallback, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(Cookies())))
claims = {"id_token": {"acr": {"essential": True, "values": ["mfa"]}}}
query = {"response_type": "code", "client_id": "portal", "redirect_uri": back, "scope": "openid", "state": "s", "claims": json.dumps(claims)}
page = browser.open(f"{endpoints}/auth?{urllib.parse.urlencode(query)}").read().decode()
action = html.unescape(re.search(r'<form[^>]* action="([^"]+)"', page)[1])
form = urllib.parse.urlencode({"username": "ada", "password": "example", "credentialId": ""}).encode()
try:
    print("no redirect, but a page:", browser.open(action, form).url)
    sys.exit()
except LookupError as redirect:
    answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(redirect.args[0]).query))
print("the redirect has", "a code" if "code" in answer else f"error={answer.get('error')}")
if "code" in answer:
    form = {"grant_type": "authorization_code", "client_id": "portal", "redirect_uri": back, "code": answer["code"]}
    tokens = json.load(urllib.request.urlopen(f"{endpoints}/token", urllib.parse.urlencode(form).encode()))
    payload = tokens["id_token"].split(".")[1]
    print("acr:", json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["acr"])
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
management=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$dir/keycloak-26.7.3/bin/kc.sh" build --db=dev-mem >"$dir/build.log"
export JAVA_OPTS_KC_HEAP="-Xms64m -Xmx384m"
# A group of its own, because the script leaves its Java process to others.
setsid "$dir/keycloak-26.7.3/bin/kc.sh" start --optimized --http-enabled=true --hostname-strict=false --http-host=127.0.0.1 \
  --http-port="$port" --http-management-port="$management" --import-realm >"$dir/server.log" 2>&1 &
server=$!
python3 "$dir/main.py" "$port" | tee "$dir/seen.txt"
[ "$(cat "$dir/seen.txt")" = "the redirect has a code
acr: password" ]
