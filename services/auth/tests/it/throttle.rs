//! Failed logins: whoever guesses passwords is slowed down, and nobody else is.

use auth::Accounts;
use futures_util::future::{join, join_all};
use reqwest::Response;
use serde_json::json;
use testkit::TestApp;

use crate::client::{PASSWORD, list_audit_rows, open_accounts};
use crate::icat::ICAT;

const GUESSER: &str = "198.51.100.66";
const SOMEBODY: &str = "192.0.2.7";

struct Site {
    app: TestApp,
    accounts: Accounts,
}

impl Site {
    async fn start() -> Self {
        let settings =
            "[http.limits]\nrate = 0\n[auth]\nfailed_logins_per_account = 3\nfailed_logins_per_address = 5\n";
        let app = TestApp::start(&[auth::SERVICE, ICAT], settings).await;
        let accounts = open_accounts(&app).await;
        for name in ["db/alice", "db/bob"] {
            accounts.create_account(&accounts.parse_name(name).unwrap(), PASSWORD).await.unwrap();
        }
        Self { app, accounts }
    }

    /// A login with a token as its answer, from an address that a trusted proxy tells.
    async fn log_in(&self, name: &str, password: &str, address: &str) -> Response {
        let body = json!({"plugin": "db", "username": name, "password": password});
        let request = self.app.http.post(format!("{}/auth/v1/token", self.app.public)).json(&body);
        request.header("x-forwarded-for", address).send().await.unwrap()
    }

    async fn log_in_at_plugin(&self, name: &str, password: &str, address: &str) -> Response {
        let body = json!({"credentials": [{"username": name}, {"password": password}], "ip": address}).to_string();
        let url = format!("{}/authn.db/authenticate", self.app.internal);
        self.app.http.post(url).form(&[("json", body)]).send().await.unwrap()
    }

    async fn guess(&self, name: &str, address: &str, times: usize) {
        for n in 0..times {
            assert_eq!(self.log_in(name, &format!("guess {n}"), address).await.status(), 401);
        }
    }

    async fn stop(self) {
        self.accounts.close().await;
        self.app.stop().await;
    }
}

fn read_wait(answer: &Response) -> u64 {
    answer.headers()["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn whoever_guesses_the_password_of_an_account_is_put_off_and_its_owner_gets_in_from_elsewhere() {
    let site = Site::start().await;
    site.guess("alice", GUESSER, 3).await;
    // Not even the right password is looked at, or guessing would go on.
    for password in ["guess 3", PASSWORD] {
        let answer = site.log_in("alice", password, GUESSER).await;
        assert_eq!((answer.status().as_u16(), read_wait(&answer)), (429, 11));
    }
    assert_eq!(site.log_in(" ALICE", "guess 4", GUESSER).await.status(), 429, "the same account");
    assert_eq!(site.log_in("alice", PASSWORD, SOMEBODY).await.status(), 200);
    assert_eq!(site.log_in("bob", PASSWORD, GUESSER).await.status(), 200, "another account at the same address");
    site.app.clock.advance_seconds(10);
    assert_eq!(site.log_in("alice", PASSWORD, GUESSER).await.status(), 200);
    site.stop().await;
}

#[tokio::test]
async fn whoever_tries_many_accounts_is_put_off_for_all_of_them() {
    let site = Site::start().await;
    for n in 0..5 {
        site.guess(&format!("nobody{n}"), "2001:db8::1", 1).await;
    }
    // All addresses of a network are one client.
    let answer = site.log_in("bob", PASSWORD, "2001:db8::ffff:2").await;
    assert_eq!(answer.status(), 429);
    assert_eq!(site.log_in("bob", PASSWORD, "2001:db8:1::1").await.status(), 200);
    let count = site.app.metric("undulator_auth_throttled_logins_total").await;
    assert_eq!(count.unwrap_or_default().to_string(), "1");
    site.stop().await;
}

/// Of what one client sends at once, a few are looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_guesses_from_one_client_keeps_nobody_else_out() {
    let site = Site::start().await;
    let guesses = join_all((0..100).map(|_| site.log_in("alice", "wrong", GUESSER)));
    let (guesses, right) = join(guesses, join_all((0..20).map(|_| site.log_in("alice", PASSWORD, SOMEBODY)))).await;
    // On a slow machine, some are put off.
    for answer in &right {
        let is_put_off = answer.status() == 503 && answer.headers().contains_key("retry-after");
        assert!(answer.status() == 200 || is_put_off, "{}", answer.status());
    }
    assert!(right.iter().any(|answer| answer.status() == 200), "nobody got in");
    let count = |status: u16| guesses.iter().filter(|answer| answer.status() == status).count();
    assert!((3..=10).contains(&count(401)), "{} were looked at", count(401));
    assert_eq!(count(401) + count(429) + count(503), 100);
    site.stop().await;
}

/// Those who have failed before wait for one another; somebody else waits for a few of them only.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_many_addresses_keep_nobody_else_out() {
    let site = Site::start().await;
    let addresses: Vec<String> = (1..=20).map(|n| format!("198.51.100.{n}")).collect();
    for address in &addresses {
        site.guess("nobody", address, 1).await;
    }
    let guesses = join_all(addresses.iter().flat_map(|address| (0..4).map(|_| site.log_in("alice", "wrong", address))));
    let (guesses, right) = join(guesses, site.log_in("alice", PASSWORD, SOMEBODY)).await;
    assert_eq!(right.status(), 200);
    let count = |status: u16| guesses.iter().filter(|answer| answer.status() == status).count();
    assert_eq!(count(401) + count(429) + count(503), 80);
    assert!(count(503) > 0, "all guesses were looked at");
    site.stop().await;
}

#[tokio::test]
async fn right_logins_do_not_count() {
    let site = Site::start().await;
    for _ in 0..20 {
        assert_eq!(site.log_in("alice", PASSWORD, SOMEBODY).await.status(), 200);
    }
    site.guess("alice", SOMEBODY, 2).await;
    assert_eq!(site.log_in("alice", PASSWORD, SOMEBODY).await.status(), 200, "who mistypes it twice gets in");
    site.stop().await;
}

/// icat.server tells its plugins its own client, which is auth for all logins through auth. The fake one says 127.0.0.1.
#[tokio::test]
async fn the_plugin_counts_the_address_of_the_client_that_auth_has_signed() {
    let site = Site::start().await;
    site.guess("alice", GUESSER, 3).await;
    assert_eq!(site.log_in_at_plugin("alice", PASSWORD, GUESSER).await.status(), 429, "the same counters");
    assert_eq!(site.log_in_at_plugin("alice", PASSWORD, "127.0.0.1").await.status(), 200);
    let rows = list_audit_rows(&site.app).await;
    let wrong = rows.iter().filter(|row| row.reason == "wrong_password");
    let addresses: Vec<_> = wrong.map(|row| row.address.as_deref().unwrap()).collect();
    assert_eq!(addresses, [GUESSER; 3]);
    site.stop().await;
}

#[tokio::test]
async fn an_origin_that_auth_has_not_signed_is_ignored() {
    let site = Site::start().await;
    for n in 0..3 {
        let body = json!({"credentials": [{"username": "alice"}, {"password": format!("guess {n}")},
            {"undulator.origin": format!("192.0.2.{n}")}], "ip": GUESSER})
        .to_string();
        let url = format!("{}/authn.db/authenticate", site.app.internal);
        assert_eq!(site.app.http.post(url).form(&[("json", body)]).send().await.unwrap().status(), 403);
    }
    let answer = site.log_in_at_plugin("alice", PASSWORD, GUESSER).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.text().await.unwrap().contains("Too many logins have failed"));
    site.stop().await;
}

#[tokio::test]
async fn a_robot_does_not_open_sessions_without_end() {
    let app = TestApp::start(&[auth::SERVICE, ICAT], "[auth]\nanonymous_logins_per_address = 3\n").await;
    let log_in = async |address: &str| {
        let body = json!({"mnemonic": "anon", "credentials": {"username": "", "password": ""}});
        let anonymous = json!({"mnemonic": "anon"});
        let request = app.http.post(format!("{}/auth/login", app.public)).header("x-forwarded-for", address);
        let body = if address == GUESSER { anonymous } else { body };
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    let of_robot = [log_in(GUESSER).await, log_in(GUESSER).await, log_in(GUESSER).await, log_in(GUESSER).await];
    assert_eq!(of_robot, [200, 200, 200, 429]);
    assert_eq!(log_in(SOMEBODY).await, 200);
    app.clock.advance_seconds(1);
    assert_eq!([log_in(GUESSER).await, log_in(GUESSER).await], [200, 429]);
    app.stop().await;
}
