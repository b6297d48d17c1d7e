"""What holds for everybody who comes to the logbook's page: who is let in, the keyboard, the dark, a phone, no script at all."""

import re

from playwright.sync_api import expect

from logbook_page import (
    FOCUS,
    SUBMIT,
    find_article,
    find_accessibility_faults,
    write_by_api,
    write_by_program,
    choose_mode,
    fill_login,
    log_in,
    open_logbook,
    open_window,
    write_markdown,
)  # fmt: skip

EVIL = "<form method=post action=URL><input name=mode value=markdown><input name=text value='from elsewhere'></form>"


class Everybody:
    """The facility, a browser, and alice's and carol's windows on one logbook."""

    def __init__(self, facility, browser, is_thorough):
        self.facility, self.browser, self.is_thorough = facility, browser, is_thorough
        self.session, self.carols = (facility.login(f"simple/{name}") for name in ("alice", "carol"))
        self.place = f"investigation/{facility.embargo}"
        self.book = f"/logbook/app/{self.place}"
        self.page, self.other = log_in(browser, "simple/alice"), log_in(browser, "simple/carol")

    def windows(self):
        for page in (self.page, self.other):
            open_logbook(page, self.facility, self.place)
        return self.page, self.other

    def api(self, text, **more):
        return write_by_api(self.facility, self.session, text, **more)

    def login(self):
        """A wrong password is told, the right one leads to where one wanted to go; the cookie is for the pages of this host, and no script."""
        page = open_window(self.browser)
        page.goto(f"{self.facility.url}{self.book}?tags=a")
        fill_login(page, "simple/alice", "wrong")
        expect(page.get_by_role("alert")).to_contain_text("wrong")
        assert not page.context.cookies()
        # The catalogue knows people by names that say the way.
        page.locator("[name=username]").fill("simple/alice")
        page.locator("[name=password]").fill(self.facility.passwords["simple/alice"])
        page.locator("[name=password]").press("Enter")
        expect(page.locator("h1")).to_have_text("ZZ/123")
        assert page.url == f"{self.facility.url}{self.book}?tags=a", page.url
        (cookie,) = page.context.cookies()
        about = {key: cookie[key] for key in ("httpOnly", "sameSite", "path")}
        assert about == {"httpOnly": True, "sameSite": "Lax", "path": "/"}, about
        assert page.evaluate("document.cookie") == ""
        page.context.close()

    def refusing(self):
        """A closed logbook says so; an outsider is told; a form of another origin is refused, wherever it comes from."""
        facility = self.facility
        open_logbook(self.page, facility, f"investigation/{facility.released}")
        expect(self.page.locator("main")).to_contain_text("closed")
        expect(self.page.locator("#write")).to_have_count(0)
        dan = log_in(self.browser, "simple/dan")
        assert dan.goto(facility.url + self.book).status == 403
        expect(dan.locator("h1")).to_be_visible()
        expect(dan.locator("body")).to_contain_text(re.compile("not allowed|may not", re.I))
        # Another port is another origin of the same site: the cookie comes along, and still it is refused.
        page, _ = self.windows()
        elsewhere = "http://127.0.0.1:9/form"
        page.route(elsewhere, lambda route: route.fulfill(content_type="text/html", body=EVIL.replace("URL", facility.url + self.book)))
        page.goto(elsewhere)
        with page.expect_navigation() as answer:
            page.evaluate("document.forms[0].submit()")
        assert answer.value.status == 403 and "undulator-session" in answer.value.request.all_headers()["cookie"]
        (cookie,) = page.context.cookies()
        for path in (self.book, "/logbook/app/login", "/logbook/app/logout", f"{self.book}/entry/{self.api('Kept')}"):
            form = {"mode": "markdown", "text": "from elsewhere", "plugin": "simple", "username": "alice", "version": "1"}
            for headers in ({"Origin": "http://elsewhere.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
                headers |= {"Cookie": f"undulator-session={cookie['value']}"}
                status, _, _ = facility.request("POST", path, form=form, headers=headers)
                assert status == 403, (path, headers, status)
        open_logbook(page, facility, self.place)
        expect(find_article(page, "from elsewhere")).to_have_count(0)
        # From the refusal there is a way on.
        expect(dan.get_by_role("link", name="Logbook")).to_be_visible(timeout=3_000)
        dan.context.close()

    def leaving(self):
        """After logging out the session is over; the session id stood in no address."""
        page = log_in(self.browser, "simple/alice", self.book)
        (cookie,) = page.context.cookies()
        expect(page.locator("#entries[data-connected]")).to_be_attached()
        assert cookie["value"] not in page.content()
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("[name=password]")).to_be_visible()
        assert not page.context.cookies()
        status, _, _ = self.facility.request("GET", self.book + "/entries?ids=x", headers={"Cookie": f"undulator-session={cookie['value']}"})
        assert status == 401, status
        page.go_back()
        expect(page.locator("[name=password]")).to_be_visible()
        addresses = page.addresses + self.page.addresses + self.other.addresses
        secrets = [cookie["value"], *(each["value"] for p in (self.page, self.other) for each in p.context.cookies())]
        assert not [a for a in addresses if any(secret in a for secret in secrets)] and all(secrets)
        assert not [a for a in addresses if not a.startswith((self.facility.url, "data:", "http://127.0.0.1:9/"))], addresses
        page.context.close()

    def keyboard(self):
        """The first stop leads past the head; Tab reaches everything; Ctrl+Enter sends, "/" searches, "n" writes."""
        page, _ = self.windows()
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.locator("body").evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0) }")
        reached = []
        for _ in range(200):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUS)
            if at is None:
                break
            assert at["seen"], f"nobody sees that {at['name']} has the focus"
            reached.append(at["where"])
        order = list(dict.fromkeys(reached))
        assert {"#write", "#find", "#export", "#entries"} <= set(order), order
        assert order.index("#write") < order.index("#find") < order.index("#entries"), order
        page.locator("#entries article a").first.focus()
        page.keyboard.press("n")
        expect(page.locator("#write [name=text]")).to_be_focused()
        page.keyboard.type("By keyboard /alone n")
        page.keyboard.press("Control+Enter")
        expect(find_article(page, "By keyboard /alone n")).to_be_visible()
        expect(page.locator("#write [name=text]")).to_be_focused()
        page.locator("#entries article a").first.focus()
        page.keyboard.press("/")
        expect(page.locator("#find [name=search]")).to_be_focused()
        choose_mode(page, "html")
        page.locator("#entries article a").first.focus()
        page.keyboard.press("n")
        expect(page.locator("#rich")).to_be_focused(timeout=3_000)

    def accessible(self):
        """By axe, light and dark, wide and narrow: every kind of page."""
        found = []
        table = "|" + " a column |" * 30 + "\n|" + "---|" * 30 + "\n|" + " 1 |" * 30
        page, _ = self.windows()
        write_markdown(page, f"{table}\n\n    {'code ' * 60}\n\n{'x' * 300}\n\nhttps://example.org/{'y' * 200}\n\n[a link](https://example.org)\n\n> quoted", "wide")
        write_markdown(page, table.replace("a column", "a title"), "wide")
        id = find_article(page, "a column").get_attribute("data-entry")
        write_by_program(self.facility, "An error", "error")
        places = ["", self.place, f"{self.place}?search=column", f"{self.place}/entry/{id}", "instrument/BL07", "facility/all",
                  "find?search=column", f"investigation/{self.facility.released}", f"{self.place}?tags=nothing"]  # fmt: skip
        looks = [("light", 1280), ("dark", 400), ("light", 400), ("dark", 1280)]
        for scheme, width in looks if self.is_thorough else looks[:2]:
            size = {"width": width, "height": 900}
            page = open_window(self.browser, color_scheme=scheme, viewport=size)
            page.goto(self.facility.url + "/logbook/app")
            fill_login(page, "simple/alice", "wrong")
            expect(page.get_by_role("alert")).to_be_visible()
            found += find_accessibility_faults(page, f"login, {scheme}, {width} px")
            fill_login(page, "simple/alice", self.facility.passwords["simple/alice"])
            expect(page.get_by_role("button", name="Log out")).to_be_visible()
            for place in places:
                page.goto(f"{self.facility.url}/logbook/app/{place}".rstrip("/"))
                page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
                if page.locator("#write").count():
                    choose_mode(page, "html")
                found += find_accessibility_faults(page, f"{place or 'home'}, {scheme}, {width} px")
            page.context.close()
        page = log_in(self.browser, "simple/dan")
        page.goto(self.facility.url + self.book)
        found += find_accessibility_faults(page, "refused")
        page.context.close()
        places = {what: [place for other, place in found if other == what] for what, _ in found}
        assert not found, "\n".join(f"{what}: {len(at)} times, first {at[0]}" for what, at in places.items())

    def without_script(self):
        """Log in, write, search, change, log out by forms alone."""
        page = log_in(self.browser, "simple/alice", self.book, java_script_enabled=False)
        page.locator("summary", has_text="Write an entry").click()
        page.locator("#write [name=text]").fill("Without a **script**")
        page.locator("#write [name=tags]").fill("plain")
        page.locator(f"#write {SUBMIT}").click()
        entry = find_article(page, "Without a script")
        expect(entry.locator("strong")).to_have_text("script")
        page.locator("summary", has_text="Search").click()
        page.locator("#find [name=search]").fill("without script")
        page.locator("#find button").click()
        expect(entry.locator("mark")).not_to_have_count(0)
        entry.locator(".when").click()
        page.locator("summary").click()
        expect(page.locator("#change [name=tags]")).to_have_value("plain")
        page.locator("#change [name=text]").fill("Without any script")
        page.locator(f"#change {SUBMIT}").click()
        expect(page.locator("main > article")).to_contain_text("Without any script")
        # Who comes second is told, and what they wrote stays in the form.
        page.locator("summary").click()
        page.locator("#change [name=version]").evaluate("field => field.value = 1")
        page.locator("#change [name=text]").fill("Too late")
        page.locator(f"#change {SUBMIT}").click()
        expect(page.get_by_role("alert")).to_contain_text("changed this entry meanwhile")
        expect(page.locator("#change [name=text]")).to_have_value("Too late")
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("[name=password]")).to_be_visible()
        page.context.close()
