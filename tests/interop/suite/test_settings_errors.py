#!/usr/bin/env python3
"""What the program says of settings that are wrong, before and while it serves: which file, which setting, what to do.

    tests/interop/suite/test_settings_errors.py
"""

import hashlib
import json
import os
import re
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import Suite

COMMANDS = [["serve"], ["doctor"], ["config", "check"], ["migrate"], ["events", "dead"], ["icat", "ingest", "."]]


class Settings(Suite):
    def refused(self, *command, **variables):
        """The text of a refusal with exit code 3, for settings."""
        before = dict(self.env)
        self.env.update(variables)
        done = self.run(*command, check=False)
        self.env = before
        assert done.returncode == 3, (command, variables, done.returncode, done.stdout, done.stderr)
        return done.stderr

    def check_storages(self):
        """No command starts where a storage shares files with what is private."""
        inside = self.dir / "files" / "inside"
        link = self.dir / "link"
        link.symlink_to(self.files)
        shared = [
            {"UNDULATOR_DATA_DIR": str(inside)},
            {"UNDULATOR_DATA_DIR": str(link)},
            {"UNDULATOR_DATA_DIR": str(self.dir)},
            {"UNDULATOR_STORAGE__MAIN__URL": "/"},
            {"UNDULATOR_STORAGE__MAIN__URL": f"file://{link}", "UNDULATOR_DATA_DIR": str(link / "not" / "yet")},
            {"UNDULATOR_LOGBOOK__ATTACHMENTS_DIR": str(inside)},
            {"UNDULATOR_AUTH__KEYS_DIR": str(link / "keys")},
        ]
        for variables in shared:
            setting = "data_dir"
            for name in ("LOGBOOK__ATTACHMENTS_DIR", "AUTH__KEYS_DIR"):
                if f"UNDULATOR_{name}" in variables:
                    setting = name.lower().replace("__", ".")
            for command in COMMANDS:
                if command[0] == "icat":
                    command = [*command, "--investigation", "x"]
                said = self.refused(*command, **variables)
                assert said.startswith(f"error: {setting} = ") and "storage.main.url = " in said, (command, variables, said)
        assert not list(self.files.iterdir()), "nothing was made in the storage"
        config = self.files / "undulator.toml"
        config.write_text("")
        assert "the configuration file" in self.refused("--config", config, "doctor")
        config.unlink()
        return len(shared) * len(COMMANDS)

    def check_errors(self):
        file = self.dir / "wrong.toml"
        for text, expected in [
            ("site = 'x'\n[http\n", "TOML parse error at line 2"),
            ("[htpp]\n", "unknown setting `htpp`; did you mean `http`?"),
            ("[logbook]\npage_limt = 5\n", "unknown setting `logbook.page_limt`; did you mean `page_limit`?"),
            ("[logbook]\npage_limit = 'x'\n", 'setting `logbook.page_limit`: found string "x", expected a whole number'),
            ("[download]\nprepared_lifetime = 'soon'\n", "setting `download.prepared_lifetime`: "),
        ]:
            file.write_text(text)
            said = self.refused("--config", file, "doctor")
            assert said.startswith(f"error: {file}: ") and expected in said, (text, said)
        said = self.refused("doctor", UNDULATOR_HTTP__BNID="x")
        assert "unknown setting `http.bnid`" in said, said
        same = f"127.0.0.1:{self.public}"
        assert "have the same port" in self.refused("doctor", UNDULATOR_HTTP__INTERNAL_BIND=same)

    def doctor(self, code):
        done = self.run("--json", "doctor", check=False)
        assert done.returncode == code, (done.stdout, done.stderr)
        return {(found["what"], found["level"]): found["says"] for found in json.loads(done.stdout)}

    def check_doctor(self):
        """What does not work, said by `doctor`, and by `serve` in its log."""
        digest = hashlib.sha256(b"key").hexdigest()
        key = f'{{name="k",sha256="{digest}",user="simple/k",scopes=["logbok:write"],expires="2020-01-01T00:00:00Z"}}'
        self.add_user("simple/reader")
        assert not [what for what, level in self.doctor(0) if level == "wrong"]
        self.env["UNDULATOR_IDENTITY__API_KEYS"] = f"[{key}]"
        self.env["UNDULATOR_ICAT__READER"] = "simple:reader:wrong"
        self.env["UNDULATOR_HTTP__INTERNAL_BIND"] = f"0.0.0.0:{self.internal}"
        found = self.doctor(1)
        assert f"no server answers at {self.url}; start it with `undulator serve`" in found["reader account", "warning"], found
        self.start()
        found = self.doctor(1)
        assert "did you mean `logbook:write`" in found["API key k", "wrong"], found
        assert "Is the password right" in found["reader account", "wrong"], found
        assert ("internal listener", "warning") in found and ("http.bind", "ok") in found, found
        # Another one on the same port.
        internal, self.env["UNDULATOR_HTTP__INTERNAL_BIND"] = self.env["UNDULATOR_HTTP__INTERNAL_BIND"], "127.0.0.1:0"
        second = self.run("serve", check=False)
        assert second.returncode == 1 and f"http.bind: cannot listen on 127.0.0.1:{self.public}" in second.stderr, second
        self.env["UNDULATOR_HTTP__INTERNAL_BIND"] = internal
        self.request("GET", "/icat/session/00000000-0000-0000-0000-000000000000")
        self.kill(signal.SIGTERM)
        log = self.log.read_text()
        for says in (found["API key k", "wrong"], found["reader account", "wrong"], found["internal listener", "warning"]):
            assert says in log, (says, log)
        assert "\x1b" not in log, "colours in a file"
        line = [line for line in log.splitlines() if "GET /icat/session/{id}" in line]
        assert len(line) == 1 and re.search(r"INFO service_kit::http: GET /icat/session/\{id\} 403 [0-9.]+ ms request\.id=", line[0]), line

    def check_stranger(self):
        """The server of another facility on the same ports is not told the password of the reader."""
        heard = []

        class Stranger(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heard.append(f"{self.path} {body.decode()}")
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"status":"up","instance":"another"}')

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.env["UNDULATOR_ICAT__READER"] = "simple:reader:secretofthereader"
        self.env["UNDULATOR_HTTP__INTERNAL_BIND"] = f"127.0.0.1:{self.internal}"
        strangers = [ThreadingHTTPServer(("127.0.0.1", port), Stranger) for port in (self.public, self.internal)]
        for stranger in strangers:
            threading.Thread(target=stranger.serve_forever, daemon=True).start()
        found = self.doctor(1)
        for stranger in strangers:
            stranger.shutdown()
            stranger.server_close()
        assert f"another server listens at 127.0.0.1:{self.public}" in found["http.bind", "wrong"], found
        assert f"another server listens at 127.0.0.1:{self.public}" in found["reader account", "warning"], found
        assert heard == ["/health/live "], heard


def main():
    with Settings() as suite:
        count = suite.check_storages()
        suite.check_errors()
        suite.check_doctor()
        suite.check_stranger()
        print(f"{count} starts with shared storages refused; errors name file and setting; doctor and serve say the same")


if __name__ == "__main__":
    # Variables of whoever runs this must not decide.
    os.environ.pop("NO_COLOR", None)
    main()
