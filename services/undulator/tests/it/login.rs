//! `undulator login`, `whoami`, `token` and `logout`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use testkit::Backend;

use crate::search_facility::{FILES, Facility, Outcome};

const LOGINS: &str = "config/undulator/logins.json";

impl Facility {
    async fn log_in_by_command(&self) -> Outcome {
        let options = ["login", "--url", &self.app.public, "--user", "db/alice", "--password-file", "password"];
        self.run_command(&options, 0).await
    }

    fn read_logins(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file_path(LOGINS)).unwrap()).unwrap()
    }

    /// Changes the one login in the file.
    fn change_login(&self, key: &str, value: Value) {
        let mut logins = self.read_logins();
        logins[self.app.public.as_str()][key] = value;
        fs::write(self.file_path(LOGINS), logins.to_string()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_commands_use_the_login() {
    for facility in Facility::start_all().await {
        let url = facility.app.public.clone();
        let refused = facility.run_command(&["find", "--url", &url, "--count"], 2).await;
        assert!(refused.errors.contains("log in with `undulator login`"), "{}", refused.errors);
        let refused = facility.run_command(&["whoami"], 1).await;
        assert!(refused.errors.contains("you are not logged in"), "{}", refused.errors);

        let login = facility.log_in_by_command().await;
        assert!(login.output.starts_with(&format!("logged in as db/alice at {url} until ")), "{}", login.output);
        let mode = fs::metadata(facility.file_path(LOGINS)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let found = facility.run_command(&["find", "--url", &url, "--count"], 0).await;
        assert_eq!(found.output, format!("{FILES}\n"));
        let user = facility.run_command(&["whoami", "--json"], 0).await.parse_json();
        assert_eq!((&user["user"], &user["mechanism"]), (&json!("db/alice"), &json!("db")));
        let token = facility.run_command(&["token"], 0).await.output;
        let request = facility.app.http.get(format!("{url}/auth/v1/logins")).bearer_auth(token.trim());
        let logins: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(logins["logins"][0]["client"], "undulator-cli");

        // The catalogue finds the investigation; there is no data service here.
        let by_name = ["get", "--url", &url, "--investigation", "MX-1", "--patience", "0s", "--out", "data"];
        let refused = facility.run_command(&by_name, 1).await;
        assert!(
            !refused.errors.contains("session") && !refused.errors.contains("there is no investigation"),
            "{}",
            refused.errors
        );
        let by_name = ["get", "--url", &url, "--investigation", "MX-2", "--out", "data"];
        let refused = facility.run_command(&by_name, 1).await;
        assert!(
            refused.errors.contains("there is no investigation `MX-2` that this user may read"),
            "{}",
            refused.errors
        );
        let elsewhere = ["find", "--url", &url, "--icat-url", "http://127.0.0.1:9", "--count"];
        let refused = facility.run_command(&elsewhere, 2).await;
        assert!(refused.errors.contains("no session"), "the token is for {url} alone: {}", refused.errors);

        let ended = facility.run_command(&["logout"], 0).await;
        assert_eq!(ended.output, format!("logged out at {url}\n"));
        let request = facility.app.http.get(format!("{url}/auth/v1/logins")).bearer_auth(token.trim());
        assert_eq!(request.send().await.unwrap().status(), 401, "the token of an ended login");
        facility.run_command(&["token"], 1).await;
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_ends() {
    let facility = Facility::start(&Backend::Sqlite).await;
    facility.log_in_by_command().await;
    let first = facility.run_command(&["token"], 0).await.output;
    assert_eq!(facility.run_command(&["token"], 0).await.output, first, "it is valid for a while");
    let before = facility.read_logins();

    facility.change_login("access_token_ends_at", json!("2020-01-01T00:00:00Z"));
    let renewed = facility.run_command(&["token"], 0).await.output;
    let after = facility.read_logins();
    let url = facility.app.public.as_str();
    assert_ne!(after[url]["refresh_token"], before[url]["refresh_token"]);
    assert_eq!(after[url]["access_token"], renewed.trim());
    assert_eq!(facility.run_command(&["find", "--url", url, "--count"], 0).await.output, format!("{FILES}\n"));

    let again = facility.log_in_by_command().await;
    assert_eq!(again.errors, "", "the earlier login is ended");
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_has_ended_is_forgotten() {
    let facility = Facility::start(&Backend::Sqlite).await;
    facility.log_in_by_command().await;
    let url = facility.app.public.clone();
    let token = facility.run_command(&["token"], 0).await.output;
    let ended = facility.app.http.post(format!("{url}/auth/v1/logout")).bearer_auth(token.trim()).send().await.unwrap();
    assert_eq!(ended.status(), 204);

    facility.change_login("access_token_ends_at", json!("2020-01-01T00:00:00Z"));
    let refused = facility.run_command(&["token"], 1).await;
    let hint = format!("the login at {url} has ended; log in again with `undulator login --url {url} --user db/alice`");
    assert!(refused.errors.contains(&hint), "{}", refused.errors);
    assert_eq!(facility.read_logins(), json!({}));
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_named() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let url = facility.app.public.clone();
    fs::write(facility.file_path("wrong"), "not the password\n").unwrap();
    for (arguments, code, text) in [
        (&["--url", &url, "--user", "db/alice", "--password-file", "wrong"][..], 1, "db/alice cannot log in at"),
        (&["--url", &url, "--user", "alice", "--password-file", "password"], 2, "has no mechanism"),
        (&["--url", "data.example.org", "--user", "db/alice"], 2, "is not an address"),
    ] {
        let refused = facility.run_command(&[&["login"], arguments].concat(), code).await;
        assert!(refused.errors.contains(text), "{arguments:?}: {}", refused.errors);
        assert!(!refused.errors.contains("not the password"), "{}", refused.errors);
    }
    facility.log_in_by_command().await;
    fs::set_permissions(facility.file_path(LOGINS), Permissions::from_mode(0o644)).unwrap();
    let refused = facility.run_command(&["token"], 1).await;
    assert!(refused.errors.contains("others may read"), "{}", refused.errors);
    facility.app.stop().await;
}
