"""Where secrets must not stand: what a server logs, traces and counts, searched for a text in all its spellings."""

import base64
import contextlib
import http.server
import threading
import urllib.parse

# Only test builds obey it: then session ids stand in the log, in traces and in metrics.
SHOW_SECRETS = {"TESTKIT_SHOW_SECRETS": "1"}


class Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what a collector of traces gets, as bytes: texts stand in protobuf as they are."""

    received = bytearray()

    def do_POST(self):
        Collector.received += self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def serve_in_background(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def list_spellings(secret):
    """The ways in which a text may stand somewhere."""
    raw = secret.encode()
    middle = [base64.b64encode(b"x" * n + raw)[4 * bool(n):-4] for n in range(3)]
    return {
        raw,
        urllib.parse.quote(secret, safe="").encode(),
        "".join(f"%{b:02X}" for b in raw).encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *middle,
        *(text.translate(bytes.maketrans(b"+/", b"-_")) for text in middle),
    }


def read_files(directory, *, but=()):
    """Their contents, by name; databases may remove and rename theirs meanwhile."""
    contents = {}
    for path in sorted(directory.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and not set(but) & set(path.parts):
                contents[str(path.relative_to(directory))] = path.read_bytes()
    return contents


def find_secret(secret, places):
    return sorted(place for place, content in places.items() if any(s in content for s in list_spellings(secret)))


def require_found(name, text, places, kinds):
    """The control: the search finds what is there."""
    control = find_secret(text, places)
    for kind in kinds:
        assert any(place.startswith(kind) for place in control), f"{name}: the search finds nothing in {kind}: {control}"
