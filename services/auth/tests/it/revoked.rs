//! `/auth/v1/revoked`: what verifiers learn that do not listen to events.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use auth::domain::login::EndReason;
use auth::store::logins::{self, LoginRow};
use reqwest::Response;
use serde_json::Value;
use service_kit::{Clock as _, DbError};
use testkit::{TestApp, list_backends};

use crate::client::{decode_part, end_token, log_in_fresh, read_slug, refresh_pair, resolve_token};
use crate::icat::ICAT;

async fn get_revoked(app: &TestApp, query: &str, etag: Option<&str>) -> Response {
    let mut request = app.http.get(format!("{}/auth/v1/revoked{query}", app.public));
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    request.send().await.unwrap()
}

/// As a verifier keeps it: ids and their ends.
#[derive(Default)]
struct Verifier {
    revoked: HashMap<String, i64>,
    next: String,
    requests: usize,
}

impl Verifier {
    async fn ask_service(&mut self, app: &TestApp) {
        loop {
            let query = if self.next.is_empty() { String::new() } else { format!("?after={}", self.next) };
            let answer: Value = get_revoked(app, &query, None).await.json().await.unwrap();
            self.requests += 1;
            for entry in answer["revoked"].as_array().unwrap() {
                self.revoked.insert(entry["id"].as_str().unwrap().to_owned(), entry["exp"].as_i64().unwrap());
            }
            answer["next"].as_str().unwrap().clone_into(&mut self.next);
            if answer["more"] == false {
                break;
            }
        }
    }

    /// What a verifier in another language does with a token.
    fn refuses(&self, access: &str) -> bool {
        let sid = decode_part(access, 1)["sid"].as_str().unwrap().to_owned();
        self.revoked.contains_key(&service_kit::sha256_hex(sid)[..32])
    }
}

#[tokio::test]
async fn an_ended_login_is_listed_until_its_tokens_have_expired() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let (first, second, open) =
            (log_in_fresh(&app, "uma").await, log_in_fresh(&app, "uma").await, log_in_fresh(&app, "uma").await);
        app.clock.advance_seconds(300);
        let first = refresh_pair(&app, &first.refresh).await;
        let mut verifier = Verifier::default();
        verifier.ask_service(&app).await;
        assert!(verifier.revoked.is_empty());

        assert_eq!(end_token(&app, &first.access).await, 204);
        app.clock.advance_seconds(6);
        verifier.ask_service(&app).await;
        assert!(
            verifier.refuses(&first.access) && !verifier.refuses(&second.access) && !verifier.refuses(&open.access)
        );
        let exp = decode_part(&first.access, 1)["exp"].as_i64().unwrap();
        assert_eq!(verifier.revoked.values().collect::<Vec<_>>(), [&exp], "that of its last token");

        let answer = get_revoked(&app, "", None).await;
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(get_revoked(&app, "", Some(&etag)).await.status(), 304);
        assert_eq!(end_token(&app, &second.access).await, 204);
        app.clock.advance_seconds(6);
        assert_eq!(get_revoked(&app, "", Some(&etag)).await.status(), 200, "there is one more");
        verifier.ask_service(&app).await;
        assert!(verifier.refuses(&second.access));

        app.clock.advance_seconds(1200);
        let late: Value = get_revoked(&app, "", None).await.json().await.unwrap();
        assert_eq!(late["revoked"], Value::Array(Vec::new()), "their tokens have expired");
        for wrong in ["?after=x", "?after=1.x", "?after=x."] {
            assert_eq!(read_slug(get_revoked(&app, wrong, None).await).await, "auth/bad-position", "{wrong}");
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn the_list_is_rendered_again_when_it_changes_and_after_the_clock_was_set_back() {
    let app = TestApp::start(&[auth::SERVICE, ICAT], "").await;
    let pairs = [log_in_fresh(&app, "uma").await, log_in_fresh(&app, "uma").await, log_in_fresh(&app, "uma").await];
    let mut bodies = Vec::new();
    for (pair, seconds) in pairs.iter().zip([6, -3600, 0]) {
        // The access tokens are of the future after the clock was set back.
        let logout = app.http.post(format!("{}/auth/v1/logout", app.public));
        let logout = logout.json(&serde_json::json!({"refresh_token": pair.refresh}));
        assert_eq!(logout.send().await.unwrap().status(), 204);
        app.clock.advance_seconds(seconds);
        let body = get_revoked(&app, "", None).await.text().await.unwrap();
        let again = get_revoked(&app, "", None).await;
        assert_eq!(again.headers()["content-type"], "application/json");
        assert_eq!(again.text().await.unwrap(), body);
        bodies.push(serde_json::from_str::<Value>(&body).unwrap()["revoked"].as_array().unwrap().len());
    }
    assert_eq!(bodies, [1, 2, 2], "the third one ended in the same five seconds");
    app.clock.advance_seconds(6);
    let late: Value = get_revoked(&app, "", None).await.json().await.unwrap();
    assert_eq!(late["revoked"].as_array().unwrap().len(), 3);
    app.stop().await;
}

/// 10^5 logins end within a minute, as when a large facility ends everything.
#[tokio::test]
async fn a_hundred_thousand_revoked_logins_are_listed_in_pages() {
    const REVOKED: usize = 100_000;
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], "").await;
        let live = log_in_fresh(&app, "uma").await;
        let sids: Vec<String> = (0..REVOKED).map(|n| format!("sid {n}")).collect();
        let now = app.clock.now_micros();
        let template = {
            let sid = decode_part(&live.access, 1)["sid"].as_str().unwrap().to_owned();
            let mut tx = app.db("auth").read().await.unwrap();
            logins::find_login(&mut tx, &service_kit::sha256_hex(sid)).await.unwrap().unwrap()
        };
        for part in sids.chunks(10_000) {
            let store = async |tx: &mut service_kit::Tx| {
                for sid in part {
                    let row = LoginRow {
                        sid_hash: service_kit::sha256_hex(sid),
                        user_name: "db/many".to_owned(),
                        ..template.clone()
                    };
                    logins::insert_login(tx, &row, now + std::time::Duration::from_mins(10)).await?;
                }
                Ok::<_, DbError>(())
            };
            app.db("auth").write(store).await.unwrap();
        }
        let end = async |tx: &mut service_kit::Tx| {
            logins::end_logins_of_user(tx, "db/many", EndReason::AccountChanged, now).await.map(drop)
        };
        app.db("auth").write(end).await.unwrap();

        let started = Instant::now();
        let mut verifier = Verifier::default();
        verifier.ask_service(&app).await;
        let first = started.elapsed();
        let expected: HashSet<String> = sids.iter().map(|sid| service_kit::sha256_hex(sid)[..32].to_owned()).collect();
        assert_eq!(verifier.revoked.keys().cloned().collect::<HashSet<_>>(), expected);
        assert_eq!(verifier.requests, 2, "50,000 in an answer");
        assert!(!verifier.refuses(&live.access));
        assert_eq!(resolve_token(&app, &live.access).await.0, 200, "others are served");
        println!("{REVOKED} revoked logins in {first:?}");
        app.stop().await;
    }
}
