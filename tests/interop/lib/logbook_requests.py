"""A logbook as somebody who may do everything with it asks for it over HTTP."""

import json
import urllib.request
import uuid


def upload_file(facility, path, name, content):
    """The entry of a file from a page's form, or the status and text of a refusal."""
    boundary = uuid.uuid4().hex
    # As browsers write names.
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\nContent-Type: text/html\r\n\r\n'
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(facility.url + path, data=body, method="POST", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


class Book:
    """A logbook as somebody who may do everything with it sees it."""

    def __init__(self, facility, session, id):
        self.facility, self.session, self.id = facility, session, id

    def path(self, rest):
        return f"/logbook/{self.session}/{rest}{'&' if '?' in rest else '?'}investigationId={self.id}"

    def send(self, method, rest, body=None):
        status, text = self.facility.send(method, self.path(rest), body)
        assert status == 200, (rest, status, text)
        return json.loads(text)

    def write(self, text, format="html", **more):
        return self.send("POST", "event", {"type": "annotation", "category": "comment", "content": [{"format": format, "text": text}], **more})

    def attach(self, name, content):
        return upload_file(self.facility, f"/resource/{self.session}/file/upload?investigationId={self.id}", name, content)

    def count(self):
        return self.send("GET", "event/count")

    def export(self, format, more=""):
        status, headers, body = self.facility.request("GET", self.path(f"event?format={format}{more}"))
        assert status == 200 and headers["x-content-type-options"] == "nosniff", (format, status, body[:300])
        return headers, body

    def take(self, archive):
        """Imports it: status and answer."""
        status, _, body = self.facility.request("POST", self.path("import"), data=archive)
        return status, json.loads(body) if status == 200 else body.decode()


def create_investigation(facility, name):
    """One more, whose id it is."""
    (kind,), (place,) = (facility.search(facility.root, f"SELECT x.id FROM {x} x") for x in ("InvestigationType", "Facility"))
    new = {"name": name, "visitId": "1", "title": name, "facility": {"id": place}, "type": {"id": kind}}
    return facility.create("Investigation", {**new, "startDate": "2026-01-01T00:00:00Z", "releaseDate": "2099-01-01T00:00:00Z"})[0]["id"]
