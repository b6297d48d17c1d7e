"""The generated client of the logbook, and what every entry must look like."""

import base64
import datetime
import json
import re

import icat_plus_client as plus
from icat_plus_client.exceptions import ApiException

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMAGE = "data:image/png;base64," + base64.b64encode(PNG).decode()
EVENT_KEYS = {
    *["_id", "investigationId", "investigationName", "instrumentName", "datasetId", "datasetName", "type", "tag", "title"],
    *["category", "filepath", "filename", "fileSize", "username", "content", "software", "machine", "source"],
    *["creationDate", "contentType", "file", "previousVersionEvent"],
}
UPSTREAM = "2025-03-02T09:14:05.120000+01:00"


class Client:
    """All operations of the logbook by the generated client; keeps which were called."""

    APIS = {
        plus.LogbookApi: "logbook_",
        plus.DataAcquisitionApi: ("dataacquisition_api_key_notification", "dataacquisition_api_key_base64", "dataacquisition_api_key_events_move"),
        plus.ResourceApi: "resource_",
        plus.ActionsApi: "actions_session_id_logbook",
        plus.MESSAGESApi: "messages_",
        plus.USERSApi: "users_session_id_preferences",
    }

    def __init__(self, url):
        # As a site may configure it: with a slash at the end, which doubles it in every address.
        client = plus.ApiClient(plus.Configuration(host=url + "/"))
        self.operations, self.called = {}, set()
        for api, prefix in self.APIS.items():
            bound = api(client)
            for name in dir(api):
                if name.startswith(prefix) and not name.endswith(("_with_http_info", "_without_preload_content")):
                    self.operations[name] = bound
        assert len(self.operations) == 28, sorted(self.operations)

    def __call__(self, name, **arguments):
        """The decoded answer, and the JSON that it was decoded from."""
        self.called.add(name)
        answer = getattr(self.operations[name], name + "_with_http_info")(**arguments)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json"), name
        return answer.data, json.loads(answer.raw_data)

    def refused(self, status, text, name, **arguments):
        self.called.add(name)
        try:
            self.operations[name].__getattribute__(name)(**arguments)
        except ApiException as e:
            assert e.status == status, (name, e.status, status, e.body)
            body = e.body.decode() if isinstance(e.body, bytes) else e.body
            assert re.search(text, body) and body[0] not in "{[<", (name, body)
            return
        raise AssertionError(f"{name} {arguments} was not refused with {status}")


def check_event_keys(event):
    """All keys of the interface are there, and the id is one."""
    assert EVENT_KEYS <= event.keys(), EVENT_KEYS - event.keys()
    assert re.fullmatch("[0-9a-f]{24}", event["_id"]), event["_id"]
    for key in ("investigationId", "datasetId", "fileSize"):
        assert event[key] is None or type(event[key]) is int, (key, event[key])
    assert all(isinstance(id, str) for id in event["file"]) and event["category"] == event["category"].lower()
    return event


def check_fields(found, **wanted):
    for key, value in wanted.items():
        shown = found[key]
        if key == "creationDate":
            shown, value = (datetime.datetime.fromisoformat(time) for time in (shown, value))
        if key == "tag":
            shown = [{"name": tag["name"]} for tag in shown]
        assert shown == value, (key, shown, value)


def build_event(text=None, kind="annotation", category="comment", **more):
    content = [{"format": "plainText", "text": text}] if text else []
    return plus.Event.from_dict({"type": kind, "category": category, "content": content, **more})


def check_attachment_content(api, facility, session, entry):
    """Operation 23: the client drops the body, so the bytes are read beside it."""
    api.called.add("resource_session_id_file_download_get")
    resource = api.operations["resource_session_id_file_download_get"]
    assert resource.resource_session_id_file_download_get(session_id=session, resource_id=entry["file"][0]) is None
    raw = resource.resource_session_id_file_download_get_without_preload_content(session_id=session, resource_id=entry["file"][0])
    assert raw.read() == PNG and raw.headers["x-content-type-options"] == "nosniff"
    assert raw.headers["content-type"] == "image/png" and raw.headers["content-disposition"].startswith("inline")
