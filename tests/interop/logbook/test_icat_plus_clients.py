#!/usr/bin/env python3
"""The logbook as icat-plus-client 5.7.4 and pyicat-plus 3.1.0 meet it: every one of the 28 operations, what was written is
read back field by field, failures have the statuses and texts that clients expect; and thousands of messages of 8 processes that
wait a tenth of a second are all there, each once.

    tests/interop/logbook/test_icat_plus_clients.py [--messages N]
"""

# needs: logbook_clients
# seconds: 18
# long: --messages 10000

import argparse
import datetime
import json
import re
import sys
import urllib.request
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

import icat_plus_client as plus
from pyicat_plus.client._internal.elogbook import IcatElogbookClient

from logbook_client import IMAGE, PNG, UPSTREAM, Client, check_attachment_content, build_event, check_fields, check_event_keys
from logbook_facility import KEY, Facility, check_chains
from message_load import check_many_messages


def people_write(api, facility, alice):
    """Operations 2, 3, 9 and 10, and what they made read with 1, 4, 5 and 6."""
    place = {"session_id": alice, "investigation_id": str(facility.embargo)}
    fields = {
        **{"title": "Refill", "datasetId": 9001, "datasetName": "scan_0003", "filepath": "/data/a.png", "filename": "a.png"},
        **{"software": "s_v1", "machine": "ctl1.example.org", "source": "ebs", "creationDate": UPSTREAM},
        "tag": [{"name": "beam"}, {"name": "night shift"}],
        "content": [{"format": "plainText", "text": "Grüß Gott"}, {"format": "html", "text": "<p>Grüß <b>Gott</b></p>"}],
    }
    sent = plus.Event.from_dict({"type": "annotation", "category": "comment", **fields})
    decoded, made = api("logbook_session_id_event_post", **place, event=sent)
    assert decoded.id == made["_id"]
    expected = {
        **fields,
        **{"type": "annotation", "category": "comment", "username": "alice", "investigationId": facility.embargo},
        **{"investigationName": "ZZ/123", "instrumentName": "BL07", "previousVersionEvent": None, "file": []},
    }
    _, listed = api("logbook_session_id_event_get", **place)
    for found in (made, listed[0]):
        check_fields(check_event_keys(found), **expected)

    put = lambda text, **more: plus.LogbookSessionIdEventPutRequest.from_dict(  # noqa: E731
        {"event": {"_id": made["_id"], "type": "annotation", "category": "comment", "title": "Refill", "tag": fields["tag"],
                   "content": [{"format": "html", "text": text}], **more}}
    )
    texts = ["<p>two</p>", f'<p>three <img src="{IMAGE}"></p>']
    for text in texts:
        answers = []
        # urllib3 sends a PUT up to four times when the answer is late.
        for _ in range(3):
            _, changed = api("logbook_session_id_event_put", **place, logbook_session_id_event_put_request=put(text))
            answers.append({**check_event_keys(changed), "content": None})
        assert answers[0] == answers[1] == answers[2], "a repeated PUT makes no version"
    assert len(changed["file"]) == 1 and "resourceId=" in changed["content"][0]["text"], changed
    # A page sends back what it was shown.
    _, again = api(
        "logbook_session_id_event_put", **place, logbook_session_id_event_put_request=put(changed["content"][0]["text"])
    )
    assert again["updatedAt"] == changed["updatedAt"], "what was shown and comes back is no change"
    versions = []
    while changed:
        versions.append(changed["content"][-1]["text"])
        changed = changed["previousVersionEvent"]
    assert len(versions) == 3 and versions[1:] == ["<p>two</p>", fields["content"][1]["text"]], versions

    request = plus.LogbookSessionIdEventsPatchRequest.from_dict({"eventIds": [made["_id"]], "tags": [{"name": "optics"}]})
    _, tagged = api(
        "logbook_session_id_events_patch", **place, instrument_name="BL07,BL08", logbook_session_id_events_patch_request=request
    )
    check_fields(check_event_keys(tagged[0]), tag=[{"name": "optics"}], _id=made["_id"])

    request = plus.LogbookSessionIdEventCreatefrombase64PostRequest(base64=IMAGE)
    name = "logbook_session_id_event_createfrombase64_post"
    _, photo = api(name, **place, **{name + "_request": request})
    check_fields(check_event_keys(photo), type="attachment", category="file", contentType="image/png", fileSize=len(PNG), filename="image.png")
    check_fields(photo, username="alice", investigationId=facility.embargo)
    check_attachment_content(api, facility, alice, photo)
    return made["_id"], photo["_id"]


def people_read(api, facility, alice, changed, photo):
    """Operations 1, 4, 5, 6, 7 and 8 with every parameter."""
    place = {"session_id": alice, "investigation_id": str(facility.embargo)}
    today = str(datetime.datetime.now(ZoneInfo("Europe/Paris")).date())
    filters = [
        ({"types": "ANNOTATION-COMMENT, notification-error"}, [changed]),
        ({"types": "attachment"}, [photo]),
        ({"search": "THREE"}, [changed]),
        ({"search": "%"}, []),
        ({"tags": "Optics"}, [changed]),
        ({"tags": "optics,beam"}, []),
        ({"or_tags": "optics, nothing"}, [changed]),
        ({"not_tags": "optics"}, [photo]),
        ({"filter_investigation": True}, []),
        ({"var_date": "2025-03-02"}, [changed]),
        ({"start_time": "2025-03-02T09:14:05", "end_time": "2025-03-02T09:14:06"}, [changed]),
        ({"start_time": "2025-03-02T08:14:06+00:00", "end_time": "2025-03-03T00:00:00"}, []),
        ({"instrument_name": "bl07"}, [changed, photo]),
    ]
    for filter, wanted in filters:
        _, listed = api("logbook_session_id_event_get", **place, **filter, sort_by="creationDate", sort_order="1")
        assert [found["_id"] for found in listed] == wanted, (filter, listed)
        assert api("logbook_session_id_event_count_get", **place, **filter)[1] == len(wanted), filter
        if not filter.keys() & {"var_date", "start_time"}:
            _, days = api("logbook_session_id_event_dates_get", **place, **filter)
            assert days == [day for day, id in (("2025-03-02", changed), (today, photo)) if id in wanted], (filter, days)
    _, paged = api("logbook_session_id_event_get", **place, sort_by="creationDate", sort_order="-1", skip="1", limit="1")
    assert [found["_id"] for found in paged] == [changed]
    _, page = api("logbook_session_id_event_page_get", **place, id=changed, sort_order="1", limit="1")
    assert page["page"]["total"] == 2 == page["page"]["totalPages"], page
    numbers = {api("logbook_session_id_event_page_get", **place, id=id, limit="1")[1]["page"]["currentPage"] for id in (changed, photo)}
    assert numbers == {1, 2}

    for removed, name in ((True, "remove"), (False, "restore")):
        name = f"logbook_session_id_event_{name}_put"
        _, answer = api(name, **place, types="attachment", sort_by="_id", var_date=today)
        assert [found["_id"] for found in answer] == [photo] and answer[0]["removed"] is removed, answer
        assert api(name, **place, types="attachment")[1] == [], "a repetition changes nothing"
        assert api("logbook_session_id_event_count_get", **place)[1] == (1 if removed else 2)


def programs_write(api, facility, alice, carol):
    """Operations 11 to 15."""
    prefix = "logbook_api_key_investigation_name_investigation_name_instrument_name_instrument_name_event"
    names = {"api_key": KEY, "investigation_name": "zz/123", "instrument_name": "bl07"}
    spec = build_event("ascan x 0 1 10 .1", "notification", "commandLine")
    _, made = api(f"{prefix}_post", **names, event=spec)
    check_fields(check_event_keys(made), category="commandline", investigationId=facility.embargo)
    request = plus.LogbookApiKeyInvestigationNameInvestigationNameInstrumentNameInstrumentNameEventCreatefrombase64PostRequest
    name = f"{prefix}_createfrombase64_post"
    _, made = api(name, **names, **{name + "_request": request(base64=IMAGE, usernames="ada,bob")})
    check_fields(check_event_keys(made), type="attachment", username="ada,bob", investigationId=facility.embargo, fileSize=len(PNG))
    check_attachment_content(api, facility, alice, made)

    now = datetime.datetime.now().astimezone().isoformat()
    full = {
        **{"datasetName": "scan_0003", "software": "s", "machine": "m", "source": "x", "creationDate": now, "title": "T"},
        **{"datasetId": facility.dataset, "tag": [{"name": "optics"}], "filepath": "/a/b", "filename": "b", "username": "spec"},
    }
    message = build_event("Shutter closed", "notification", "error", **full)
    notification = "dataacquisition_api_key_notification_post"
    _, made = api(notification, **names, event=message)
    check_fields(check_event_keys(made), **full, type="notification", category="error", investigationId=facility.embargo)
    _, listed = api("logbook_session_id_event_get", session_id=alice, investigation_id=str(facility.embargo), search="shutter")
    check_fields(listed[0], **full, _id=made["_id"], content=[{"format": "plainText", "text": "Shutter closed"}])
    api.refused(
        422, "notification", "logbook_session_id_event_put", session_id=alice, investigation_id=str(facility.embargo),
        logbook_session_id_event_put_request=plus.LogbookSessionIdEventPutRequest.from_dict(
            {"event": {"_id": made["_id"], "type": "notification", "category": "error", "title": "another"}}
        ),
    )
    _, made = api(notification, api_key=KEY, investigation_id=str(facility.other), instrument_name="BL07,BL08", event=message)
    check_fields(made, investigationId=facility.other)
    _, late = api(notification, api_key=KEY, investigation_name="ZZ-100", instrument_name="BL07", event=message)
    check_fields(check_event_keys(late), investigationId=None, instrumentName="BL07")
    _, unknown = api(notification, api_key=KEY, investigation_name="XX-1", instrument_name="BL07", event=message)
    check_fields(unknown, investigationId=None)
    _, listed = api("logbook_session_id_event_get", session_id=carol, instrument_name="bl07", filter_investigation=True)
    assert {late["_id"], unknown["_id"]} == {found["_id"] for found in listed}
    broadcast = build_event("Beam lost", "broadcast", "error", source="ebs")
    _, made = api(notification, api_key=KEY, event=broadcast)
    check_fields(check_event_keys(made), type="broadcast", source="ebs", instrumentName=None, investigationId=None)
    _, listed = api("logbook_session_id_event_get", session_id=alice, types="broadcast")
    check_fields(listed[0], _id=made["_id"])

    request = plus.DataacquisitionApiKeyBase64PostRequest.from_dict(
        {"base64": "data:text/plain;base64,MTIz", "datasetId": 9001, "machine": "m", "software": "s", "tag": [{"name": "t"}], "usernames": "u"}
    )
    name = "dataacquisition_api_key_base64_post"
    _, made = api(name, **names, **{name + "_request": request})
    check_fields(check_event_keys(made), fileSize=3, datasetId=9001, machine="m", software="s", tag=[{"name": "t"}], username="u", type="attachment")

    move = {"source_investigation_id": float(facility.other), "destination_investigation_id": facility.embargo}
    _, answer = api("dataacquisition_api_key_events_move_post", api_key=KEY, **move)
    assert answer == {"n": 1, "nModified": 1, "ok": 1}, answer


def check_other_operations(api, facility, alice, admin):
    """Operations 16 to 22 and 24 to 27."""
    place = {"session_id": alice, "investigation_id": str(facility.embargo)}
    sent = plus.Tag(name="shutdown", color="#2e7d32", description="beam state")
    _, made = api("logbook_session_id_tag_post", **place, tag=sent)
    wanted = {"name": "shutdown", "color": "#2e7d32", "description": "beam state", "investigationId": str(facility.embargo)}
    check_fields(made, **wanted, beamlineName=None)
    change = plus.Tag.from_dict({"_id": made["_id"], "name": "shutdown 2", "color": "#000000"})
    for _ in range(2):
        _, changed = api("logbook_session_id_tag_put", **place, tag_id=made["_id"], tag=change)
    check_fields(changed, **wanted | {"name": "shutdown 2", "color": "#000000"})
    _, tags = api("logbook_session_id_tag_get", **place, instrument_name="BL07")
    assert changed in tags and all(tag.keys() == made.keys() for tag in tags), tags
    span = {"start_date": "2025-03-01", "end_date": "2025-03-03"}
    _, counts = api("logbook_session_id_stats_count_get", session_id=admin, **span)
    assert counts == [{"_id": "2025-03-02", "count": 1}], counts
    _, stats = api("logbook_session_id_stats_investigation_get", session_id=admin, **span)
    check_fields(stats[0], investigationId=str(facility.embargo), count=1, annotations=1, notifications=0)
    # The viewer stands behind the redirect, which the client follows.
    name = "logbook_session_id_datafile_open_get"
    api.called.add(name)
    assert getattr(api.operations[name], name)(**place, path="/data/zz123/scan.h5", scan="1.1") is None
    api.refused(404, "no datafile", name, **place, path="/data/none.h5")
    # The client can send no file.
    api.refused(400, "", "resource_session_id_file_upload_post", **place)
    status, uploaded = upload_file(facility, f"/resource/{alice}/file/upload?investigationId={facility.embargo}")
    assert status == 200, uploaded
    check_fields(check_event_keys(uploaded), type="attachment", category="file", filename="photo.png", contentType="image/png", fileSize=len(PNG))
    check_attachment_content(api, facility, alice, uploaded)
    name = "actions_session_id_logbook_instrumentname_put"
    _, filled = api(name, session_id=admin, action="update")
    assert filled.keys() == {"count", "missing", "updated"} and all(type(n) is int for n in filled.values()), filled
    api.refused(403, "", name, session_id=alice)
    message = plus.Message(type="INFORMATION", message="Shutdown on Monday")
    banners = [api("messages_session_id_information_put", session_id=admin, message=message)[1] for _ in range(2)]
    assert banners[0] == banners[1] and banners[0].items() >= {"type": "INFORMATION", "message": "Shutdown on Monday"}.items()
    assert api("messages_get", type="INFORMATION")[1] == banners[:1]
    api.refused(403, "", "messages_session_id_information_put", session_id=alice, message=message)
    _, preferences = api("users_session_id_preferences_get", session_id=alice)
    assert preferences == {"username": "alice"}, preferences
    wanted = {
        "username": "alice", "selection": {"datasetIds": [9001], "sampleIds": []}, "isGroupedBySample": False,
        "logbookFilters": {"sortBy": "_id", "sortOrder": -1, "types": "annotation,notification-error"},
        "recentlyVisited": [{"url": "/investigation/1", "label": "ZZ", "target": {
            "instrumentName": "BL07", "investigationName": "ZZ/123", "investigationStartDate": "2025-03-01",
            "investigationEndDate": "2025-03-04"}}],
        "mxsettings": {"autoProcessingRankingShell": "inner", "autoProcessingRankingParameter": "cc_half",
                       "autoProcessingRankingDisableSpaceGroup": False, "scanTypeFilters": [],
                       "cutoffs": {"completeness": {"inner": 90, "outer": 80, "overall": 85}}},
        "pagination": [{"key": "datasets", "value": 20}],
    }
    sent = plus.Userpreferences.from_dict(wanted)
    for _ in range(2):
        _, answer = api("users_session_id_preferences_put", session_id=alice, userpreferences=sent)
    assert answer == api("users_session_id_preferences_get", session_id=alice)[1]
    assert sent.to_dict().items() <= answer.items() and re.fullmatch("[0-9a-f]{24}", answer["_id"]), answer


def upload_file(facility, path):
    part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    body = part % (b"title", b"", b"about") + part % (b"any", b'; filename="photo.png"', PNG) + b"--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with urllib.request.urlopen(urllib.request.Request(facility.url + path, body, headers)) as answer:
        return answer.status, json.load(answer)


def check_refusals(api, facility, alice, dan):
    """Every failure is a sentence, and its status is the one that clients know."""
    get, post = "logbook_session_id_event_get", "logbook_session_id_event_post"
    embargo, released = str(facility.embargo), str(facility.released)
    api.refused(401, "", get, session_id="nobody", investigation_id=embargo)
    api.refused(403, "", get, session_id=dan, investigation_id=embargo)
    api.refused(403, "", get, session_id=alice, instrument_name="BL07")
    api.refused(400, "investigationId must be a number", get, session_id=alice, investigation_id="abc")
    api.refused(400, "date must be a day", get, session_id=alice, investigation_id=embargo, var_date="x")
    api.refused(400, "format", get, session_id=alice, investigation_id=embargo, format="docx")
    api.refused(422, "closed", post, session_id=alice, investigation_id=released, event=build_event("x"))
    api.refused(403, "", post, session_id=dan, investigation_id=embargo, event=build_event("x"))
    place = {"session_id": alice, "investigation_id": embargo}
    # All bodies are optional in the interface.
    for name in (post, "logbook_session_id_event_put", "logbook_session_id_events_patch", "logbook_session_id_tag_post",
                 "logbook_session_id_event_createfrombase64_post"):
        api.refused(400, "", name, **place)
    api.refused(400, "", "dataacquisition_api_key_notification_post", api_key=KEY)
    api.refused(401, "", "dataacquisition_api_key_notification_post", api_key="wrong", event=build_event("x"))
    api.refused(403, "", "dataacquisition_api_key_notification_post", api_key=alice, event=build_event("x"))
    api.refused(400, "", "dataacquisition_api_key_events_move_post", api_key=KEY, source_investigation_id=1, destination_investigation_id=1)
    api.refused(404, "", "logbook_session_id_tag_put", **place, tag_id="665f1c2ab7d0e84c1a2b0001", tag=plus.Tag(name="x"))
    api.refused(404, "", "resource_session_id_file_download_get", session_id=alice, resource_id="665f1c2ab7d0e84c1a2b0001")
    large = plus.DataacquisitionApiKeyBase64PostRequest(base64="data:a/b;base64," + "A" * 600_000)
    name = "dataacquisition_api_key_base64_post"
    api.refused(413, "over", name, api_key=KEY, **{name + "_request": large})
    assert facility.request("GET", "/messages?type=INFORMATION")[0] == 200, "a banner needs no session"


def check_pyicat_plus(api, facility, alice, carol):
    """Messages of every type, data and files, as beamline programs send them."""
    client = IcatElogbookClient(facility.url, api_key=KEY, tags=["py"], timeout=10)
    kinds = {
        "comment": ("comment", "annotation"), "info": ("info", "notification"), "debug": ("debug", "notification"),
        "warning": ("error", "notification"), "error": ("error", "notification"), "critical": ("error", "notification"),
        "fatal": ("error", "notification"), "command": ("commandline", "notification"), None: ("comment", "annotation"),
    }
    place = {"beamline": "BL07", "proposal": "ZZ/123"}
    for kind in kinds:
        client.send_message(f"kind {kind}", kind, **place, dataset="scan_0003", tags=["more"])
    client.send_message("<b>kind</b> html", mimetype="text/html", investigation_id=str(facility.embargo), **place)
    client.send_message("kind formatted", formatted=True, **place)
    client.send_binary_data(b"123", "application/x-thing", **place, datasetId=9001)
    client.send_binary_data(PNG, "image/png", **place)
    path = facility.dir / "note.txt"
    path.write_text("kind file")
    client.send_text_file(str(path), **place)
    client.send_binary_file(str(path), **place)
    IcatElogbookClient(facility.url, api_key=KEY, type="broadcast", source="ebs").send_message("kind broadcast", "error")
    list = lambda **query: api("logbook_session_id_event_get", session_id=alice, **query)[1]  # noqa: E731
    found = {e["content"][0]["text"]: e for e in list(investigation_id=str(facility.embargo), tags="py", search="kind")}
    for kind, (category, type) in kinds.items():
        check_fields(found[f"kind {kind}"], category=category, type=type, datasetName="scan_0003", investigationName="ZZ/123")
        check_fields(found[f"kind {kind}"], tag=[{"name": "py"}, {"name": "more"}], software="pyicat-plus_v3.1.0")
    check_fields(found["kind formatted"], type="notification", category="comment")
    check_fields(found["<b>kind</b> html"], content=[{"format": "html", "text": "<b>kind</b> html"}])
    assert "kind file" in found and len(found) == len(kinds) + 3, found.keys()
    files = list(investigation_id=str(facility.embargo), tags="py", types="attachment")
    assert sorted(e["fileSize"] for e in files) == sorted([3, len(PNG), 9]), files
    assert [e["content"][0]["text"] for e in list(types="broadcast", search="kind")] == ["kind broadcast"]


def check_verify_command(facility, session):
    """The command needs nothing but the export, and finds a changed letter."""
    path = facility.dir / "records.jsonl"
    status, _, records = facility.request("GET", f"/logbook/{session}/records", {"investigationId": facility.embargo})
    assert status == 200, records
    path.write_bytes(records)
    found = facility.json("logbook", "verify", path)
    assert found["records"] == len(records.splitlines()) - 1 and found["book"] == f"investigation/{facility.embargo}", found
    # An open logbook has no signature, and whoever asks for one is told.
    keys = facility.dir / "keys.json"
    keys.write_bytes(facility.request("GET", "/logbook/keys")[2])
    done = facility.run("logbook", "verify", path, "--keys", keys, check=False)
    assert done.returncode == 1 and "none of these keys has signed it" in done.stderr, done
    path.write_bytes(records.replace(b"Refill", b"refill", 1))
    done = facility.run("logbook", "verify", path, check=False)
    assert done.returncode == 1 and "record 1 has been changed" in done.stderr, done
    print("undulator logbook verify: %d exported records are whole, and a changed one is found" % found["records"])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--messages", type=int, default=2_000)
    messages = options.parse_args().messages
    with Facility() as facility:
        alice, carol, dan, admin = (facility.login(f"simple/{name}") for name in ("alice", "carol", "dan", "admin"))
        api = Client(facility.url)
        changed, photo = people_write(api, facility, alice)
        people_read(api, facility, alice, changed, photo)
        programs_write(api, facility, alice, carol)
        check_other_operations(api, facility, alice, admin)
        check_refusals(api, facility, alice, dan)
        missing = api.operations.keys() - api.called
        assert not missing, missing
        print(f"{len(api.called)} operations")
        check_pyicat_plus(api, facility, alice, carol)
        print("pyicat-plus: messages of every type, data and files")
        check_many_messages(facility, carol, messages)
        print("%d records in %d logbooks: the chains are whole" % check_chains(facility.rows))
        check_verify_command(facility, alice)


if __name__ == "__main__":
    main()
