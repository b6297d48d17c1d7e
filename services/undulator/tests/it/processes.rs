//! The services of these tests as processes, and what every test needs of them: a root account and a session.

use auth::AccountName;
use service_kit::{Config, ServiceDef, Sources};
use testkit::{Process, probe, recorder};

const SERVICES: [ServiceDef; 5] = [auth::SERVICE, download::SERVICE, icat::SERVICE, probe::SERVICE, recorder::SERVICE];
const PASSWORD: &str = "only in tests, never elsewhere";

/// Not a test: the body of the processes that the tests start.
#[tokio::test(flavor = "multi_thread")]
async fn run_child() {
    testkit::run_child_process(&SERVICES).await;
}

/// A process with these services; configures and starts nothing.
pub fn build_process(name: &str, services: &[ServiceDef], dir: &std::path::Path) -> Process {
    Process::new("processes::run_child", name, services, dir)
}

/// The account `simple/root` in the database of auth.
pub async fn create_root(settings: &Config) {
    let accounts = auth::open_accounts(settings, &Sources::default()).await.unwrap();
    let account = AccountName { mechanism: "simple".to_owned(), name: "root".to_owned() };
    accounts.create_account(&account, PASSWORD).await.unwrap();
    accounts.close().await;
}

/// A session of root by ICAT+'s interface.
pub async fn log_in(http: &reqwest::Client, auth: &str) -> String {
    let login = serde_json::json!({"plugin": "simple", "username": "root", "password": PASSWORD});
    let answer = http.post(format!("{auth}/session")).json(&login).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let session: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(session["name"], "simple/root");
    session["sessionId"].as_str().unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a client of the services under test")]
pub fn build_client() -> reqwest::Client {
    reqwest::Client::new()
}

/// The value of a series of `/metrics`; `None` while the process does not answer.
pub async fn read_metric(http: &reqwest::Client, process_internal: &str, series: &str) -> Option<f64> {
    let text = http.get(format!("{process_internal}/metrics")).send().await.ok()?.text().await.ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?.trim().to_owned();
    value.parse().ok()
}
