#!/usr/bin/env python3
"""The sessions of ICAT+ as icat-plus-client 5.7.4 meets them: all four operations, every field with its JSON
type, roles, refusals as plain text, and a session that ends once and stays ended.

    tests/interop/auth/test_icat_plus_sessions.py
"""

# needs: logbook_clients
# seconds: 6

import datetime
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import icat_plus_client as plus
from icat_plus_client.exceptions import ApiException

from logbook_facility import Facility
from suite import wait_until

UNKNOWN = "00000000-0000-0000-0000-000000000000"
# Of the published interface; JSON types are those that the client's models demand.
SESSION = {
    "sessionId": str, "username": str, "name": str, "fullName": str, "lifeTimeMinutes": (int, float), "expirationTime": str,
    "isAdministrator": bool, "isInstrumentScientist": bool, "isMinter": bool, "isBetaTester": bool, "usersByPrefix": list,
}
STATUS = {"remainingMinutes": (int, float), "userName": str, "affiliation": str, "email": str, "fullName": str, "user": dict}


class Client:
    def __init__(self, url):
        self.api = plus.SessionApi(plus.ApiClient(plus.Configuration(host=url)))

    def __call__(self, operation, **arguments):
        """What the client makes of the answer, and the answer."""
        answer = getattr(self.api, f"session_{operation}_with_http_info")(**arguments)
        return answer.data, answer

    def refused(self, status, operation, **arguments):
        """The text of a refusal."""
        try:
            self(operation, **arguments)
        except ApiException as e:
            assert e.status == status, (operation, e.status, e.body)
            assert e.headers["content-type"].startswith("text/plain"), e.headers
            assert e.body and e.body[0] not in "{[<\"", e.body
            return e.body
        raise AssertionError(f"{operation} {arguments} was not refused with {status}")


def check_types(found, types):
    assert found.keys() == types.keys(), found.keys() ^ types.keys()
    for key, type in types.items():
        assert isinstance(found[key], type) and (type is bool or not isinstance(found[key], bool)), (key, found[key])


def check_session(client, facility, name, **roles):
    """A login, and the session as it is read."""
    credentials = plus.Credentials(plugin="simple", username=name, password=facility.passwords[f"simple/{name}"])
    session, answer = client("post", credentials=credentials)
    found = json.loads(answer.raw_data)
    check_types(found, SESSION)
    assert isinstance(session, plus.Session) and session.session_id == found["sessionId"]
    assert (found["username"], found["name"], found["fullName"]) == (name, f"simple/{name}", f"{name.title()} Example"), found
    ends = datetime.datetime.fromisoformat(found["expirationTime"]) - datetime.datetime.now(datetime.UTC)
    assert abs(ends.total_seconds() - found["lifeTimeMinutes"] * 60) < 60 and 110 < found["lifeTimeMinutes"] <= 120, found
    wanted = {"isAdministrator": False, "isInstrumentScientist": False, "isMinter": False, "isBetaTester": False, **roles}
    assert {key: found[key] for key in wanted} == wanted, found

    _, answer = client("session_id_get", session_id=session.session_id)
    status = json.loads(answer.raw_data)
    check_types(status, STATUS)
    check_types(status["user"], SESSION)
    assert status["userName"] == f"simple/{name}" and status["fullName"] == found["fullName"], status
    same = SESSION.keys() - {"lifeTimeMinutes", "expirationTime"}
    assert {key: status["user"][key] for key in same} == {key: found[key] for key in same}, status
    return session.session_id


def check_refresh_and_end(client, session):
    for _ in range(2):
        data, answer = client("session_id_put", session_id=session)
        assert (answer.status_code, answer.raw_data, data) == (204, b"", None), answer
    for _ in range(2):
        data, answer = client("session_id_delete", session_id=session)
        # Not 204, as icat.server says.
        assert (answer.status_code, answer.raw_data, data) == (200, b"", None), answer
    for operation in ("session_id_get", "session_id_put"):
        client.refused(403, operation, session_id=session)


def check_refusals(client, facility):
    alice = {"plugin": "simple", "username": "alice"}
    password = facility.passwords["simple/alice"]
    texts = {client.refused(403, "post", credentials=plus.Credentials(**{**alice, **wrong})) for wrong in (
        {"password": "wrong"}, {"password": "wrong", "username": "nobody"}, {"password": password, "usernameSuffix": "x"})}
    assert len(texts) == 1, f"a wrong password and an unknown name are told apart: {texts}"
    # All fields are optional and may be null.
    for credentials in ({}, {"plugin": "simple"}, {**alice, "password": None}, {**alice, "password": ""}, {"plugin": "unknown", "password": "x"},
                        {"plugin": "simple", "password": password}):
        client.refused(403, "post", credentials=plus.Credentials(**credentials))
    for operation in ("session_id_get", "session_id_put"):
        assert UNKNOWN not in client.refused(403, operation, session_id=UNKNOWN), "an id is never repeated"
    assert client("session_id_delete", session_id=UNKNOWN)[1].status_code == 200
    assert all(password not in text for text in texts)


def check_suffix(client, facility):
    """A suffix chooses one of a person's accounts."""
    facility.add_user("simple/alice_mx")
    facility.create("User", {"name": "simple/alice_mx"})
    password = facility.passwords["simple/alice_mx"]
    credentials = plus.Credentials(plugin="simple", username="alice", password=password, usernameSuffix="_mx")
    session, _ = client("post", credentials=credentials)
    assert session.name == "simple/alice_mx", session


def check_anonymous(client):
    first, _ = client("post", credentials=plus.Credentials(plugin="anon"))
    second, _ = client("post", credentials=plus.Credentials(plugin="anon", username="", password=""))
    assert first.name == second.name == "anon/anon" and first.session_id != second.session_id, (first, second)


def main():
    with Facility(UNDULATOR_AUTH__MINTERS='["simple/carol"]', UNDULATOR_AUTH__BETA_TESTERS='["simple/alice"]') as facility:
        client = Client(facility.url)
        # The role is known to whoever may read that they have it.
        facility.create("Rule", {"crudFlags": "R", "what": "SELECT s FROM InstrumentScientist s JOIN s.user u WHERE u.name = :user"})
        session = check_session(client, facility, "alice", isBetaTester=True)
        check_session(client, facility, "carol", isInstrumentScientist=True, isMinter=True)
        check_session(client, facility, "admin", isAdministrator=True)
        check_refresh_and_end(client, session)
        check_refusals(client, facility)
        check_suffix(client, facility)
        check_anonymous(client)
        facility.kill()
        facility.start()
        wait_until("the server answers", lambda: facility.request("GET", "/icat/version")[0] == 200)
        client.refused(403, "session_id_get", session_id=session)
        print("4 operations, every field, roles and refusals")


if __name__ == "__main__":
    main()
