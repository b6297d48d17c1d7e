#!/usr/bin/env python3
"""Each service called by a page of another origin in Chromium, with the documented credentials: what an allowed origin may read,
refusals included, and what another one may not.

    tests/interop/suite/test_cors_in_browser.py
"""

# needs: browser

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from suite import use_installed_packages

use_installed_packages()

from playwright.sync_api import sync_playwright

from browser import launch_chromium, serve_page
from demo_server import Demo

PAGE = "<!doctype html><meta charset=utf-8><title>a portal</title>"
# Status and readable headers, or that the browser kept the answer from the page.
CALL = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options)
        return {status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text()}
    } catch (error) {
        return {status: 0, headers: {}, body: String(error)}
    }
}"""


class Page:
    def __init__(self, browser, origin, url):
        self.url = url
        self.page = browser.new_context().new_page()
        self.page.goto(origin)

    def call(self, method, path, bearer=None, headers=None, body=None):
        headers = dict(headers or {})
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        options = {"method": method, "headers": headers}
        if body is not None:
            options["body"] = body if isinstance(body, str) else json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        return self.page.evaluate(CALL, [self.url + path, options])


def check_everybody(page, demo, session, datafile):
    """What replaces icat.server and ids.server lets every page in."""
    answer = page.call("GET", "/icat/entityManager?query=SELECT+i.name+FROM+Investigation+i", session)
    assert answer["status"] == 200 and "MX-2417" in answer["body"], answer
    assert answer["headers"].get("x-request-id"), answer
    assert page.call("GET", "/icat/entityManager?query=SELECT+i.name+FROM+Investigation+i", "wrong")["status"] == 403
    assert page.call("GET", "/icat/nothing-here", session)["status"] in (404, 501)
    size = page.call("GET", f"/ids/getSize?datafileIds={datafile}", session)
    assert size["status"] == 200 and int(size["body"]) > 10, size
    part = page.call("GET", f"/ids/getData?datafileIds={datafile}", session, {"Range": "bytes=0-9"})
    assert part["status"] == 206 and part["headers"].get("content-range", "").startswith("bytes 0-9/"), part
    assert "content-disposition" in part["headers"] and "etag" in part["headers"], part
    assert page.call("GET", f"/ids/getData?datafileIds={datafile}", "wrong")["status"] in (400, 401, 403)


def own_calls(page, demo, session, investigation):
    """What is let in where `http.cors.allowed_origins` says so; the status of each call."""
    wrong = {"plugin": "db", "username": "alice", "password": "wrong"}
    right = {**wrong, "password": demo.passwords["db/alice"]}
    book = f"/logbook/-/event?investigationId={investigation}"
    calls = [
        ("token", page.call("POST", "/auth/v1/token", session), 200),
        ("token refused", page.call("POST", "/auth/v1/token", "wrong"), 401),
        ("token by password", page.call("POST", "/auth/v1/token", body=right), 200),
        ("wrong password", page.call("POST", "/auth/v1/token", body=wrong), (401, 403)),
        ("keys", page.call("GET", "/.well-known/jwks.json"), 200),
        ("session", page.call("POST", "/session", body=right), 200),
        ("session refused", page.call("POST", "/session", body=wrong), (401, 403)),
        ("entries", page.call("GET", f"{book}&limit=1", session), 200),
        ("entries refused", page.call("GET", book, "wrong"), (401, 403)),
        ("entry written", page.call("POST", f"/logbook/-/event?investigationId={investigation}", session,
                                    {"Idempotency-Key": "cors-1"}, {"type": "annotation", "category": "comment", "content": [
                                        {"format": "plainText", "text": "written by a page of another origin"}]}), (200, 201)),
        ("unknown address", page.call("GET", "/logbook/-/nothing-here", session), (404, 405)),
    ]
    return calls


def main():
    friend, stranger = serve_page(PAGE), serve_page(PAGE)
    with Demo() as demo, sync_playwright() as driver:
        demo.env["UNDULATOR_HTTP__CORS__ALLOWED_ORIGINS"] = json.dumps([friend])
        demo.start("--quiet-beamline")
        session = demo.login("db/alice")
        (investigation,) = demo.search(session, "SELECT i.id FROM Investigation i WHERE i.name = 'MX-2417'")
        datafile = demo.search(session, "SELECT df.id FROM Datafile df WHERE df.fileSize > 10 LIMIT 0, 1")[0]
        browser = launch_chromium(driver)
        friends, strangers = Page(browser, friend, demo.url), Page(browser, stranger, demo.url)
        for page in (friends, strangers):
            check_everybody(page, demo, session, datafile)
        for name, answer, status in own_calls(friends, demo, session, investigation):
            allowed = status if isinstance(status, tuple) else (status,)
            assert answer["status"] in allowed, (name, answer)
            assert answer["headers"].get("x-request-id"), (name, answer)
        count = demo.count(session, investigationId=investigation, search="written by a page of another origin")
        assert count == 1, f"{count} entries: the control"
        refused = own_calls(strangers, demo, session, investigation)
        assert all(answer["status"] == 0 for _, answer, _ in refused), refused
        assert demo.count(session, investigationId=investigation, search="written by a page of another origin") == count
        browser.close()
        print(f"icat and ids let two origins in; {len(refused)} calls of the others one of two")


if __name__ == "__main__":
    main()
