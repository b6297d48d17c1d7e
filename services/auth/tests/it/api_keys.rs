//! API keys: created and revoked by administrators, seen by their users, and looked up by services.

use std::sync::Arc;

use auth::domain::api_key::ApiKeyTerms;
use auth::{ApiKeyError, ApiKeys, KeyAdministrator};
use events::messages::auth::{ApiKeyRevoked, AuditRecorded};
use reqwest::Response;
use serde_json::{Value, json};
use service_kit::{Clock as _, Sources, SystemIds, sha256_hex};
use testkit::{Backend, TestApp, list_backends, recorder, wait_until};

use crate::client::{PASSWORD, list_audit_rows, log_in_fresh, open_accounts, read_slug};
use crate::icat::ICAT;

const SETTINGS: &str = "[identity]\nadministrators = [\"fresh/root\"]\n[http.limits]\nrate = 0\n";

struct Site {
    app: TestApp,
    /// Access tokens.
    root: String,
    uma: String,
}

impl Site {
    async fn start(backend: &Backend) -> Self {
        let app = TestApp::start_on(backend, &[auth::SERVICE, ICAT, recorder::SERVICE], SETTINGS).await;
        let (root, uma) = (log_in_fresh(&app, "root").await.access, log_in_fresh(&app, "uma").await.access);
        Self { app, root, uma }
    }

    fn url(&self, rest: &str) -> String {
        format!("{}/auth/v1/api-keys{rest}", self.app.public)
    }

    async fn request_key(&self, token: &str, body: &Value) -> Response {
        self.app.http.post(self.url("")).bearer_auth(token).json(body).send().await.unwrap()
    }

    /// The key and its description.
    async fn create_key(&self, body: &Value) -> (String, Value) {
        let answer = self.request_key(&self.root, body).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (201, &"no-store".parse().unwrap()));
        let created: Value = answer.json().await.unwrap();
        (created["key"].as_str().unwrap().to_owned(), created["api_key"].clone())
    }

    async fn request_list(&self, token: &str, query: &str) -> Response {
        self.app.http.get(self.url(query)).bearer_auth(token).send().await.unwrap()
    }

    /// Names and states.
    async fn list_states(&self, token: &str, query: &str) -> Vec<(String, String)> {
        let page: Value = self.request_list(token, query).await.json().await.unwrap();
        let text = |key: &Value, field: &str| key[field].as_str().unwrap().to_owned();
        page["api_keys"].as_array().unwrap().iter().map(|key| (text(key, "name"), text(key, "state"))).collect()
    }

    async fn revoke(&self, token: &str, id: &str) -> u16 {
        let request = self.app.http.delete(self.url(&format!("/{id}"))).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    }

    /// As another service asks.
    async fn resolve_key(&self, key: &str) -> (u16, Value) {
        let url = format!("{}/api-keys/resolve", self.app.internal);
        let answer = self.app.http.post(url).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The slug with which a key is refused.
    async fn resolve_refused(&self, key: &str) -> String {
        let (status, problem) = self.resolve_key(key).await;
        assert_eq!(status, 401, "{problem}");
        problem["type"].as_str().unwrap().strip_prefix("urn:undulator:problem:").unwrap().to_owned()
    }

    /// Reason, user, actor and name of each entry about API keys.
    async fn list_key_audit(&self) -> Vec<[String; 4]> {
        let text = |text: Option<String>| text.unwrap_or_default();
        let rows = list_audit_rows(&self.app).await.into_iter().filter(|row| row.kind == "api_key");
        rows.map(|row| [row.reason, text(row.user_name), text(row.actor), text(row.client)]).collect()
    }
}

fn new_key(name: &str, user: &str) -> Value {
    json!({"name": name, "user": user, "scopes": ["logbook:write"], "instruments": ["ID29"], "expires": "2027-01-12T09:00:00Z"})
}

fn terms_until(app: &TestApp, name: &str, seconds: u64) -> ApiKeyTerms {
    ApiKeyTerms {
        name: name.to_owned(),
        user_name: "fresh/uma".to_owned(),
        scopes: vec!["read".to_owned()],
        instruments: Vec::new(),
        expires_at: app.clock.now_micros() + std::time::Duration::from_secs(seconds),
    }
}

/// Administers the keys of a running server, as a command does.
async fn open_api_keys(app: &TestApp) -> ApiKeys {
    let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
    auth::open_api_keys(&app.config, &sources).await.unwrap()
}

#[tokio::test]
async fn an_administrator_creates_lists_and_revokes_keys() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let (key, created) = site.create_key(&new_key("id29", "simple/id29")).await;
        assert!(key.len() == 47 && key.starts_with("uak_"), "{} characters", key.len());
        let id = created["id"].as_str().unwrap();
        let expected = json!({
            "id": id, "name": "id29", "user": "simple/id29", "scopes": ["logbook:write"], "instruments": ["ID29"],
            "state": "valid", "expires": "2027-01-12T09:00:00Z", "created_at": "2026-01-12T09:00:00Z",
            "created_by": "fresh/root",
        });
        assert_eq!(created, expected);
        let resolved = json!({
            "name": "id29", "user": "simple/id29", "scopes": ["logbook:write"], "instruments": ["ID29"],
            "expires": "2027-01-12T09:00:00Z",
        });
        assert_eq!(site.resolve_key(&key).await, (200, resolved));
        let text = site.request_list(&site.root, "").await.text().await.unwrap();
        assert!(text.contains(id) && !text.contains(&key) && !text.contains(&sha256_hex(&key)), "it is shown once");

        assert_eq!((site.revoke(&site.root, id).await, site.revoke(&site.root, id).await), (204, 204));
        assert_eq!(site.resolve_refused(&key).await, "auth/unknown-api-key");
        let page: Value = site.request_list(&site.root, "").await.json().await.unwrap();
        let revoked = &page["api_keys"][0];
        assert_eq!(
            (&revoked["state"], &revoked["revoked_at"], &revoked["revoked_by"], &revoked["last_used_at"]),
            (&json!("revoked"), &json!("2026-01-12T09:00:00Z"), &json!("fresh/root"), &json!("2026-01-12T09:00:00Z"))
        );
        let expected = [
            ["created", "simple/id29", "fresh/root", "id29"],
            ["revoked", "simple/id29", "fresh/root", "id29"],
            ["refused_revoked", "simple/id29", "", "id29"],
        ];
        assert_eq!(site.list_key_audit().await, expected);

        site.app.drain().await;
        let told = site.app.recorded_events::<ApiKeyRevoked>().await;
        let expected = ApiKeyRevoked { key_hash: sha256_hex(&key), subject: "simple/id29".to_owned() };
        assert_eq!(told, [expected], "once, although it was revoked twice");
        let told = site.app.recorded_events::<AuditRecorded>().await;
        assert_eq!(told.iter().filter(|entry| entry.kind == "api_key" && entry.client == "id29").count(), 3);
        let rows = list_audit_rows(&site.app).await;
        assert!(!format!("{rows:?}{told:?}").contains(&key[4..]), "the key is in no entry");
        site.app.stop().await;
    }
}

#[tokio::test]
async fn users_see_and_revoke_the_keys_that_act_for_them() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let (key, own) = site.create_key(&new_key("of-uma", "fresh/uma")).await;
        let (other_key, other) = site.create_key(&new_key("of-vic", "fresh/vic")).await;
        let refused = site.request_key(&site.uma, &new_key("more", "fresh/uma")).await;
        assert_eq!((refused.status().as_u16(), read_slug(refused).await.as_str()), (403, "auth/no-administrator"));
        let valid = |name: &str| (name.to_owned(), "valid".to_owned());
        for query in ["", "?user=fresh/uma"] {
            assert_eq!(site.list_states(&site.uma, query).await, [valid("of-uma")]);
        }
        assert_eq!(site.request_list(&site.uma, "?user=fresh/vic").await.status(), 403);
        assert_eq!(site.list_states(&site.root, "").await.len(), 2);
        assert_eq!(site.list_states(&site.root, "?user=fresh/vic").await, [valid("of-vic")]);
        assert_eq!(site.list_states(&site.root, "?user=fresh/nobody").await, []);

        for unknown in [other["id"].as_str().unwrap(), "x", "%00", "00000000-0000-4000-8000-000000000000"] {
            assert_eq!(site.revoke(&site.uma, unknown).await, 404, "{unknown}");
        }
        assert_eq!(site.resolve_key(&other_key).await.0, 200);
        for _ in 0..2 {
            assert_eq!(site.revoke(&site.uma, own["id"].as_str().unwrap()).await, 204);
        }
        assert_eq!(site.resolve_refused(&key).await, "auth/unknown-api-key");
        let audit = site.list_key_audit().await;
        assert_eq!(audit[2], ["revoked", "fresh/uma", "", "of-uma"], "by the user");

        for credential in ["", key.as_str(), other_key.as_str(), "x.y.z"] {
            assert_eq!(site.request_list(credential, "").await.status(), 401, "an API key administers no keys");
        }
        assert_eq!(site.app.http.get(site.url("")).send().await.unwrap().status(), 401);
        site.app.stop().await;
    }
}

#[tokio::test]
async fn wrong_keys_are_refused_with_what_would_be_right() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        site.create_key(&new_key("taken", "simple/id29")).await;
        let with = |field: &str, value: Value| {
            let mut body = new_key("new", "simple/id29");
            body[field] = value;
            body
        };
        let cases = [
            (
                with("scopes", json!(["logbook:writ"])),
                422,
                "(scopes: read, logbook:read, logbook:write, doi:mint, admin)",
            ),
            (with("scopes", json!([])), 422, "at least one scope"),
            (with("scopes", json!("read")), 422, "invalid type"),
            (with("name", json!("two words")), 422, "the name must have"),
            (with("name", json!("taken")), 409, "there is an API key taken already"),
            (with("user", json!("a\u{0}")), 422, "the user must be"),
            (with("instruments", json!([" "])), 422, "instruments must be"),
            (with("expires", json!("2026-01-12T09:00:00Z")), 422, "expired already"),
            (with("expires", json!("2028-01-13T09:00:00Z")), 422, "must expire at 2028-01-12T09:00:00Z or before"),
            (with("expires", json!("tomorrow")), 422, "cannot be read"),
            (with("expires", Value::Null), 422, "cannot be read"),
            (with("sha256", json!("x")), 422, "unknown field"),
        ];
        for (body, status, text) in cases {
            let answer = site.request_key(&site.root, &body).await;
            assert_eq!(answer.status().as_u16(), status, "{body}");
            let problem = answer.text().await.unwrap();
            assert!(problem.contains(text), "{body}: {problem}");
        }
        let request =
            site.app.http.post(site.url("")).bearer_auth(&site.root).header("content-type", "application/json");
        assert_eq!(request.body("{").send().await.unwrap().status(), 400);
        let request = site.app.http.post(site.url("")).bearer_auth(&site.root);
        assert_eq!(request.body("{}").send().await.unwrap().status(), 415);
        assert_eq!(site.list_states(&site.root, "").await.len(), 1, "nothing was stored");
        site.app.stop().await;
    }
}

#[tokio::test]
async fn the_name_of_a_revoked_key_can_be_given_again() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let (first, created) = site.create_key(&new_key("id29", "simple/id29")).await;
        assert_eq!(site.revoke(&site.root, created["id"].as_str().unwrap()).await, 204);
        site.app.clock.advance_seconds(1);
        let (second, _) = site.create_key(&new_key("id29", "simple/id29")).await;
        assert_eq!((site.resolve_key(&first).await.0, site.resolve_key(&second).await.0), (401, 200));
        let states = [("id29", "valid"), ("id29", "revoked")].map(|(name, state)| (name.to_owned(), state.to_owned()));
        assert_eq!(site.list_states(&site.root, "").await, states);
        site.app.stop().await;
    }
}

#[tokio::test]
async fn a_key_expires_and_its_last_use_is_known_to_the_hour() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let keys = open_api_keys(&site.app).await;
        let created = keys.create_key(terms_until(&site.app, "short", 7200), &KeyAdministrator::command_line()).await;
        let key = created.unwrap().key.expose().to_owned();
        assert_eq!(keys.find_key_by_name_or_id("short").await.unwrap().unwrap().last_used_at, None);
        for (seconds, expected) in [(0, "09:00:00"), (3599, "09:00:00"), (1, "10:00:00")] {
            site.app.clock.advance_seconds(seconds);
            assert_eq!(site.resolve_key(&key).await.0, 200);
            let row = keys.find_key_by_name_or_id("short").await.unwrap().unwrap();
            let stored = row.last_used_at.unwrap().to_timestamp().to_string();
            assert_eq!(stored, format!("2026-01-12T{expected}Z"));
        }
        site.app.clock.advance_seconds(3599);
        assert_eq!(site.resolve_key(&key).await.0, 200);
        site.app.clock.advance_seconds(1);
        for _ in 0..25 {
            assert_eq!(site.resolve_refused(&key).await, "auth/api-key-expired");
        }
        let row = keys.find_key_by_name_or_id("short").await.unwrap().unwrap();
        assert_eq!(keys.find_state(&row).as_str(), "expired");
        let refused = site.list_key_audit().await.into_iter().filter(|[reason, ..]| reason == "refused_expired");
        assert_eq!(refused.count(), 20, "more are counted only");
        keys.close().await;
        site.app.stop().await;
    }
}

#[tokio::test]
async fn a_closed_account_has_no_keys() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let accounts = open_accounts(&site.app).await;
        let alice = accounts.parse_name("db/alice").unwrap();
        accounts.create_account(&alice, PASSWORD).await.unwrap();
        let (key, _) = site.create_key(&new_key("of-alice", "db/alice")).await;
        assert_eq!(site.resolve_key(&key).await.0, 200);
        accounts.lock_account(&alice).await.unwrap();
        assert_eq!(site.resolve_refused(&key).await, "auth/unknown-api-key");
        let answer = site.request_key(&site.root, &new_key("another", "db/alice")).await;
        assert!(answer.status() == 422 && answer.text().await.unwrap().contains("locked or removed"));
        accounts.unlock_account(&alice).await.unwrap();
        assert_eq!(site.resolve_key(&key).await.0, 200);
        accounts.remove_account(&alice).await.unwrap();
        assert_eq!(site.resolve_refused(&key).await, "auth/unknown-api-key");
        accounts.create_account(&alice, PASSWORD).await.unwrap();
        assert_eq!(site.resolve_refused(&key).await, "auth/unknown-api-key", "it may be another Alice");
        let reasons = site.list_key_audit().await.into_iter().map(|[reason, ..]| reason);
        let reasons: Vec<_> = reasons.filter(|reason| reason.starts_with("re")).collect();
        assert_eq!(reasons, ["refused_account_closed", "revoked", "refused_revoked", "refused_revoked"]);
        accounts.close().await;
        site.app.stop().await;
    }
}

#[tokio::test]
async fn what_a_command_does_is_recorded_and_told_as_well() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let (keys, command) = (open_api_keys(&site.app).await, KeyAdministrator::command_line());
        let created = keys.create_key(terms_until(&site.app, "id29", 60), &command).await.unwrap();
        let again = keys.create_key(terms_until(&site.app, "id29", 60), &command).await;
        assert!(matches!(again, Err(ApiKeyError::Exists(_))));
        assert_eq!(site.resolve_key(created.key.expose()).await.0, 200);
        let found = keys.find_key_by_name_or_id("id29").await.unwrap().unwrap();
        assert_eq!(found.id, created.row.id);
        assert!(keys.revoke_key(&found, &command).await.unwrap());
        assert!(!keys.revoke_key(&found, &command).await.unwrap(), "it was revoked before");
        assert_eq!(keys.find_key_by_name_or_id("id29").await.unwrap(), None, "the name is free");
        assert!(keys.find_key_by_name_or_id(&found.id).await.unwrap().unwrap().revoked_at.is_some());
        assert_eq!(site.resolve_refused(created.key.expose()).await, "auth/unknown-api-key");
        let expected = ["created", "revoked"].map(|reason| [reason, "fresh/uma", "command line", "id29"]);
        assert_eq!(site.list_key_audit().await[..2], expected);
        keys.close().await;
        wait_until("the relay of the server tells it", async || {
            (site.app.recorded_events::<ApiKeyRevoked>().await.len() == 1).then_some(())
        })
        .await;
        site.app.stop().await;
    }
}

#[tokio::test]
async fn pages_of_keys_have_each_of_them_once() {
    const KEYS: usize = 5;
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        for n in 0..KEYS {
            site.create_key(&new_key(&format!("key-{n}"), "simple/id29")).await;
            // Some are created at the same moment.
            site.app.clock.advance_seconds(i64::from(n % 2 == 0));
        }
        let (mut found, mut query, mut pages) = (Vec::new(), "?limit=2".to_owned(), 0);
        loop {
            let page: Value = site.request_list(&site.root, &query).await.json().await.unwrap();
            let names = page["api_keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned());
            found.extend(names);
            pages += 1;
            match page.get("cursor").and_then(Value::as_str) {
                Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
                None => break,
            }
        }
        assert_eq!((pages, &found[KEYS - 1]), (3, &"key-0".to_owned()), "the newest first");
        found.sort_unstable();
        assert_eq!(found, (0..KEYS).map(|n| format!("key-{n}")).collect::<Vec<_>>());
        for wrong in ["?limit=0", "?limit=501", "?cursor=x", "?user=a%00"] {
            assert_eq!(site.request_list(&site.root, wrong).await.status(), 422, "{wrong}");
        }
        site.app.stop().await;
    }
}

#[tokio::test]
async fn keys_are_resolved_for_services_alone() {
    let app = TestApp::start(&[auth::SERVICE, ICAT], "").await;
    let public = app.http.post(format!("{}/api-keys/resolve", app.public)).bearer_auth("uak_x").send().await.unwrap();
    assert_eq!(public.status(), 404);
    let resolve = async |key: &str| {
        let request = app.http.post(format!("{}/api-keys/resolve", app.internal)).bearer_auth(key);
        read_slug(request.send().await.unwrap()).await
    };
    for unknown in ["uak_", "uak_x", &format!("uak_{}", "a".repeat(43))] {
        assert_eq!(resolve(unknown).await, "auth/unknown-api-key");
    }
    assert_eq!(resolve("another-text").await, "auth/no-credentials");
    assert!(list_audit_rows(&app).await.is_empty(), "texts that are no keys are not recorded");
    app.stop().await;
}
