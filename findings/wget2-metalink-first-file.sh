#!/usr/bin/env bash
# wget2 1.99.1 (Debian 12): of a Metalink document with two files it fetches the first alone, and of one without hashes
# nothing, with exit code 0 in both cases. Expected: RFC 5854 has one or more files in a document, and a hash is optional; a
# client fetches all that it names, or fails.
# Why it matters: Metalink is how data portals hand out a list of files with their mirrors, and a facility's users run such
# a command at night. "Nothing to do - goodbye" and 0 look like a data set that is there already.
# Seen: a.txt and not b.txt, "Checksum OK", 0; then nothing, "Nothing to do - goodbye", 0.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
mkdir deb root www
(cd deb && apt-get -qq download wget2=1.99.1-2.2 libwget0=1.99.1-2.2 libgpgme11 libassuan0 libbrotli1 libgnutls30 libidn2-0 \
  libnghttp2-14 libpcre2-8-0 libpsl5) >apt.log 2>&1 || { cat apt.log; exit 1; }
for package in deb/*.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$dir/root/usr/lib:$(echo "$dir"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH HOME=$dir
echo frame >www/a.txt
echo noise >www/b.txt
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
python3 server.py 2>server.log &
server=$!
until [ -e port ]; do sleep 0.1; done
document() { # yes for hashes
  echo '<?xml version="1.0" encoding="UTF-8"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">'
  for name in a.txt b.txt; do
    echo "<file name=\"$name\"><size>6</size>"
    [ "$1" = no ] || echo "<hash type=\"sha-256\">$(sha256sum "www/$name" | cut -d ' ' -f 1)</hash>"
    echo "<url>http://127.0.0.1:$(cat port)/$name</url></file>"
  done
  echo '</metalink>'
}
mkdir hash nohash
document yes >hash/list.meta4
document no >nohash/list.meta4
for case in hash nohash; do
  code=0
  (cd "$case" && "$dir/root/usr/bin/wget2" --no-config --force-metalink --input-file=list.meta4) >"$case.txt" 2>&1 || code=$?
  echo "$case: exit code $code, files: $(cd "$case" && echo *), last line: $(tail -n 1 "$case.txt")"
done | tee seen.txt
grep -q '^hash: exit code 0, files: a.txt list.meta4,' seen.txt
grep -qx 'nohash: exit code 0, files: list.meta4, last line: Nothing to do - goodbye' seen.txt
