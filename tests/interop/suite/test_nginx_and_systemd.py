#!/usr/bin/env python3
"""docs/examples/nginx.conf in Debian's nginx before the built program: TLS, logins, who asked, downloads with ranges,
uploads beyond nginx's own limit, live events. docs/examples/undulator.service is read by systemd.

    tests/interop/suite/test_nginx_and_systemd.py        needs nginx and openssl (scripts/lib/install.sh)
"""

# needs: deployment_checks nginx

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from demo_server import Demo
from manifests import check_prefixes
from suite import ROOT, free_port, wait_until

EXAMPLES = ROOT / "docs/examples"
SERVICES = ["auth", "icat", "download", "logbook", "search"]
# Where the browser sits: not where nginx does, so that the two addresses can be told apart.
CLIENT = "127.0.0.2"
FORGED = "203.0.113.9"
# nginx's own limit is 1 MB.
ATTACHMENT = os.urandom(20 << 20)
GUARD_SECONDS = 60


def find_nginx():
    """Debian's, installed or unpacked below target/interop."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:{ROOT}/target/interop/nginx/usr/sbin")
    assert found, "there is no nginx: run scripts/test --install-only"
    return found


def replace_exactly(text, old, new, times=1):
    assert text.count(old) == times, (old, text.count(old))
    return text.replace(old, new)


class Nginx:
    """The sample with other ports and paths, and nothing else changed."""

    def __init__(self, directory, upstream, port, plain_port):
        self.dir, self.port = directory, port
        text = (EXAMPLES / "nginx.conf").read_text()
        text = replace_exactly(text, "server 127.0.0.1:8080;", f"server 127.0.0.1:{upstream};", len(SERVICES))
        text = replace_exactly(text, "    listen [::]:80;\n", "")
        text = replace_exactly(text, "    listen [::]:443 ssl http2;\n", "")
        text = replace_exactly(text, "listen 80;", f"listen 127.0.0.1:{plain_port};")
        text = replace_exactly(text, "listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;")
        text = replace_exactly(text, "/etc/ssl/certs/data.example.org.pem", str(directory / "cert.pem"))
        text = replace_exactly(text, "/etc/ssl/private/data.example.org.key", str(directory / "key.pem"))
        text = replace_exactly(text, "/var/log/nginx/undulator.log", str(directory / "access.log"))
        (directory / "site.conf").write_text(text)
        paths = "".join(
            f"    {kind}_temp_path {directory}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        )
        (directory / "nginx.conf").write_text(
            f"daemon off;\npid {directory}/pid;\nerror_log {directory}/error.log warn;\nevents {{}}\n"
            f"http {{\n{paths}    access_log {directory}/default.log;\n    include {directory}/site.conf;\n}}\n"
        )
        openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=data.example.org"]
        openssl += ["-addext", "subjectAltName=DNS:data.example.org", "-keyout", directory / "key.pem", "-out", directory / "cert.pem"]
        subprocess.run(openssl, check=True, capture_output=True)
        program = [find_nginx(), "-p", directory, "-c", directory / "nginx.conf", "-e", directory / "error.log"]
        checked = subprocess.run([*program, "-t"], text=True, capture_output=True)
        assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr
        self.process = subprocess.Popen(program)
        wait_until("nginx listens", lambda: self.request("GET", "/nothing")[0] == 404, GUARD_SECONDS)

    def connect(self):
        context = ssl.create_default_context(cafile=self.dir / "cert.pem")
        context.check_hostname = False
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=GUARD_SECONDS, source_address=(CLIENT, 0)
        )
        return connection

    def request(self, method, path, body=None, headers=None):
        """Status, headers and body."""
        headers = {"Host": "data.example.org", **(headers or {})}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        try:
            with contextlib.closing(self.connect()) as connection:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
        except ConnectionRefusedError:
            return 0, {}, b""

    def stop(self):
        self.process.terminate()
        assert self.process.wait(GUARD_SECONDS) == 0
        errors = (self.dir / "error.log").read_text()
        assert not errors, errors
        return (self.dir / "access.log").read_text()


def check_sample():
    """Every path of the interface goes to its service."""
    text = (EXAMPLES / "nginx.conf").read_text()
    locations = re.findall(r"location (= )?(/\S*)\s*\{ proxy_pass http://undulator_(\w+); \}", text)
    assert len(locations) == text.count("proxy_pass"), "a location is written in another way"
    own = ("/", "/openapi.json", "/docs", "/docs/")
    check_prefixes("nginx.conf", {path.rstrip("/"): service for _, path, service in locations if path not in own})


def log_in(nginx, demo):
    """Every way in, and who is logged as having failed."""
    password = demo.passwords["db/alice"]
    login = {"plugin": "db", "username": "alice", "password": password}
    status, _, body = nginx.request("POST", "/auth/v1/token", login)
    assert status == 200, (status, body)
    token = json.loads(body)["access_token"]
    status, headers, body = nginx.request("POST", "/session", login)
    assert status == 200, (status, body)
    session = json.loads(body)["sessionId"]
    for credential in [token, session]:
        status, _, body = nginx.request("GET", "/users/-/preferences", headers={"Authorization": f"Bearer {credential}"})
        assert status == 200, (status, body)
    forged = {"X-Forwarded-For": FORGED, "Forwarded": f"for={FORGED}"}
    status, _, _ = nginx.request("POST", "/auth/v1/token", {**login, "password": "no"}, forged)
    assert status == 401, status

    def failed_login():
        return [line for line in demo.log.read_text().splitlines() if "login failed" in line]

    wait_until("the failed login is logged", failed_login, GUARD_SECONDS)
    (line,) = failed_login()
    assert CLIENT in line and "db/alice" in line and FORGED not in line, line
    return session


def check_downloads(nginx, demo, session):
    """A whole file, parts of it, and an archive: the bytes that lie on the disk."""
    query = "SELECT f FROM Datafile f WHERE f.name = 'frames.h5' AND f.dataset.name = 'scan-001'"
    (file,) = [row["Datafile"] for row in demo.search(session, query)]
    (path,) = (demo.dir / "demo-data").glob(f"**/{file['location']}")
    content = path.read_bytes()
    address = f"/ids/getData?sessionId={session}&datafileIds={file['id']}"
    status, headers, body = nginx.request("GET", address)
    assert (status, hashlib.sha256(body).digest()) == (200, hashlib.sha256(content).digest()), status
    assert headers["Accept-Ranges"] == "bytes" and int(headers["Content-Length"]) == len(content), headers
    etag = headers["ETag"]
    for first, last in [(0, 0), (1000, 1 << 20), (len(content) - 5, len(content) - 1)]:
        status, headers, body = nginx.request("GET", address, headers={"Range": f"bytes={first}-{last}", "If-Range": etag})
        assert (status, body) == (206, content[first : last + 1]), (status, first, last)
    (dataset,) = demo.search(session, "SELECT d.id FROM Dataset d WHERE d.name = 'scan-001'")
    status, _, whole = nginx.request("GET", f"/ids/getData?sessionId={session}&datasetIds={dataset}")
    assert status == 200 and whole[:2] == b"PK", status
    archive = f"/ids/getData?sessionId={session}&datasetIds={dataset}"
    status, _, part = nginx.request("GET", archive, headers={"Range": "bytes=1000-1999"})
    assert (status, part) == (206, whole[1000:2000]), status
    return len(content) + len(whole)


def check_upload(nginx, session, investigation):
    """An attachment of twenty times nginx's own limit, back again unchanged."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="scan.bin"\r\n\r\n'
    body = head.encode() + ATTACHMENT + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Authorization": f"Bearer {session}"}
    status, _, answer = nginx.request("POST", f"/resource/-/file/upload?investigationId={investigation}", body, headers)
    assert status == 200, (status, answer)
    (resource,) = json.loads(answer)["file"]
    address = f"/resource/-/file/download?resourceId={resource}"
    status, _, content = nginx.request("GET", address, headers={"Authorization": f"Bearer {session}"})
    assert (status, content) == (200, ATTACHMENT), status
    # The program's own limit is answered by the program.
    status, headers, answer = nginx.request("POST", "/icat/session", b"json=" + b"x" * (5 << 20), {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 413 and b"nginx" not in answer, (status, answer)


def check_live_events(nginx, session, investigation):
    """What is written arrives while the answer is open."""
    with contextlib.closing(nginx.connect()) as connection:
        headers = {"Host": "data.example.org", "Authorization": f"Bearer {session}"}
        connection.request("GET", f"/logbook/-/events/stream?investigationId={investigation}", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream"), answer.status
        text = f"beam is back {uuid.uuid4()}"
        seen = threading.Event()

        def read_stream():
            for line in answer:
                if line.startswith(b"data:") and text.encode() in line:
                    seen.set()
                    return

        reader = threading.Thread(target=read_stream)
        reader.start()
        entry = {"type": "annotation", "category": "comment", "content": [{"format": "plainText", "text": text}]}
        status, _, body = nginx.request(
            "POST", f"/logbook/-/event?investigationId={investigation}", entry, {"Authorization": f"Bearer {session}"}
        )
        assert status == 200, (status, body)
        assert seen.wait(GUARD_SECONDS), "the event did not pass nginx while its answer was open"
        reader.join()


def check_unit():
    """The unit is understood, and shut off as well as it says."""
    text = (EXAMPLES / "undulator.service").read_text()
    with tempfile.TemporaryDirectory() as tmp:
        unit = Path(tmp) / "undulator.service"
        unit.write_text(replace_exactly(text, "=/usr/local/bin/undulator ", "=/bin/true ", 2))
        done = subprocess.run(["systemd-analyze", "verify", unit], text=True, capture_output=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        # The control.
        unit.write_text(unit.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
        assert "NoNewPrivilege" in subprocess.run(["systemd-analyze", "verify", unit], text=True, capture_output=True).stderr
        unit.write_text(text)
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], text=True, capture_output=True)
        # What its head tells setup is what the service uses.
        places = dict(re.findall(r'(\w+) = "(/[^"]+)"', text))
        assert f"\nEnvironment=UNDULATOR_DATA_DIR={places['data_dir']}\n" in text, places
        assert f"\nLoadCredential=icat-reader:{places['secrets_dir']}/icat-reader\n" in text, places
        assert f"\nReadOnlyPaths=-{places['storage']}\n" in text, places
        exposure = float(re.search(r"Overall exposure level for undulator.service: ([0-9.]+)", done.stdout).group(1))
        assert exposure < 2, done.stdout
    return exposure


def main():
    check_sample()
    exposure = check_unit()
    with Demo() as demo, tempfile.TemporaryDirectory(prefix="undulator-nginx-") as tmp:
        # Only nginx is believed: the client has another address of this host.
        demo.env["UNDULATOR_HTTP__TRUSTED_PROXIES"] = '["127.0.0.1/32"]'
        demo.start("--quiet-beamline")
        nginx = Nginx(Path(tmp), demo.public, free_port(), free_port())
        try:
            session = log_in(nginx, demo)
            size = check_downloads(nginx, demo, session)
            (investigation,) = demo.search(session, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
            check_upload(nginx, session, investigation)
            check_live_events(nginx, session, investigation)
        finally:
            log = nginx.stop()
        assert session not in log and "alice" not in log and log.count("\n") > 10, log
        demo.stop()
    print(f"through nginx: logins, {size >> 20} MiB in wholes and ranges, {len(ATTACHMENT) >> 20} MiB up, live events")
    print(f"undulator.service: exposure {exposure} of 10")


if __name__ == "__main__":
    main()
