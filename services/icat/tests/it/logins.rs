//! Logins while an account changes, and while another writer holds the database.

use std::sync::Arc;
use std::time::Duration;

use events::messages::auth::SessionsRevoked;
use events::{Events, Outbox};
use futures_util::future::join;
use reqwest::Response;
use service_kit::{Clock as _, DbError, Listener, Micros, Mount, Running, ServiceDef, SystemIds};
use testkit::{TestApp, list_backends};
use tokio::sync::{Mutex, Semaphore};

/// An authenticator that accepts logins as `db/ada` when the test allows it, and publishes events of auth.
const GATED: ServiceDef = ServiceDef {
    name: "gated",
    build: |ctx| {
        Box::pin(async move {
            let _relay = Events::start(&ctx).await?;
            let mount = Mount::new("/authn.gated", Listener::Internal, testkit::FAKE_ICAT_ERRORS).post(
                "/authenticate",
                async || {
                    ASKED.add_permits(1);
                    LET_IN.acquire().await.unwrap().forget();
                    r#"{"username":"ada","mechanism":"db"}"#
                },
            );
            Ok(Running { mounts: vec![mount], workers: Vec::new() })
        })
    },
    ..ServiceDef::EMPTY
};

/// Serializes the tests that use the authenticator, which is shared within the process.
static GATE: Mutex<()> = Mutex::const_new(());
static ASKED: Semaphore = Semaphore::const_new(0);
static LET_IN: Semaphore = Semaphore::const_new(0);

const SETTINGS: &str = "[catalogue]\nauthn = [{ mnemonic = \"gated\", url = \"self\" }]\n";

struct Site(TestApp);

impl Site {
    /// Logs in, and runs `meanwhile` before the authenticator answers.
    async fn log_in_while(&self, meanwhile: impl AsyncFnOnce()) -> Response {
        let form = [("json", r#"{"plugin":"gated","credentials":[{"username":"ada"},{"password":"p"}]}"#)];
        let login = self.0.http.post(format!("{}/icat/session", self.0.public)).form(&form).send();
        let meanwhile = async {
            ASKED.acquire().await.unwrap().forget();
            meanwhile().await;
            LET_IN.add_permits(1);
        };
        join(login, meanwhile).await.0.unwrap()
    }

    /// Publishes a revocation and waits until the catalogue has processed it.
    async fn revoke_sessions(&self, begun_until: Micros) {
        let outbox = Outbox::new("gated", Arc::clone(&self.0.clock) as _, Arc::new(SystemIds));
        let event = SessionsRevoked { subject: "db/ada".to_owned(), begun_until: begun_until.as_i64() };
        self.0.db("gated").write(async |tx| outbox.emit(tx, &event).await).await.unwrap();
        self.0.drain().await;
    }

    async fn has_live_session(&self, login: Response) -> bool {
        assert_eq!(login.status(), 200);
        let text = login.text().await.unwrap();
        let session = text.split('"').nth(3).unwrap();
        let answer = self.0.http.get(format!("{}/icat/session/{session}", self.0.public)).send().await.unwrap();
        answer.status() == 200
    }
}

async fn assert_refused(login: Response) {
    assert_eq!(login.status(), 403);
    let text = login.text().await.unwrap();
    assert!(text.contains("\"SESSION\"") && text.contains("during the login"), "{text}");
}

#[tokio::test]
async fn a_login_that_is_under_way_while_its_account_changes_opens_nothing() {
    let _gate = GATE.lock().await;
    for backend in list_backends() {
        let site = Site(TestApp::start_on(&backend, &[icat::SERVICE, GATED], SETTINGS).await);
        let clock = Arc::clone(&site.0.clock);
        assert!(site.has_live_session(site.log_in_while(async || {}).await).await, "the control");

        // Locked or removed.
        assert_refused(site.log_in_while(async || site.revoke_sessions(Micros::from_i64(0)).await).await).await;
        assert!(
            site.has_live_session(site.log_in_while(async || {}).await).await,
            "another one afterwards, say of an unlocked one"
        );

        // A changed password, of which the catalogue learns during the login.
        assert_refused(site.log_in_while(async || site.revoke_sessions(clock.now_micros()).await).await).await;
        let by_new_password =
            site.log_in_while(async || site.revoke_sessions(clock.now_micros() - Duration::from_micros(1)).await).await;
        assert!(site.has_live_session(by_new_password).await, "it began after the change");

        // A changed password, of which the catalogue learns after the session is stored.
        let begun = clock.now_micros();
        let login = site.log_in_while(async || clock.advance_seconds(10)).await;
        site.revoke_sessions(begun + Duration::from_secs(5)).await;
        assert!(!site.has_live_session(login).await, "the password was asked for before it changed");
        site.0.stop().await;
    }
}

/// As during an import, which is one transaction.
#[tokio::test]
async fn a_login_while_somebody_else_writes_for_long_is_told_so() {
    let _gate = GATE.lock().await;
    let site = Site(TestApp::start(&[icat::SERVICE, GATED], SETTINGS).await);
    let (taken, done) = (Semaphore::new(0), Semaphore::new(0));
    let import = site.0.db("icat").write(async |tx| {
        tx.execute("UPDATE rule_version SET n = n + 1", &[]).await?;
        taken.add_permits(1);
        done.acquire().await.unwrap().forget();
        Ok::<_, DbError>(())
    });
    let logins = async {
        taken.acquire().await.unwrap().forget();
        let waiting = site.log_in_while(async || {}).await;
        assert_eq!((waiting.status().as_u16(), waiting.headers()["retry-after"].to_str().unwrap()), (503, "5"));
        let text = waiting.text().await.unwrap();
        assert!(text.contains("such as an import, takes long"), "{text}");
        done.add_permits(1);
    };
    join(import, logins).await.0.unwrap();
    assert!(site.has_live_session(site.log_in_while(async || {}).await).await);
    site.0.stop().await;
}

/// Such a form would be a failed login of whoever looks at the page, as often as the page likes.
#[tokio::test]
async fn a_form_on_a_page_of_another_site_does_not_reach_the_authenticator() {
    let _gate = GATE.lock().await;
    let site = Site(TestApp::start(&[icat::SERVICE, GATED], SETTINGS).await);
    let send_form = |mode: &'static str| {
        let form = [("json", r#"{"plugin":"gated","credentials":[{"username":"ada"},{"password":"p"}]}"#)];
        let request = site.0.http.post(format!("{}/icat/session", site.0.public)).form(&form);
        request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", mode).send()
    };
    for mode in ["navigate", "no-cors"] {
        let refused = send_form(mode).await.unwrap();
        assert_eq!(refused.status(), 403);
        assert!(refused.text().await.unwrap().contains("INSUFFICIENT_PRIVILEGES"));
    }
    assert_eq!(ASKED.available_permits(), 0);
    LET_IN.add_permits(1);
    assert_eq!(send_form("cors").await.unwrap().status(), 200, "a portal at another address");
    ASKED.acquire().await.unwrap().forget();
    site.0.stop().await;
}
