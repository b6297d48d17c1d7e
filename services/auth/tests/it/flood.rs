//! A flood of wrong logins from one client: who knows the password gets in or is told when to come back, and never reads
//! that it is wrong. On all three ways, over a catalogue that behaves as icat.server does; the embedded one is asked in the
//! tests of the whole suite.

use auth::Accounts;
use futures_util::future::join_all;
use reqwest::{RequestBuilder, Response};
use serde_json::json;
use testkit::TestApp;

use crate::client::{PASSWORD, open_accounts};
use crate::icat::ICAT;

const WRONG: usize = 100;
const RIGHT: usize = 30;

struct Site {
    app: TestApp,
    accounts: Accounts,
}

impl Site {
    async fn start() -> Self {
        // Without the limit of failed logins, so that all of them reach the passwords.
        let settings =
            "[http.limits]\nrate = 0\n[auth]\nfailed_logins_per_account = 0\nfailed_logins_per_address = 0\n";
        let app = TestApp::start(&[auth::SERVICE, ICAT], settings).await;
        let accounts = open_accounts(&app).await;
        accounts.create_account(&accounts.parse_name("db/alice").unwrap(), PASSWORD).await.unwrap();
        Self { app, accounts }
    }

    fn login_at_plugin(&self, password: &str) -> RequestBuilder {
        let body = json!({"credentials": [{"username": "alice"}, {"password": password}], "ip": "192.0.2.7"});
        self.app.http.post(format!("{}/authn.db/authenticate", self.app.internal)).form(&[("json", body.to_string())])
    }

    fn create_session(&self, password: &str) -> RequestBuilder {
        let body = json!({"plugin": "db", "username": "alice", "password": password});
        self.app.http.post(format!("{}/session", self.app.public)).json(&body)
    }

    fn create_token(&self, password: &str) -> RequestBuilder {
        let body = json!({"plugin": "db", "username": "alice", "password": password});
        self.app.http.post(format!("{}/auth/v1/token", self.app.public)).json(&body)
    }

    async fn stop(self) {
        self.accounts.close().await;
        self.app.stop().await;
    }
}

async fn send_all(requests: Vec<RequestBuilder>) -> Vec<Response> {
    join_all(requests.into_iter().map(RequestBuilder::send)).await.into_iter().map(Result::unwrap).collect()
}

/// Sends wrong ones and right ones at once; how many of the right ones got in and how many were put off.
async fn send_flood(request: impl Fn(&str) -> RequestBuilder, refusal: u16) -> (usize, usize) {
    let wrong = (0..WRONG).map(|n| request(&format!("wrong password {n}"))).collect();
    let right = (0..RIGHT).map(|_| request(PASSWORD)).collect();
    let (wrong, right) = futures_util::future::join(send_all(wrong), send_all(right)).await;
    let mut counts = (0, 0);
    for answer in right {
        match answer.status().as_u16() {
            200 => counts.0 += 1,
            503 => {
                let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
                counts.1 += 1;
            }
            other => panic!("a right password was answered {other}: {}", answer.text().await.unwrap()),
        }
    }
    for answer in wrong {
        let status = answer.status().as_u16();
        assert!(status == refusal || status == 503, "a wrong password was answered {status}");
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_is_never_called_wrong_by_an_icat_server_that_makes_refusals_of_all_answers() {
    let site = Site::start().await;
    let mut put_off = 0;
    for (way, counts) in [
        ("plugin", send_flood(|password| site.login_at_plugin(password), 403).await),
        ("session", send_flood(|password| site.create_session(password), 403).await),
        ("token", send_flood(|password| site.create_token(password), 401).await),
    ] {
        println!("{way}: {} got in, {} were put off", counts.0, counts.1);
        put_off += counts.1;
    }
    // The control: the pool was full, so that the 503 was met.
    assert!(put_off > 0, "no login was put off, so that nothing was shown");
    // And afterwards everybody gets in.
    assert_eq!(site.create_token(PASSWORD).send().await.unwrap().status(), 200);
    site.stop().await;
}

#[tokio::test]
async fn failed_logins_are_counted() {
    let site = Site::start().await;
    let count = async |outcome: &str| {
        let series = format!("undulator_auth_logins_total{{mechanism=\"db\",outcome=\"{outcome}\"}}");
        site.app.metric(&series).await.unwrap_or_default().to_string()
    };
    assert_eq!(site.login_at_plugin(PASSWORD).send().await.unwrap().status(), 200);
    for _ in 0..3 {
        assert_eq!(site.create_session("wrong").send().await.unwrap().status(), 403);
    }
    let body = json!({"credentials": [{"username": "typed-password"}, {"password": "x"}]}).to_string();
    let url = format!("{}/authn.db/authenticate", site.app.internal);
    assert_eq!(site.app.http.post(url).form(&[("json", body)]).send().await.unwrap().status(), 403);
    site.accounts.lock_account(&site.accounts.parse_name("db/alice").unwrap()).await.unwrap();
    assert_eq!(site.create_token(PASSWORD).send().await.unwrap().status(), 401);
    let counts = [count("accepted").await, count("wrong_password").await, count("unknown_account").await];
    assert_eq!(counts, ["1", "3", "1"]);
    assert_eq!(count("locked").await, "1");
    site.stop().await;
}
