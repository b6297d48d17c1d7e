"""OpenLDAP's server in a directory of its own, over LDAP, LDAPS and StartTLS, with people, a group and a referral."""

import os
import signal
import subprocess

from servers import Server, end_group, start_group
from suite import ROOT, free_port, wait_until

INSTALLED = ROOT / "target" / "interop" / "slapd"
BASE = "dc=example,dc=org"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{BASE}", "secret"
# May search, for those who search before they bind.
READER, READER_PASSWORD = f"uid=reader,ou=services,{BASE}", "readerpw"
# Names in the way of programs that put them into a DN or a filter as they are.
PEOPLE = {
    "ada": "adapw", "Bob": "bobpw", "josé": "passé", "a,b": "commapw", "a*": "starpw", "a(b)": "bracketpw", "a\\b": "backslashpw",
    "a+b": "pluspw", "#a": "hashpw", "lea": "pass word & more",
}
# With the trap that some directories have: a name without a password is an anonymous bind, which succeeds.
SETTINGS = """
include {installed}/etc/ldap/schema/core.schema
include {installed}/etc/ldap/schema/cosine.schema
include {installed}/etc/ldap/schema/inetorgperson.schema
modulepath {installed}/usr/lib/ldap
moduleload back_mdb.la
moduleload memberof.la
pidfile {dir}/pid
TLSCACertificateFile {dir}/ca.pem
TLSCertificateFile {dir}/cert.pem
TLSCertificateKeyFile {dir}/key.pem
allow bind_anon_dn
{security}
database mdb
maxsize 16777216
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {dir}/db
index uid eq
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="ou=hidden,{base}" by * none
access to * by users read by * none
"""


def escape_dn(text):
    """RFC 4514."""
    text = "".join(f"\\{c}" if c in ',+"\\<>;=' else c for c in text)
    return f"\\{text}" if text[:1] in "# " else text


def build_entries():
    def entry(dn, **attributes):
        lines = [f"dn: {dn}"]
        for name, values in attributes.items():
            lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values)]
        return "\n".join(lines) + "\n"

    def person(dn, uid, password):
        return entry(dn, objectClass="inetOrgPerson", uid=uid, cn=f"{uid} Example", sn="Example", mail="someone@example.org", userPassword=password)

    yield entry(BASE, objectClass=["dcObject", "organization"], o="Example", dc="example")
    for unit in ("people", "services", "hidden", "elsewhere"):
        yield entry(f"ou={unit},{BASE}", objectClass="organizationalUnit", ou=unit)
    for uid, password in PEOPLE.items():
        yield person(f"uid={escape_dn(uid)},ou=people,{BASE}", uid, password)
    yield person(READER, "reader", READER_PASSWORD)
    # The same name twice below the base.
    for unit in ("people", "elsewhere"):
        yield person(f"cn=twin,ou={unit},{BASE}", "twin", "twinpw")
    yield entry(f"cn=beam,{BASE}", objectClass="groupOfNames", cn="beam", member=[f"uid=ada,ou=people,{BASE}"])


class Slapd(Server):
    """`security` is for slapd.conf, such as `security simple_bind=128`: no password without TLS."""

    def __init__(self, security=""):
        super().__init__()
        self.security = security
        self.port, self.tls_port = free_port(), free_port()
        self.url, self.tls_url = f"ldap://127.0.0.1:{self.port}", f"ldaps://127.0.0.1:{self.tls_port}"
        self.ca_file = self.dir / "ca.pem"
        # That of its clients.
        self.client_env = {**os.environ, "LDAPTLS_CACERT": str(self.ca_file)}
        self.process = None

    def start(self):
        """Also again after `end`, with the entries that are there."""
        fresh = not self.ca_file.exists()
        if fresh:
            self.make_certificates()
            (self.dir / "db").mkdir()
            values = {"installed": INSTALLED, "dir": self.dir, "base": BASE, "admin": ADMIN, "password": ADMIN_PASSWORD, "security": self.security}
            (self.dir / "slapd.conf").write_text(SETTINGS.format(**values))
        command = [INSTALLED / "usr/sbin/slapd", "-f", self.dir / "slapd.conf", "-h", f"{self.url} {self.tls_url}", "-d", "stats"]
        # One of its libraries comes with it.
        (libraries,) = INSTALLED.glob("usr/lib/*-linux-gnu")
        env = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
        with (self.dir / "log").open("a") as log:
            self.process = start_group(command, env=env, cwd=self.dir, stdout=log, stderr=log)

        def answers():
            if self.process.poll() is not None:
                raise SystemExit(f"slapd did not start\n{(self.dir / 'log').read_text()}")
            return self.ask("ldapwhoami", ADMIN, ADMIN_PASSWORD)[0] == 0

        wait_until("slapd answers", answers, 30)
        if fresh:
            code, output = self.ask("ldapadd", ADMIN, ADMIN_PASSWORD, stdin="\n".join(build_entries()))
            assert code == 0, output
            referral = f"dn: ou=far,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: far\nref: ldap://127.0.0.1:1/ou=far,{BASE}\n"
            code, output = self.ask("ldapadd", ADMIN, ADMIN_PASSWORD, "-M", stdin=referral)
            assert code == 0, output

    def end(self):
        end_group(self.process)

    def make_certificates(self):
        """An authority, and a certificate for 127.0.0.1 and localhost."""
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], cwd=self.dir, check=True, capture_output=True)

        new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
        openssl(*new, "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Tests", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl(*new, "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")

    def ask(self, program, dn, password, *arguments, url=None, stdin=None):
        """Exit code and output of one of OpenLDAP's own clients; the code is that of LDAP, such as 49."""
        command = [program, "-x", "-H", url or (self.url if not self.security else self.tls_url), "-D", dn, "-w", password, *arguments]
        done = subprocess.run(command, env=self.client_env, input=stdin, text=True, capture_output=True)
        return done.returncode, done.stdout + done.stderr

    def pause(self):
        """It takes connections and answers nothing, as a server that hangs."""
        self.send_signal(signal.SIGSTOP)

    def resume(self):
        self.send_signal(signal.SIGCONT)

    def send_signal(self, number):
        os.kill(int((self.dir / "pid").read_text()), number)

    def read_log(self):
        """What it was asked."""
        return (self.dir / "log").read_text()
