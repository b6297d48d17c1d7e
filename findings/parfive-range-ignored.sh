#!/usr/bin/env bash
# parfive 2.3.1 writes a corrupt file, and reports a success, when a server answers its range requests with the whole file.
# It asks for a file in five ranges by default wherever the answer to HEAD has `Accept-Ranges: bytes`, and writes what comes
# at the offset that it asked for, without a look at whether the status is 206 or 200, or at the number of bytes. Expected:
# RFC 9110 (14.2) lets a server ignore Range at any time and send 200 with everything; a client has to tell by the status.
# At least the length of the file differs from Content-Length, which should be an error.
# Why it matters: parfive is what SunPy fetches observations with, and a cache or gateway in front of an archive may answer
# HEAD from the archive's headers and still drop Range. The file has the right name and starts as it should.
# Seen: 102400 bytes on the server, 184320 bytes on disk, no errors. With max_splits=1 the file is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check parfive==2.3.1
cat >"$dir/main.py" <<'PY'
import http.server
import pathlib
import threading
import parfive

body = bytes(range(256)) * 400


class Whole(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Whole)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("server:", len(body), "bytes")
for splits in (5, 1):
    downloader = parfive.Downloader(progress=False, max_splits=splits)
    downloader.enqueue_file(f"http://127.0.0.1:{server.server_port}/frames.h5", path=f"splits-{splits}")
    result = downloader.download()
    got = pathlib.Path(result[0]).read_bytes()
    print(f"max_splits={splits}:", len(got), "bytes, same:", got == body, "errors:", len(result.errors))
PY
out=$(cd "$dir" && venv/bin/python main.py)
echo "$out"
grep -qE '^max_splits=5: [0-9]+ bytes, same: False errors: 0$' <<<"$out"
grep -qxF 'max_splits=1: 102400 bytes, same: True errors: 0' <<<"$out"
