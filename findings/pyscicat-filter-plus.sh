#!/usr/bin/env bash
# pyscicat 0.4.8: the filters of datasets_get_many, samples_get_many and published_data_get_many are put into the address of
# the request without percent-encoding. A "+" in a value reaches SciCat as a space, and at an "&" or "#" the filter ends.
# Expected: the filter is documented as anything that JSON can hold, so that the server sees the values that were given; the
# same library does encode the identifiers that it puts into paths.
# Why it matters: names of samples and data sets have such signs, "Ca2+ in buffer" for one. That search is not refused, it
# asks for another name and finds nothing, which looks as if there were no such data.
# Seen: "Ca2  in buffer" with two spaces for the first; filters that are cut in the middle of their JSON for the other two.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check pyscicat==0.4.8
cat >"$dir/main.py" <<'PY'
import http.server
import threading
import urllib.parse
from pyscicat.client import ScicatClient


class SciCat(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        print("  at the server:", query["filter"][0])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SciCat)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = ScicatClient(f"http://127.0.0.1:{server.server_port}/api/v3", token="example")
for name in ("Ca2+ in buffer", "Fe & Co", "sample #4"):
    print(name, flush=True)
    client.datasets_get_many({"datasetName": name})
PY
out=$("$dir/venv/bin/python" "$dir/main.py")
echo "$out"
[ "$out" = 'Ca2+ in buffer
  at the server: {"where":{"datasetName": "Ca2  in buffer"}}
Fe & Co
  at the server: {"where":{"datasetName": "Fe 
sample #4
  at the server: {"where":{"datasetName": "sample ' ]
