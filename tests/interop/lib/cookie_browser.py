"""A browser without a screen: keeps cookies, follows redirects, fills in forms. Unlike one, it sends `Secure` cookies to
addresses of this machine without TLS, as browsers do to `localhost`."""

import html.parser
import http.client
import urllib.parse

REDIRECTS = (301, 302, 303, 307, 308)


class Answer:
    def __init__(self, url, response):
        self.url, self.status, self.headers = url, response.status, response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    def location(self):
        return urllib.parse.urljoin(self.url, self.headers["location"])


class CookieBrowser:
    def __init__(self):
        # By host, path and name. Ports have no cookies of their own.
        self.cookies = {}

    def request(self, method, url, form=None, headers=None, data=None):
        """One request, whatever the answer is."""
        parts = urllib.parse.urlsplit(url)
        headers = {**(headers or {})}
        if form is not None:
            data = urllib.parse.urlencode(form, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if cookies := self.find_cookies(parts):
            headers["Cookie"] = cookies
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), data, headers)
            answer = Answer(url, connection.getresponse())
        finally:
            connection.close()
        for line in answer.headers.get_all("set-cookie") or ():
            self.store_cookie(parts, line)
        return answer

    def find_cookies(self, parts):
        found = [(path, f"{name}={value}") for (host, path, name), value in self.cookies.items()
                 if host == parts.hostname and (parts.path == path or parts.path.startswith(path.rstrip("/") + "/"))]
        return "; ".join(cookie for _, cookie in sorted(found, key=lambda one: -len(one[0])))

    def store_cookie(self, parts, line):
        first, *attributes = line.split(";")
        name, _, value = first.strip().partition("=")
        attributes = {key.strip().lower(): text.strip() for key, _, text in (one.partition("=") for one in attributes)}
        path = attributes.get("path") or parts.path.rpartition("/")[0] or "/"
        if attributes.get("max-age") == "0" or "1970" in attributes.get("expires", "") or not value:
            self.cookies.pop((parts.hostname, path, name), None)
        else:
            self.cookies[parts.hostname, path, name] = value

    def follow(self, answer, stop_at=None):
        """Goes where redirects lead, but not to addresses that begin with `stop_at`: these are the result."""
        for _ in range(20):
            if answer.status not in REDIRECTS or stop_at and answer.location().startswith(stop_at):
                return answer
            answer = self.request("GET", answer.location())
        raise AssertionError(f"too many redirects, the last to {answer.location()}")

    def open(self, url, stop_at=None):
        return self.follow(self.request("GET", url), stop_at)

    def submit(self, answer, stop_at=None, button=None, **fields):
        """The first form of a page with these values; `button` is the name and value of the one that is pressed."""
        form = FormReader.read(answer.text)
        values = {**form.values, **fields, **dict([button] if button else [])}
        target = urllib.parse.urljoin(answer.url, form.action)
        return self.follow(self.request("POST", target, values), stop_at)


class FormReader(html.parser.HTMLParser):
    """Where the first form of a page goes, and the values that it has."""

    @classmethod
    def read(cls, text):
        reader = cls()
        reader.feed(text)
        assert reader.action is not None, f"no form in {text}"
        return reader

    def __init__(self):
        super().__init__()
        self.action, self.values, self.is_open = None, {}, False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action, self.is_open = attributes.get("action", ""), True
        elif tag == "input" and self.is_open and attributes.get("name"):
            if attributes.get("type") in ("checkbox", "radio") and "checked" not in attributes:
                return
            self.values.setdefault(attributes["name"], attributes.get("value") or "")

    def handle_endtag(self, tag):
        self.is_open = self.is_open and tag != "form"
