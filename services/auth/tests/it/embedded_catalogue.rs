//! Local accounts over the embedded catalogue: what a locked account has open ends there too, and a flood of wrong logins
//! never makes a right password wrong.

use std::sync::Arc;

use auth::Accounts;
use events::messages::icat::SessionEnded;
use futures_util::future::{join, join_all};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use service_kit::{Sources, SystemIds, sha256_hex};
use testkit::{Backend, TestApp, list_backends, recorder};

const PASSWORD: &str = "only in tests, never elsewhere";
/// Without the limit of failed logins, so that all of them reach the passwords.
const SETTINGS: &str = "[http.limits]\nrate = 0\n[catalogue]\nauthn = [{ mnemonic = \"db\", url = \"self\" }]\n\
                        [auth]\nfailed_logins_per_account = 0\nfailed_logins_per_address = 0\n";
const WRONG: usize = 100;
const RIGHT: usize = 30;

struct Site {
    app: TestApp,
    accounts: Accounts,
}

impl Site {
    async fn start(backend: &Backend) -> Self {
        let app = TestApp::start_on(backend, &[auth::SERVICE, icat::SERVICE, recorder::SERVICE], SETTINGS).await;
        let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
        let accounts = auth::open_accounts(&app.config, &sources).await.unwrap();
        for name in ["db/alice", "db/bob"] {
            accounts.create_account(&accounts.parse_name(name).unwrap(), PASSWORD).await.unwrap();
        }
        Self { app, accounts }
    }

    fn login_at_icat(&self, name: &str, password: &str) -> RequestBuilder {
        let body = json!({"plugin": "db", "credentials": [{"username": name}, {"password": password}]});
        self.app.http.post(format!("{}/icat/session", self.app.public)).form(&[("json", body.to_string())])
    }

    fn login_at(&self, path: &str, password: &str) -> RequestBuilder {
        let body = json!({"plugin": "db", "username": "alice", "password": password});
        self.app.http.post(format!("{}{path}", self.app.public)).json(&body)
    }

    async fn open_session(&self, name: &str, password: &str) -> String {
        let answer: Value = self.login_at_icat(name, password).send().await.unwrap().json().await.unwrap();
        answer["sessionId"].as_str().unwrap().to_owned()
    }

    async fn is_alive(&self, session: &str) -> bool {
        let answer = self.app.http.get(format!("{}/icat/session/{session}", self.app.public)).send().await.unwrap();
        answer.status() == 200
    }

    async fn stop(self) {
        self.accounts.close().await;
        self.app.stop().await;
    }
}

#[tokio::test]
async fn sessions_of_a_locked_account_end_in_the_catalogue() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let alice = site.accounts.parse_name("db/alice").unwrap();
        let (first, second) = (site.open_session("alice", PASSWORD).await, site.open_session("alice", PASSWORD).await);
        let of_bob = site.open_session("bob", PASSWORD).await;
        site.accounts.lock_account(&alice).await.unwrap();
        site.app.drain().await;
        assert!(!site.is_alive(&first).await && !site.is_alive(&second).await);
        assert!(site.is_alive(&of_bob).await, "another account's");
        assert_eq!(site.login_at_icat("alice", PASSWORD).send().await.unwrap().status(), 403);
        let ended = site.app.recorded_events::<SessionEnded>().await;
        let mut hashes: Vec<&str> = ended.iter().map(|event| event.session_hash.as_str()).collect();
        let mut expected = [sha256_hex(&first), sha256_hex(&second)];
        hashes.sort_unstable();
        expected.sort_unstable();
        assert_eq!(hashes, expected, "those who remember them hear of it");

        site.accounts.unlock_account(&alice).await.unwrap();
        let old = site.open_session("alice", PASSWORD).await;
        site.app.clock.advance_seconds(1);
        site.accounts.set_password(&alice, "only in tests, and another one").await.unwrap();
        site.app.clock.advance_seconds(1);
        let new = site.open_session("alice", "only in tests, and another one").await;
        site.app.drain().await;
        assert!(!site.is_alive(&old).await, "the old password opened it");
        assert!(site.is_alive(&new).await, "the new password opened it");
        site.accounts.remove_account(&alice).await.unwrap();
        site.app.drain().await;
        assert!(!site.is_alive(&new).await);
        site.stop().await;
    }
}

#[tokio::test]
async fn a_logout_in_the_catalogue_ends_the_logins_of_the_session() {
    for backend in list_backends() {
        let site = Site::start(&backend).await;
        let session = site.open_session("alice", PASSWORD).await;
        let token = site.app.http.post(format!("{}/auth/v1/token", site.app.public)).bearer_auth(&session);
        let token = token.send().await.unwrap().json::<Value>().await.unwrap();
        let token = token["access_token"].as_str().unwrap().to_owned();
        let list = async || {
            let request = site.app.http.get(format!("{}/auth/v1/logins", site.app.public)).bearer_auth(&token);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(list().await, 200);
        let ended = site.app.http.delete(format!("{}/icat/session/{session}", site.app.public)).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        site.app.drain().await;
        assert_eq!(list().await, 401, "auth has heard of it");
        site.stop().await;
    }
}

async fn send_all(requests: Vec<RequestBuilder>) -> Vec<Response> {
    join_all(requests.into_iter().map(RequestBuilder::send)).await.into_iter().map(Result::unwrap).collect()
}

/// Path, status of a wrong password, and the login with a password.
type Way<'w> = (&'w str, u16, &'w dyn Fn(&str) -> RequestBuilder);

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_wrong_logins_makes_no_right_password_wrong() {
    let site = Site::start(&list_backends()[0]).await;
    let mut put_off = 0;
    let ways: [Way; 4] = [
        ("/icat/session", 403, &|password| site.login_at_icat("alice", password)),
        ("/session", 403, &|password| site.login_at("/session", password)),
        ("/auth/v1/token", 401, &|password| site.login_at("/auth/v1/token", password)),
        ("/auth/login", 403, &|password| {
            let credentials = json!({"username": "alice", "password": password});
            let request = site.app.http.post(format!("{}/auth/login", site.app.public));
            request.json(&json!({"mnemonic": "db", "credentials": credentials}))
        }),
    ];
    for (way, refusal, request) in ways {
        let wrong = (0..WRONG).map(|n| request(&format!("wrong password {n}"))).collect();
        let right = (0..RIGHT).map(|_| request(PASSWORD)).collect();
        let (wrong, right) = join(send_all(wrong), send_all(right)).await;
        let mut got_in = 0;
        for answer in right {
            match answer.status().as_u16() {
                200 => got_in += 1,
                503 => {
                    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                    assert!((1..=60).contains(&seconds), "{seconds}");
                    put_off += 1;
                }
                other => panic!("{way}: a right password was answered {other}: {}", answer.text().await.unwrap()),
            }
        }
        for answer in wrong {
            let status = answer.status().as_u16();
            assert!(status == refusal || status == 503, "{way}: a wrong password was answered {status}");
        }
        println!("{way}: {got_in} of {RIGHT} got in");
        assert_eq!(request(PASSWORD).send().await.unwrap().status(), 200, "{way}: afterwards");
    }
    // The control: the pool was full, so that the 503 was met.
    assert!(put_off > 0, "no login was put off, so that nothing was shown");
    site.stop().await;
}
