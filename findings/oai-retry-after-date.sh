#!/usr/bin/env bash
# Sickle 0.7.0 and oaipmh-scythe 0.16.0, which began as a copy of it: asked to try again, they raise ValueError when a 503
# says with a date when to come back. Expected: RFC 9110 (10.2.3) allows both forms, a number of seconds and an HTTP date,
# and OAI-PMH tells harvesters to honour Retry-After of a 503; so they should wait until then, or at least fall back on
# their default delay.
# Why it matters: harvesters of a facility's metadata run for hours at night. One announced pause, the case that the retries
# are for, ends the harvest with an error about the number base.
# Seen: "invalid literal for int() with base 10: 'Fri, ...'" and one request from both; with "1" in the header, two
# requests.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for package in sickle==0.7.0 oaipmh-scythe==0.16.0; do
  python3 -m venv "$dir/${package%%=*}"
  "$dir/${package%%=*}/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cat >"$dir/main.py" <<'PY'
import http.server
import sys
import threading
import warnings

warnings.simplefilter("ignore")
ANSWER = b"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
  <responseDate>2024-03-01T10:00:00Z</responseDate>
  <request verb="Identify">https://example.org/oai</request>
  <Identify>
    <repositoryName>Example Light Source</repositoryName>
    <baseURL>https://example.org/oai</baseURL>
    <protocolVersion>2.0</protocolVersion>
    <adminEmail>data@example.org</adminEmail>
    <earliestDatestamp>2020-01-01</earliestDatestamp>
    <deletedRecord>no</deletedRecord>
    <granularity>YYYY-MM-DD</granularity>
  </Identify>
</OAI-PMH>"""


def serve(retry_after):
    class Busy(http.server.BaseHTTPRequestHandler):
        requests = 0

        def do_GET(self):
            Busy.requests += 1
            first = Busy.requests == 1
            self.send_response(503 if first else 200)
            if first:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(0 if first else len(ANSWER)))
            self.end_headers()
            if not first:
                self.wfile.write(ANSWER)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return Busy, f"http://127.0.0.1:{server.server_port}/oai"


def identify(url):
    if sys.argv[1] == "sickle":
        from sickle import Sickle
        return Sickle(url, max_retries=2).Identify().repositoryName
    from oaipmh_scythe import Scythe
    with Scythe(url, max_retries=2) as client:
        return client.identify().repositoryName


for retry_after in ("1", "Fri, 01 Mar 2024 10:00:00 GMT"):
    busy, url = serve(retry_after)
    try:
        seen = identify(url)
    except ValueError as error:
        seen = f"ValueError: {error}"
    print(f"{sys.argv[1]}, Retry-After: {retry_after}: {seen}, requests: {busy.requests}")
PY
out=$(for name in sickle oaipmh-scythe; do "$dir/$name/bin/python" "$dir/main.py" "$name"; done)
echo "$out"
[ "$(grep -c 'Retry-After: 1: Example Light Source, requests: 2$' <<<"$out")" -eq 2 ]
[ "$(grep -c 'GMT: ValueError: invalid literal for int.*, requests: 1$' <<<"$out")" -eq 2 ]
