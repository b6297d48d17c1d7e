#!/usr/bin/env bash
# bdbag 1.8.0: `bdbag --resolve-fetch all` ends with exit code 0 when the server answered 404 for a file of fetch.txt. The
# failure is in the log alone, the file is missing, and `--validate structure` ends with 0 afterwards as well. Expected: a
# command whose one task is to fetch the files that a bag refers to fails when it did not get one of them.
# Why it matters: a bag that refers to its large files is how facilities hand over data sets that are too big to send; a
# script that goes on when the exit code is 0 goes on with a part of the data. `--validate fast`, `completeness` and `full`
# do tell.
# Seen: 0 for the fetch and for the structure, 1 for completeness, and one of the two files in the bag's data folder.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check bdbag==1.8.0
cd "$dir"
export HOME=$dir
mkdir bag www
echo note >bag/note.txt
echo frame >www/frame-1.txt
cat >server.py <<'PY'
import functools
import http.server
import os

handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="www")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
with open("port.part", "w") as file:
    file.write(str(server.server_port))
os.rename("port.part", "port")
server.serve_forever()
PY
venv/bin/python server.py 2>server.log &
server=$!
until [ -e port ]; do sleep 0.1; done
url=http://127.0.0.1:$(cat port)
sum=$(sha256sum www/frame-1.txt | cut -d ' ' -f 1)
cat >remote.json <<JSON
[
  {"url": "$url/frame-1.txt", "length": 6, "filename": "frame-1.txt", "sha256": "$sum"},
  {"url": "$url/frame-2.txt", "length": 6, "filename": "frame-2.txt", "sha256": "$sum"}
]
JSON
venv/bin/bdbag bag --checksum sha256 --remote-file-manifest remote.json >make.log 2>&1
run() {
  code=0
  venv/bin/bdbag bag "$@" >run.log 2>&1 || code=$?
  echo "$*: exit code $code"
}
{
  run --resolve-fetch all
  run --validate structure
  run --validate completeness
} | tee seen.txt
echo "in bag/data: $(cd bag/data && echo *)"
[ "$(cat seen.txt)" = "--resolve-fetch all: exit code 0
--validate structure: exit code 0
--validate completeness: exit code 1" ]
[ ! -e bag/data/frame-2.txt ]
