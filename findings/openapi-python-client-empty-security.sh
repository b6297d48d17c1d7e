#!/usr/bin/env bash
# openapi-python-client 0.29.1: an operation that overrides the token of the whole API with `security: [{}]` gets a function
# that takes only an AuthenticatedClient. In OpenAPI 3.1 the empty requirement `{}` says that no credentials are needed, and
# some generators of API descriptions write a public operation so. Expected: the same as for `security: []`, which is read
# as public. A token that is optional, `[{}, {"token": []}]`, is taken as compulsory too.
# Why it matters: a facility's public catalogue, its list of instruments and the very call that returns a token cannot be
# called from the generated client without a token, as far as a type checker is concerned.
# Seen: `client: AuthenticatedClient` for `[{}]` and for `[{}, {"token": []}]`; `AuthenticatedClient | Client` for `[]`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check openapi-python-client==0.29.1
cat >"$dir/api.json" <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Catalogue", "version": "1"},
  "security": [{"token": []}],
  "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
  "paths": {
    "/instruments": {"get": {"operationId": "empty_requirement", "security": [{}],
      "responses": {"204": {"description": "ok"}}}},
    "/datasets": {"get": {"operationId": "optional_token", "security": [{}, {"token": []}],
      "responses": {"204": {"description": "ok"}}}},
    "/status": {"get": {"operationId": "empty_list", "security": [], "responses": {"204": {"description": "ok"}}}}
  }
}
JSON
(cd "$dir" && PATH="$dir/venv/bin:$PATH" openapi-python-client generate --path api.json --output-path client --meta none)
out=$(cd "$dir/client/api/default" && for name in empty_requirement optional_token empty_list; do
  echo "$name: $(sed -n '/^def sync_detailed/,/)/s/^ *client: \(.*\),$/\1/p' "$name.py")"
done)
echo "$out"
[ "$out" = "empty_requirement: AuthenticatedClient
optional_token: AuthenticatedClient
empty_list: AuthenticatedClient | Client" ]
