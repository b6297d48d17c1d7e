//! The audit log: every attempt, and no secret.

use auth::domain::audit::find_hour;
use auth::store::audit_counts;
use events::messages::auth::AuditRecorded;
use serde_json::json;
use service_kit::Clock as _;
use testkit::{TestApp, list_backends, recorder};

use crate::client::{
    PASSWORD, end_token, list_audit_rows, log_in_fresh, open_accounts, read_token, refresh_pair, request_token,
};
use crate::icat::ICAT;

#[tokio::test]
async fn every_attempt_and_every_change_is_one_entry() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT, recorder::SERVICE], "").await;
        let accounts = open_accounts(&app).await;
        let alice = accounts.parse_name("db/alice").unwrap();
        accounts.create_account(&alice, PASSWORD).await.unwrap();
        let login = |name: &str, password: &str| json!({"plugin": "db", "username": name, "password": password});
        let token = read_token(request_token(&app, &login("alice", PASSWORD)).await).await;
        assert_eq!(request_token(&app, &login("alice", "typed wrongly")).await.status(), 401);
        assert_eq!(request_token(&app, &login("my secret password", "x")).await.status(), 401);
        let fresh = json!({"plugin": "fresh", "username": "my other secret", "password": "no"});
        assert_eq!(request_token(&app, &fresh).await.status(), 401);
        let misplaced = json!({"plugin": "my-third-secret", "username": "bob", "password": "x"});
        assert_eq!(request_token(&app, &misplaced).await.status(), 401);
        end_token(&app, &token).await;
        accounts.lock_account(&alice).await.unwrap();
        assert_eq!(request_token(&app, &login("alice", PASSWORD)).await.status(), 401);
        accounts.unlock_account(&alice).await.unwrap();
        accounts.set_password(&alice, "another good password").await.unwrap();
        accounts.remove_account(&alice).await.unwrap();
        accounts.close().await;

        let rows = list_audit_rows(&app).await;
        let entries: Vec<(&str, &str, &str)> = rows
            .iter()
            .map(|row| (row.kind.as_str(), row.reason.as_str(), row.user_name.as_deref().unwrap_or_default()))
            .collect();
        let hidden = |reason: &str| {
            let row = rows.iter().find(|row| row.reason == reason).unwrap();
            row.user_name.clone().unwrap()
        };
        let (unknown, refused) = (hidden("unknown_account"), hidden("refused"));
        let misplaced = rows.iter().rfind(|row| row.reason == "refused").unwrap();
        let misplaced = misplaced.user_name.clone().unwrap();
        for (name, mechanism) in [(&unknown, "db"), (&refused, "fresh"), (&misplaced, "other")] {
            let shape = regex::Regex::new(&format!("^{mechanism}/hmac:[A-Za-z0-9_-]{{16}}$")).unwrap();
            assert!(shape.is_match(name), "{name}");
        }
        assert_eq!(
            entries,
            [
                ("account", "created", "db/alice"),
                ("login", "accepted", "db/alice"),
                ("session", "started", "db/alice"),
                ("login", "wrong_password", "db/alice"),
                ("login", "unknown_account", unknown.as_str()),
                ("login", "refused", refused.as_str()),
                ("login", "refused", misplaced.as_str()),
                ("logout", "logged_out", "db/alice"),
                ("account", "locked", "db/alice"),
                ("login", "locked", "db/alice"),
                ("account", "unlocked", "db/alice"),
                ("account", "password_set", "db/alice"),
                ("account", "removed", "db/alice"),
            ]
        );
        assert_eq!(rows[0].actor.as_deref(), Some("command line"));
        let session = &rows[2];
        assert_eq!((session.provider.as_deref(), session.client.as_deref()), (Some("db"), Some("undulator")));
        assert_eq!(session.address.as_deref(), Some("127.0.0.1"));
        assert!(session.request_id.is_some() && session.sid_hash.as_ref().is_some_and(|hash| hash.len() == 64));
        let text = format!("{rows:?}");
        for secret in [PASSWORD, "typed wrongly", "my secret password", "my other secret", "my-third-secret", &token] {
            assert!(!text.contains(secret), "{secret}");
            assert!(!text.contains(&service_kit::sha256_hex(secret)[..16]), "whoever guesses it could check that");
        }

        app.drain().await;
        let events = app.recorded_events::<AuditRecorded>().await;
        let told: Vec<(&str, &str, &str)> =
            events.iter().map(|e| (e.kind.as_str(), e.reason.as_str(), e.subject.as_str())).collect();
        assert_eq!(told.len(), entries.len());
        assert!(entries.iter().all(|entry| told.contains(entry)), "{told:?}");
        app.stop().await;
    }
}

/// Nobody can fill the database with attempts: after the first ones of an hour they are counted.
#[tokio::test]
async fn many_refused_logins_and_refreshes_are_counted() {
    const ATTEMPTS: i64 = 25;
    for backend in list_backends() {
        let settings = "[http.limits]\nrate = 0\n";
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT, recorder::SERVICE], settings).await;
        let wrong = |name: &str| json!({"plugin": "fresh", "username": name, "password": "no"});
        for n in 0..ATTEMPTS {
            assert_eq!(request_token(&app, &wrong(&format!("name {n}"))).await.status(), 401);
        }
        let mut pair = log_in_fresh(&app, "uma").await;
        for _ in 0..ATTEMPTS {
            pair = refresh_pair(&app, &pair.refresh).await;
        }
        let count_rows = async |reason: &str| {
            let rows = list_audit_rows(&app).await;
            // The login that is refreshed was accepted as well.
            rows.iter().filter(|row| row.reason == reason && !(row.kind == "login" && reason == "accepted")).count()
        };
        assert_eq!((count_rows("refused").await, count_rows("accepted").await), (20, 20));
        let counts = {
            let mut tx = app.db("auth").read().await.unwrap();
            audit_counts::list_counts(&mut tx, find_hour(app.clock.now_micros())).await.unwrap()
        };
        let expected = [("accepted", "fresh/uma"), ("refused", "")];
        let expected: Vec<(String, String, i64)> =
            expected.iter().map(|(reason, user)| ((*reason).to_owned(), (*user).to_owned(), ATTEMPTS)).collect();
        assert_eq!(counts, expected);
        app.drain().await;
        let told = app.recorded_events::<AuditRecorded>().await;
        assert_eq!(told.iter().filter(|entry| entry.reason == "refused").count(), 20);

        app.clock.advance_seconds(3600);
        assert_eq!(request_token(&app, &wrong("name")).await.status(), 401);
        assert_eq!(count_rows("refused").await, 21, "in the next hour again");
        app.stop().await;
    }
}

#[tokio::test]
async fn old_entries_are_deleted_at_the_next_start() {
    for backend in list_backends() {
        let settings = "[auth]\naudit_retention = \"2days\"\n";
        let app = TestApp::start_on(&backend, &[auth::SERVICE, ICAT], settings).await;
        log_in_fresh(&app, "uma").await;
        app.clock.advance_seconds(86_400);
        log_in_fresh(&app, "vic").await;
        app.clock.advance_seconds(86_401);
        let app = app.restart().await;
        testkit::wait_until("the old entries are gone", async || {
            let rows = list_audit_rows(&app).await;
            (rows.len() == 2 && rows.iter().all(|row| row.user_name.as_deref() == Some("fresh/vic"))).then_some(())
        })
        .await;
        app.stop().await;
    }
}
