//! The audit log: every attempt, and no secret.

use events::messages::auth::AuditRecorded;
use serde_json::json;
use testkit::{TestApp, list_backends, recorder};

use crate::client::{PASSWORD, end_token, list_audit_rows, log_in_fresh, open_accounts, read_token, request_token};
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
        let hidden =
            |mechanism: &str, name: &str| format!("{mechanism}/sha256:{}", &service_kit::sha256_hex(name)[..16]);
        let (unknown, refused) = (hidden("db", "my secret password"), hidden("fresh", "my other secret"));
        assert_eq!(
            entries,
            [
                ("account", "created", "db/alice"),
                ("login", "accepted", "db/alice"),
                ("session", "started", "db/alice"),
                ("login", "wrong_password", "db/alice"),
                ("login", "unknown_account", unknown.as_str()),
                ("login", "refused", refused.as_str()),
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
        for secret in [PASSWORD, "typed wrongly", "my secret password", "my other secret", &token] {
            assert!(!text.contains(secret), "{secret}");
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
