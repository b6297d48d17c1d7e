//! What administrators do with local accounts while a server runs: a locked or removed account gets in no way, and what
//! it has open ends.

use auth::{AccountError, Accounts, ImportedPassword};
use events::messages::auth::{SessionEnded, SessionsRevoked};
use futures_util::future::join;
use serde_json::json;
use service_kit::sha256_hex;
use testkit::{Backend, TestApp, list_backends, recorder};

use crate::client::{PASSWORD, open_accounts, read_token, request_token, request_token_for_session, resolve_token};
use crate::icat::{ACCEPTED, GATED, GO_ON, ICAT, LOCAL};

struct Site {
    app: TestApp,
    accounts: Accounts,
}

impl Site {
    async fn start(backend: &Backend) -> Self {
        let app = TestApp::start_on(backend, &[auth::SERVICE, ICAT, recorder::SERVICE], "").await;
        let accounts = open_accounts(&app).await;
        accounts.create_account(&accounts.parse_name("db/alice").unwrap(), PASSWORD).await.unwrap();
        Self { app, accounts }
    }

    /// The statuses of a login at the plugin, by ICAT+'s interface, and for a token.
    async fn log_in_every_way(&self, password: &str) -> [u16; 3] {
        let login = json!({"plugin": "db", "username": "alice", "password": password});
        let body = json!({"credentials": [{"username": "alice"}, {"password": password}]}).to_string();
        let plugin = self.app.http.post(format!("{}/authn.db/authenticate", self.app.internal)).form(&[("json", body)]);
        let session = self.app.http.post(format!("{}/session", self.app.public)).json(&login);
        [
            plugin.send().await.unwrap().status().as_u16(),
            session.send().await.unwrap().status().as_u16(),
            request_token(&self.app, &login).await.status().as_u16(),
        ]
    }

    async fn request_token(&self, password: &str) -> String {
        read_token(request_token(&self.app, &json!({"plugin": "db", "username": "alice", "password": password})).await)
            .await
    }

    /// The server told others of these sessions.
    async fn list_ended_sessions(&self) -> (Vec<String>, usize) {
        self.app.drain().await;
        let ended =
            self.app.recorded_events::<SessionEnded>().await.into_iter().map(|event| event.session_hash).collect();
        (ended, self.app.recorded_events::<SessionsRevoked>().await.len())
    }

    async fn stop(self) {
        self.accounts.close().await;
        self.app.stop().await;
    }
}

const IN: [u16; 3] = [200, 200, 200];
const OUT: [u16; 3] = [403, 403, 401];

#[tokio::test]
async fn a_locked_account_gets_in_no_way_until_it_is_unlocked() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let alice = site.accounts.parse_name("db/alice").unwrap();
        assert_eq!(site.log_in_every_way(PASSWORD).await, IN);
        let token = site.request_token(PASSWORD).await;
        assert_eq!(resolve_token(&site.app, &token).await.0, 200);

        assert!(site.accounts.lock_account(&alice).await.unwrap());
        assert!(!site.accounts.lock_account(&alice).await.unwrap(), "locked already");
        assert_eq!(site.log_in_every_way(PASSWORD).await, OUT);
        assert_eq!(resolve_token(&site.app, &token).await.0, 401, "its token");
        assert_eq!(
            request_token_for_session(&site.app, LOCAL).await.status(),
            401,
            "a session that an icat.server keeps gets no token"
        );
        assert_eq!(site.list_ended_sessions().await, (vec![sha256_hex(LOCAL)], 2), "one session, however many tokens");
        let listed = site.accounts.list_accounts().await.unwrap();
        assert_eq!((listed.len(), &listed[0].name, listed[0].locked_at.is_some()), (1, &alice, true));

        assert!(site.accounts.unlock_account(&alice).await.unwrap());
        assert!(!site.accounts.unlock_account(&alice).await.unwrap(), "open already");
        assert_eq!(site.log_in_every_way(PASSWORD).await, IN);
        assert_eq!(resolve_token(&site.app, &token).await.0, 401, "what has ended does not come back");
        site.stop().await;
    }
}

#[tokio::test]
async fn a_removed_account_is_gone_and_can_be_made_again() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let alice = site.accounts.parse_name("db/alice").unwrap();
        let again = site.accounts.create_account(&alice, "another good password").await;
        assert!(matches!(again, Err(AccountError::Exists(_))), "{again:?}");
        let token = site.request_token(PASSWORD).await;
        site.accounts.lock_account(&alice).await.unwrap();
        site.accounts.unlock_account(&alice).await.unwrap();
        let second = site.request_token(PASSWORD).await;

        site.accounts.remove_account(&alice).await.unwrap();
        assert_eq!(site.log_in_every_way(PASSWORD).await, OUT);
        assert_eq!(site.log_in_every_way("").await, OUT, "its password is no empty one");
        for token in [&token, &second] {
            assert_eq!(resolve_token(&site.app, token).await.0, 401);
        }
        assert_eq!(request_token_for_session(&site.app, LOCAL).await.status(), 401);
        assert_eq!(site.list_ended_sessions().await, (vec![sha256_hex(LOCAL); 2], 2));
        assert!(site.accounts.list_accounts().await.unwrap().is_empty());
        for unknown in [
            site.accounts.remove_account(&alice).await,
            site.accounts.lock_account(&alice).await.map(drop),
            site.accounts.unlock_account(&alice).await.map(drop),
            site.accounts.set_password(&alice, "another good password").await,
        ] {
            assert_eq!(unknown.unwrap_err().to_string(), "there is no account db/alice");
        }

        site.accounts.create_account(&alice, "another good password").await.unwrap();
        assert_eq!(site.log_in_every_way(PASSWORD).await, OUT);
        assert_eq!(site.log_in_every_way("another good password").await, IN);
        site.stop().await;
    }
}

#[tokio::test]
async fn another_password_ends_what_the_old_one_opened_and_a_bad_one_changes_nothing() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let alice = site.accounts.parse_name("db/alice").unwrap();
        let token = site.request_token(PASSWORD).await;
        for refused in ["", "short", "db/alice", "password1234"] {
            assert!(matches!(site.accounts.set_password(&alice, refused).await, Err(AccountError::Invalid(_))));
        }
        assert_eq!(resolve_token(&site.app, &token).await.0, 200);
        site.accounts.set_password(&alice, "another good password").await.unwrap();
        assert_eq!(resolve_token(&site.app, &token).await.0, 401);
        assert_eq!(site.log_in_every_way(PASSWORD).await, OUT);
        assert_eq!(site.log_in_every_way("another good password").await, IN);
        site.accounts.lock_account(&alice).await.unwrap();
        site.accounts.set_password(&alice, PASSWORD).await.unwrap();
        assert_eq!(site.log_in_every_way(PASSWORD).await, OUT, "another password does not unlock");
        site.stop().await;
    }
}

const OTHER: &str = "another good password";

/// The password is right when it is asked for, and what it opens is stored after it has changed.
#[tokio::test]
async fn a_login_that_is_under_way_while_its_account_changes_gets_no_token() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let gated = site.accounts.parse_name(&format!("db/{GATED}")).unwrap();
        site.accounts.create_account(&gated, PASSWORD).await.unwrap();
        let log_in = async |password: &str, change: Option<&str>| {
            let login = json!({"plugin": "db", "username": GATED, "password": password});
            let meanwhile = async {
                ACCEPTED.acquire().await.unwrap().forget();
                match change {
                    Some("lock") => drop(site.accounts.lock_account(&gated).await.unwrap()),
                    Some("remove") => site.accounts.remove_account(&gated).await.unwrap(),
                    Some(password) => site.accounts.set_password(&gated, password).await.unwrap(),
                    None => {}
                }
                GO_ON.add_permits(1);
            };
            join(request_token(&site.app, &login), meanwhile).await.0
        };
        assert_eq!(
            log_in(PASSWORD, Some(OTHER)).await.status(),
            401,
            "the old password was right when it was asked for"
        );
        assert_eq!(log_in(PASSWORD, None).await.status(), 401);
        let token = read_token(log_in(OTHER, None).await).await;
        assert_eq!(resolve_token(&site.app, &token).await.0, 200);
        assert_eq!(log_in(OTHER, Some("lock")).await.status(), 401);
        site.accounts.unlock_account(&gated).await.unwrap();
        assert_eq!(log_in(OTHER, Some("remove")).await.status(), 401);
        let n: i64 = {
            let mut tx = site.app.db("auth").read().await.unwrap();
            tx.fetch_one("SELECT COUNT(*) AS n FROM login WHERE ended_at IS NULL", &[]).await.unwrap().get("n").unwrap()
        };
        assert_eq!(n, 0, "nothing is left behind");
        site.stop().await;
    }
}

/// Made by crypt(3) of glibc 2.36, of "correct horse".
const SHA512_CRYPT: &str =
    "$6$saltstring$.r0X7ub5wGR2v4Xz7svCIozfnlorFh19V89t8KC9Umd81uGhFgsyTRNyzQDXDIm17fFcR9z3z7oBNdsyYBbtm/";

#[tokio::test]
async fn imported_passwords_work_and_their_hashes_are_replaced_at_the_first_login() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE], "").await;
        let accounts = open_accounts(&app).await;
        let (old, clear) = (accounts.parse_name("db/old").unwrap(), accounts.parse_name("db/clear").unwrap());
        assert!(accounts.import_account(&old, ImportedPassword::Hash(SHA512_CRYPT)).await.unwrap());
        assert!(!accounts.import_account(&old, ImportedPassword::Clear("other")).await.unwrap(), "it exists");
        assert!(accounts.import_account(&clear, ImportedPassword::Clear("short")).await.unwrap());
        let gone = accounts.parse_name("db/gone").unwrap();
        assert!(accounts.import_account(&gone, ImportedPassword::Clear("short")).await.unwrap());
        accounts.remove_account(&gone).await.unwrap();
        assert!(!accounts.import_account(&gone, ImportedPassword::Clear("short")).await.unwrap(), "it stays removed");
        for wrong in [ImportedPassword::Hash("secret"), ImportedPassword::Clear("")] {
            assert!(accounts.import_account(&clear, wrong).await.is_err(), "{wrong:?}");
        }
        let log_in = async |name: &str, password: &str| {
            let body = json!({"credentials": [{"username": name}, {"password": password}], "ip": "192.0.2.7"});
            let url = format!("{}/authn.db/authenticate", app.internal);
            app.http.post(url).form(&[("json", body.to_string())]).send().await.unwrap().status().as_u16()
        };
        let find_hash = async || {
            let mut tx = app.db("auth").read().await.unwrap();
            auth::store::accounts::find_account(&mut tx, "db", "old").await.unwrap().unwrap().password_hash
        };
        assert_eq!((log_in("clear", "short").await, log_in("clear", "Short").await), (200, 403));
        assert_eq!(log_in("old", "correct hors").await, 403);
        assert_eq!(find_hash().await, SHA512_CRYPT, "a wrong password replaces nothing");
        assert_eq!(log_in("old", "correct horse").await, 200);
        assert!(find_hash().await.starts_with("$argon2id$"));
        assert_eq!((log_in("old", "correct horse").await, log_in("old", "correct hors").await), (200, 403));
        accounts.close().await;
        app.stop().await;
    }
}
