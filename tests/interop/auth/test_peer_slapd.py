#!/usr/bin/env python3
"""The LDAP server of other tests: binds over LDAP, StartTLS and LDAPS, with an empty password too, searches, names that need
escaping, a referral, and a server that hangs. The product is not needed.

    tests/interop/auth/test_peer_slapd.py
"""

# needs: slapd
# seconds: 3

import socket
import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "lib"
sys.path.insert(0, str(LIBRARY))

from servers import list_group
from slapd import BASE, PEOPLE, READER, READER_PASSWORD, Slapd, escape_dn
from suite import wait_until

# RFC 4511.
INVALID_CREDENTIALS, CONFIDENTIALITY_REQUIRED, REFERRAL = 49, 13, 10


def person(uid):
    return f"uid={escape_dn(uid)},ou=people,{BASE}"


def check_binds(server):
    for uid, password in PEOPLE.items():
        for url in (server.url, server.tls_url):
            code, output = server.ask("ldapwhoami", person(uid), password, url=url)
            assert code == 0, (uid, url, output)
        code, output = server.ask("ldapwhoami", person(uid), password, "-ZZ")
        assert code == 0, (uid, output)
        assert server.ask("ldapwhoami", person(uid), "wrong")[0] == INVALID_CREDENTIALS
        # RFC 4513, 5.1.2: who gives a name and no password is nobody, and is let in.
        assert server.ask("ldapwhoami", person(uid), "") == (0, "anonymous\n")
    assert server.ask("ldapwhoami", person("nobody"), "x")[0] == INVALID_CREDENTIALS


def check_searches(server):
    def search(filter, dn=READER, password=READER_PASSWORD, base=BASE):
        code, output = server.ask("ldapsearch", dn, password, "-LLL", "-b", base, filter, "dn", "memberOf")
        return code, [line for line in output.splitlines() if line.startswith(("dn:", "memberOf:"))], output

    code, found, _ = search("(uid=ada)")
    assert (code, found) == (0, [f"dn: {person('ada')}", f"memberOf: cn=beam,{BASE}"]), found
    # The letters of a name do not matter, and a name that is no name finds everybody.
    assert search("(uid=bob)")[1] == [f"dn: {person('Bob')}"]
    assert len([line for line in search("(uid=a*)")[1] if line.startswith("dn:")]) > 1
    assert len(search(r"(uid=a\2a)")[1]) == 1
    assert len(search("(uid=twin)")[1]) == 2
    code, found, output = search("(uid=nobody)")
    assert (code, found) == (0, []) and "ldap://127.0.0.1:1/" in output, "a search of everything names the other server"
    assert search("(uid=ada)", base=f"ou=far,{BASE}")[0] == REFERRAL


def check_tls_is_demanded():
    with Slapd(security="security simple_bind=128") as server:
        assert server.ask("ldapwhoami", person("ada"), "adapw", url=server.url)[0] == CONFIDENTIALITY_REQUIRED
        assert server.ask("ldapwhoami", person("ada"), "adapw", "-ZZ", url=server.url)[0] == 0
        # Nobody who does not know the authority is answered over TLS.
        server.client_env["LDAPTLS_CACERT"] = "/dev/null"
        assert server.ask("ldapwhoami", person("ada"), "adapw", url=server.tls_url)[0] not in (0, INVALID_CREDENTIALS)


def check_hanging(server):
    server.pause()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.settimeout(0.5)
        connection.sendall(bytes.fromhex("300c020101600702010304008000"))
        try:
            raise AssertionError(f"it answers {connection.recv(1)}")
        except TimeoutError:
            pass
        server.resume()
        connection.settimeout(30)
        assert connection.recv(1) == b"0"
    server.end()
    server.start()
    assert server.ask("ldapwhoami", person("ada"), "adapw")[0] == 0


def check_killed_test():
    """Servers end with the test that started them, however it ends."""
    script = "import slapd; server = slapd.Slapd(); server.start(); print(server.process.pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], cwd=LIBRARY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as test:
        group = int(test.stdout.readline())
        running = len(list_group(group))
        assert running > 1, "the server and what watches over it"
        test.kill()
    wait_until("the server has ended", lambda: not list_group(group), 30)


def main():
    with Slapd() as server:
        check_binds(server)
        check_searches(server)
        check_hanging(server)
    check_tls_is_demanded()
    check_killed_test()
    print(f"{len(PEOPLE)} people over LDAP, StartTLS and LDAPS; searches and a referral; no password without TLS; silent, down and back; "
          "ended with a killed test")


if __name__ == "__main__":
    main()
