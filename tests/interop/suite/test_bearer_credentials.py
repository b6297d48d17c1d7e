#!/usr/bin/env python3
"""One rule for `Authorization: Bearer` on the mounts of all services, for session ids and access tokens: the scheme in any case,
and before any session id elsewhere.

    tests/interop/suite/test_bearer_credentials.py
"""

import itertools
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from demo_server import Demo

WRONG = "00000000-0000-0000-0000-000000000000"
REFUSED = (400, 401, 403)


def main():
    with Demo() as demo:
        demo.start("--quiet-beamline")
        session = demo.login("db/alice")
        (investigation,) = demo.search(session, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
        query = {"query": "SELECT i.id FROM Investigation i"}
        # The session id of a parameter, or of the path where that is its place.
        calls = [
            lambda other, headers: ("/icat/entityManager", {**query, "sessionId": other}, headers),
            lambda other, headers: ("/ids/getSize", {"investigationIds": investigation, "sessionId": other}, headers),
            lambda other, headers: (f"/logbook/{other}/event", {"investigationId": investigation, "limit": 1}, headers),
        ]
        asked = 0
        bearer = {"Authorization": f"Bearer {session}"}
        token = json.loads(demo.request("POST", "/auth/v1/token", headers=bearer)[2])["access_token"]
        for good, call in itertools.product((session, token), calls):
            def request_status(other, authorization):
                path, parameters, headers = call(other, {"Authorization": authorization} if authorization else {})
                return demo.request("GET", path, parameters, headers=headers)[0], path

            for scheme in ("Bearer", "bearer", "BEARER"):
                for other in (WRONG, "-", good):
                    found, path = request_status(other, f"{scheme} {good}")
                    assert found == 200, (path, scheme, other, found)
                found, path = request_status(good, f"{scheme} {WRONG}")
                assert found in REFUSED, (path, scheme, found)
                asked += 4
            found, path = request_status(good, "Basic eDp5")
            assert found == 200, (path, "a proxy's credential is not ours", found)
            found, path = request_status(WRONG, "Basic eDp5")
            assert found in REFUSED, (path, found)
            for unreadable in ("Bearer", f"Bearer {good} {good}", good):
                found, path = request_status(good, unreadable)
                assert found in REFUSED, (path, "an unreadable header is never replaced by a parameter", found)
            found, path = request_status(good, None)
            assert found == 200, (path, found)
            asked += 6
        for path in ("/session/-", "/icat/session/-"):
            ended = demo.login("db/alice")
            bearer = {"Authorization": f"Bearer {ended}"}
            assert demo.request("PUT", path, headers=bearer)[0] == 204, path
            assert demo.request("DELETE", path, headers=bearer)[0] in (200, 204), path
            assert demo.request("GET", "/icat/entityManager", query, headers=bearer)[0] == 403, f"{path} has ended nothing"
            # Another id than `-` is the session that is asked about, whoever asks.
            one, other = demo.login("db/alice"), demo.login("db/alice")
            bearer = {"Authorization": f"Bearer {one}"}
            assert demo.request("DELETE", path.replace("-", other), headers=bearer)[0] in (200, 204), path
            ended = [demo.request("GET", f"/icat/session/{id}")[0] for id in (one, other)]
            assert ended == [200, 403], (path, ended)
            asked += 6
        # An API key has no session of the catalogue: trying again would not help.
        key = (demo.dir / "demo-data" / "beamline-key").read_text().strip()
        request_status, headers, body = demo.request("GET", "/ids/getSize", {"investigationIds": investigation}, headers={"Authorization": f"Bearer {key}"})
        assert request_status == 403 and "Retry-After" not in headers and b"API key" in body, (request_status, headers, body)
        for scheme in ("Bearer", "bearer"):
            found = demo.request("POST", "/auth/v1/token", headers={"Authorization": f"{scheme} {session}"})[0]
            assert found == 200, (scheme, found)
        print(f"{asked + 2} calls of four services, one rule")


if __name__ == "__main__":
    main()
