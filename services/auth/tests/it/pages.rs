//! The pages of accounts and of administrators, with the embedded catalogue.

use auth::Accounts;
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Client, Response, redirect};
use serde_json::json;
use service_kit::ServiceDef;
use testkit::{TestApp, recorder};

use crate::client::{PASSWORD, list_audit_rows, open_accounts};

const SERVICES: [ServiceDef; 3] = [auth::SERVICE, icat::SERVICE, recorder::SERVICE];
const ADMINISTRATOR: &str = "db/boss";

struct Site {
    app: TestApp,
    accounts: Accounts,
    browser: Client,
}

impl Site {
    async fn start() -> Self {
        let settings = format!("[identity]\nadministrators = [\"{ADMINISTRATOR}\"]\n");
        let app = TestApp::start(&SERVICES, &settings).await;
        let accounts = open_accounts(&app).await;
        for name in [ADMINISTRATOR, "db/alice"] {
            accounts.create_account(&accounts.parse_name(name).unwrap(), PASSWORD).await.unwrap();
        }
        let browser = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { app, accounts, browser }
    }

    async fn send_form(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Response {
        let request = self.browser.post(format!("{}/auth/app{path}", self.app.public)).header("cookie", cookie);
        request.form(form).send().await.unwrap()
    }

    async fn get_page(&self, path: &str, cookie: &str) -> (u16, String) {
        let request = self.browser.get(format!("{}/auth/app{path}", self.app.public)).header("cookie", cookie);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The cookie of a login on the page.
    async fn log_in(&self, name: &str, password: &str) -> Result<String, u16> {
        let answer =
            self.send_form("/login", "", &[("plugin", "db"), ("username", name), ("password", password)]).await;
        let cookie = answer.headers().get(SET_COOKIE).map(|value| value.to_str().unwrap().to_owned());
        match cookie.filter(|_| answer.status() == 303) {
            Some(cookie) => Ok(cookie.split(';').next().unwrap().to_owned()),
            None => Err(answer.status().as_u16()),
        }
    }

    /// Where a form leads.
    async fn submit_change(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> String {
        let answer = self.send_form(path, cookie, form).await;
        assert_eq!(answer.status(), 303, "{path}: {}", answer.text().await.unwrap());
        answer.headers()[LOCATION].to_str().unwrap().to_owned()
    }

    async fn stop(self) {
        self.accounts.close().await;
        self.app.stop().await;
    }
}

#[tokio::test]
async fn administrators_change_accounts_and_others_do_not() {
    let site = Site::start().await;
    let boss = site.log_in("boss", PASSWORD).await.unwrap();
    let alice = site.log_in("alice", PASSWORD).await.unwrap();
    let login =
        site.browser.get(format!("{}/auth/app/admin/logins?user=db/alice", site.app.public)).send().await.unwrap();
    assert_eq!(login.headers()[LOCATION], "/auth/app?next=%2Fauth%2Fapp%2Fadmin%2Flogins%3Fuser%3Ddb%2Falice");
    let forms = ["/admin/accounts", "/admin/accounts/lock", "/admin/accounts/password", "/admin/logins/end"];
    let form =
        [("account", "db/boss"), ("mechanism", "db"), ("name", "mallory"), ("password", PASSWORD), ("user", "db/boss")];
    for cookie in ["", &alice] {
        let refused = if cookie.is_empty() { 401 } else { 403 };
        for path in ["/admin", "/admin/logins"] {
            let status = site.get_page(path, cookie).await.0;
            assert_eq!(status, if cookie.is_empty() { 303 } else { 403 }, "{path}");
        }
        for path in forms {
            assert_eq!(site.send_form(path, cookie, &form).await.status(), refused, "{path}");
        }
    }
    let foreign = site.browser.post(format!("{}/auth/app/admin/accounts/lock", site.app.public)).form(&form);
    let foreign = foreign.header("cookie", &boss).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(foreign.status(), 403, "a page of another site");

    let page = site.get_page("/admin", &boss).await.1;
    assert!(page.contains("db&#x2f;alice") && !page.contains("mallory"), "{page}");
    let new = |password| [("mechanism", "db"), ("name", "carol"), ("password", password)];
    let short = site.send_form("/admin/accounts", &boss, &new("short")).await;
    assert_eq!(short.status(), 422);
    assert!(short.text().await.unwrap().contains("at least 12 are needed"));
    assert_eq!(site.submit_change("/admin/accounts", &boss, &new(PASSWORD)).await, "/auth/app/admin?done=created");
    let twice = site.send_form("/admin/accounts", &boss, &new(PASSWORD)).await;
    assert_eq!(twice.status(), 422);
    let carol = [("account", "db/carol")];
    assert!(site.log_in("carol", PASSWORD).await.is_ok());
    site.submit_change("/admin/accounts/lock", &boss, &carol).await;
    assert_eq!(site.log_in("carol", PASSWORD).await, Err(403));
    assert!(site.get_page("/admin?search=CAROL", &boss).await.1.contains("locked since"));
    site.submit_change("/admin/accounts/unlock", &boss, &carol).await;
    let other = "only in tests, and another one";
    site.submit_change("/admin/accounts/password", &boss, &[carol[0], ("password", other)]).await;
    assert_eq!(site.log_in("carol", PASSWORD).await, Err(403));
    assert!(site.log_in("carol", other).await.is_ok());
    site.submit_change("/admin/accounts/remove", &boss, &carol).await;
    assert_eq!(site.log_in("carol", other).await, Err(403));
    let own = site.send_form("/admin/accounts/remove", &boss, &[("account", ADMINISTRATOR)]).await;
    assert_eq!(own.status(), 409, "nobody removes themselves by mistake");
    let unknown = site.send_form("/admin/accounts/lock", &boss, &[("account", "db/nobody")]).await;
    assert_eq!(unknown.status(), 422);

    let rows = list_audit_rows(&site.app).await;
    let by_boss = rows.iter().filter(|row| row.actor.as_deref() == Some(ADMINISTRATOR));
    let changes: Vec<_> = by_boss.map(|row| (row.reason.as_str(), row.address.is_some())).collect();
    let expected = ["created", "locked", "unlocked", "password_set", "removed"].map(|reason| (reason, true));
    assert_eq!(changes, expected);
    site.app.drain().await;
    site.stop().await;
}

#[tokio::test]
async fn administrators_create_keys_which_are_shown_once() {
    let site = Site::start().await;
    let boss = site.log_in("boss", PASSWORD).await.unwrap();
    let alice = site.log_in("alice", PASSWORD).await.unwrap();
    let form = [
        ("name", "beamline"),
        ("user", "db/alice"),
        ("scope-logbook:write", "yes"),
        ("instruments", "ID29, ID30"),
        ("expires", "2026-03-01"),
    ];
    assert_eq!(site.get_page("/admin/keys", &alice).await.0, 403);
    assert_eq!(site.send_form("/admin/keys", &alice, &form).await.status(), 403);
    assert_eq!(site.send_form("/admin/keys/revoke", &alice, &[("id", "x")]).await.status(), 403);
    for (wrong, reason) in
        [(&form[..2], "needs a day"), (&form[..4], "needs a day"), (&[form[0], form[1], form[4]], "at least one scope")]
    {
        let refused = site.send_form("/admin/keys", &boss, wrong).await;
        assert_eq!(refused.status(), 422);
        let page = refused.text().await.unwrap();
        assert!(page.contains(reason) && page.contains("value=\"beamline\""), "{page}");
    }
    let created = site.send_form("/admin/keys", &boss, &form).await;
    assert_eq!((created.status().as_u16(), &created.headers()["cache-control"]), (201, &"no-store".parse().unwrap()));
    let page = created.text().await.unwrap();
    let key = page.split("<code class=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let resolve = async || {
        let request = site.app.http.post(format!("{}/api-keys/resolve", site.app.internal)).bearer_auth(&key);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(resolve().await, 200);
    let listed = site.get_page("/admin/keys", &boss).await.1;
    assert!(
        listed.contains("ID29, ID30") && listed.contains("created by db&#x2f;boss") && !listed.contains(&key),
        "{listed}"
    );
    let id = listed.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(
        site.submit_change("/admin/keys/revoke", &boss, &[("id", id)]).await,
        "/auth/app/admin/keys?done=revoked"
    );
    assert_eq!(resolve().await, 401);
    assert_eq!(site.send_form("/admin/keys/revoke", &boss, &[("id", "x")]).await.status(), 404);
    site.app.drain().await;
    site.stop().await;
}

#[tokio::test]
async fn logins_are_ended_by_their_user_and_by_administrators() {
    let site = Site::start().await;
    let boss = site.log_in("boss", PASSWORD).await.unwrap();
    let (first, second) =
        (site.log_in("alice", PASSWORD).await.unwrap(), site.log_in("alice", PASSWORD).await.unwrap());
    let find_id = |page: &str| {
        let (_, rest) = page.split_once("name=\"id\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let page = site.get_page("", &first).await.1;
    assert!(page.contains("this page") && page.matches("name=\"id\"").count() == 1, "{page}");
    let of_boss = find_id(&site.get_page("/admin/logins?user=db/boss", &boss).await.1);
    site.submit_change("/logins/end", &first, &[("id", of_boss.as_str())]).await;
    assert_eq!(site.get_page("/admin", &boss).await.0, 200, "nobody ends the logins of others");
    site.submit_change("/logins/end", &first, &[("id", find_id(&page).as_str())]).await;
    assert!(!site.get_page("", &second).await.1.contains("Log out"), "it has ended");
    assert!(site.get_page("", &first).await.1.contains("Log out"));

    let listed = site.get_page("/admin/logins?user=db/alice", &boss).await.1;
    assert_eq!(listed.matches("name=\"id\"").count(), 1);
    site.submit_change("/admin/logins/end", &boss, &[("id", find_id(&listed).as_str()), ("user", "db/alice")]).await;
    assert!(!site.get_page("", &first).await.1.contains("Log out"));
    let direct = json!({"plugin": "db", "credentials": [{"username": "alice"}, {"password": PASSWORD}]}).to_string();
    let url = format!("{}/icat/session", site.app.public);
    let opened = site.app.http.post(&url).form(&[("json", direct)]).send().await.unwrap();
    let opened: serde_json::Value = opened.json().await.unwrap();
    let session = opened["sessionId"].as_str().unwrap();
    let third = site.log_in("alice", PASSWORD).await.unwrap();
    let end_all = site.submit_change("/admin/logins/end", &boss, &[("user", "db/alice")]).await;
    assert_eq!(end_all, "/auth/app/admin/logins?done=all&user=db%2Falice");
    assert!(!site.get_page("", &third).await.1.contains("Log out"));
    site.app.drain().await;
    assert_eq!(site.app.http.get(format!("{url}/{session}")).send().await.unwrap().status(), 403, "at ICAT, too");
    assert_eq!(site.get_page("/admin", &boss).await.0, 200);
    let ended = list_audit_rows(&site.app).await.into_iter().filter(|row| row.reason == "ended_by_administrator");
    assert_eq!(ended.count(), 2);
    site.stop().await;
}

#[tokio::test]
async fn people_end_all_their_other_logins() {
    let site = Site::start().await;
    let boss = site.log_in("boss", PASSWORD).await.unwrap();
    let alone = site.log_in("alice", PASSWORD).await.unwrap();
    assert!(!site.get_page("", &alone).await.1.contains("End all others"), "there are none");
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(site.log_in("alice", PASSWORD).await.unwrap());
    }
    assert!(site.get_page("", &alone).await.1.contains("End all others"));
    assert_eq!(site.send_form("/logins/end-others", "", &[]).await.status(), 401);
    let ended = site.submit_change("/logins/end-others", &alone, &[]).await;
    assert_eq!(ended, "/auth/app?done=logins-ended");
    for cookie in &others {
        assert!(!site.get_page("", cookie).await.1.contains("Log out"), "it has ended");
    }
    for cookie in [&alone, &boss] {
        assert!(site.get_page("", cookie).await.1.contains("Log out"));
    }
    let rows = list_audit_rows(&site.app).await;
    assert_eq!(rows.iter().filter(|row| row.reason == "ended_elsewhere").count(), 3);
    site.app.drain().await;
    site.stop().await;
}

#[tokio::test]
async fn people_change_their_own_password() {
    let site = Site::start().await;
    let alice = site.log_in("alice", PASSWORD).await.unwrap();
    let other_device = site.log_in("alice", PASSWORD).await.unwrap();
    assert!(site.get_page("", &alice).await.1.contains("Change the password"));
    let new = "only in tests, and another one";
    for (current, first, second, problem) in [
        ("wrong password", new, new, "The current password is wrong."),
        (PASSWORD, new, "only in tests, and another two", "The new passwords differ."),
        (PASSWORD, "short", "short", "at least 12 are needed"),
    ] {
        let form = [("current", current), ("new", first), ("repeated", second)];
        let refused = site.send_form("/password", &alice, &form).await;
        assert_eq!(refused.status(), 422, "{problem}");
        let page = refused.text().await.unwrap();
        assert!(page.contains(problem) && !page.contains(new), "{page}");
    }
    let form = [("current", PASSWORD), ("new", new), ("repeated", new)];
    assert_eq!(site.send_form("/password", "", &form).await.status(), 401);
    let foreign = site.browser.post(format!("{}/auth/app/password", site.app.public)).form(&form);
    let foreign = foreign.header("cookie", &alice).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(foreign.status(), 403, "a page of another site");
    assert_eq!(site.submit_change("/password", &alice, &form).await, "/auth/app?done=password-changed");
    site.app.drain().await;
    for cookie in [&alice, &other_device] {
        assert!(site.get_page("", cookie).await.1.contains("Log in"), "all logins have ended");
    }
    assert_eq!(site.log_in("alice", PASSWORD).await, Err(403));
    assert!(site.log_in("alice", new).await.is_ok());
    let rows = list_audit_rows(&site.app).await;
    assert!(rows.iter().any(|row| row.kind == "account" && row.actor.as_deref() == Some("db/alice")), "{rows:?}");
    site.stop().await;
}
