"""Where a provider sends its logout tokens (OpenID Connect Back-Channel Logout 1.0), instead of the product."""

import http.server
import queue
import threading
import urllib.parse


class LogoutReceiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), LogoutRequest)
        self.url = f"http://127.0.0.1:{self.server_port}/logout"
        self.tokens = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def forget(self):
        while not self.tokens.empty():
            self.tokens.get()

    def take_token(self):
        """The next one, which may be on its way."""
        return self.tokens.get(timeout=30)


class LogoutRequest(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        (token,) = form.pop("logout_token")
        assert not form, f"more than a token: {form.keys()}"
        self.server.tokens.put(token)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass
