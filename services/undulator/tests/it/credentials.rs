//! One rule for credentials on every mount: `Authorization: Bearer` wins, and a header that cannot be read is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::AccountName;
use serde_json::{Value, json};
use service_kit::{Listener, Sources, SystemIds};
use testkit::TestApp;

const PASSWORD: &str = "only in tests, never elsewhere";
const SETTINGS: &str = "[identity]\nadministrators = [\"simple/root\"]\n";
const WRONG: &str = "00000000-0000-0000-0000-000000000000";

/// A request of each mount whose status tells whether the credential was accepted; `{}` is the location besides the header.
const REQUESTS: [(&str, &str); 5] = [
    ("icat", "/icat/entityManager?query=SELECT g.id FROM Grouping g&sessionId={}"),
    ("icat", "/icat/readable/Grouping?sessionId={}"),
    ("ids", "/ids/getServiceStatus?sessionId={}"),
    ("logbook", "/logbook/{}/tag"),
    ("users", "/users/{}/preferences"),
];
/// Mounts made by the same function as `/logbook`, with the same locations.
const SIBLINGS_OF_LOGBOOK: [&str; 4] = ["actions", "dataacquisition", "messages", "resource"];
/// Mounts that read no credential besides `Authorization`, see [`a_bearer_is_read_in_any_case_by_auth`].
const WITHOUT_LOCATIONS: [&str; 2] = ["auth", "session"];
/// Mounts whose routes take no credential.
const PUBLIC: [&str; 4] = ["", ".well-known", "docs", "openapi.json"];

async fn start_with_session() -> (TestApp, String) {
    let services = [auth::SERVICE, icat::SERVICE, download::SERVICE, logbook::SERVICE];
    let app = TestApp::start(&services, SETTINGS).await;
    let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
    let accounts = auth::open_accounts(&app.config, &sources).await.unwrap();
    let account = AccountName { mechanism: "simple".to_owned(), name: "root".to_owned() };
    accounts.create_account(&account, PASSWORD).await.unwrap();
    accounts.close().await;
    let login = json!({"plugin": "simple", "username": "root", "password": PASSWORD});
    let answer = app.http.post(format!("{}/session", app.public)).json(&login).send().await.unwrap();
    let session = answer.json::<Value>().await.unwrap()["sessionId"].as_str().unwrap().to_owned();
    (app, session)
}

async fn is_accepted(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> bool {
    let mut request = app.http.get(format!("{}{path}", app.public));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert!(matches!(status, 200 | 401 | 403), "{path} {headers:?}: {status} {text}");
    status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mount_reads_credentials_by_one_rule() {
    let (app, session) = start_with_session().await;
    let known: BTreeSet<&str> = REQUESTS.iter().map(|(mount, _)| *mount).collect();
    let known =
        known.into_iter().chain(SIBLINGS_OF_LOGBOOK).chain(WITHOUT_LOCATIONS).chain(PUBLIC).collect::<BTreeSet<_>>();
    let public = app.routes().iter().filter(|route| route.listener == Listener::Public);
    let mounts: BTreeSet<&str> = public.filter_map(|route| route.pattern.split('/').nth(1)).collect();
    let unknown: Vec<_> = mounts.difference(&known).collect();
    assert!(unknown.is_empty(), "say here how these mounts read credentials: {unknown:?}");

    let good = session.as_str();
    for (mount, path) in REQUESTS {
        let elsewhere = |text: &str| path.replace("{}", text);
        for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
            let header = format!("{scheme} {good}");
            assert!(is_accepted(&app, &elsewhere(WRONG), &[("authorization", &header)]).await, "{mount} {scheme}");
            let header = format!("{scheme} {WRONG}");
            assert!(!is_accepted(&app, &elsewhere(good), &[("authorization", &header)]).await, "{mount} {scheme}");
        }
        for unreadable in ["Bearer", &format!("Bearer {good} {good}"), good] {
            let headers = [("authorization", unreadable)];
            assert!(!is_accepted(&app, &elsewhere(good), &headers).await, "{mount} {unreadable}");
        }
        let twice = [("authorization", "Basic eDp5"), ("authorization", "Basic eDp5")];
        assert!(!is_accepted(&app, &elsewhere(good), &twice).await, "{mount}: two headers");
        for (location, expected) in [(good, true), (WRONG, false)] {
            assert_eq!(is_accepted(&app, &elsewhere(location), &[]).await, expected, "{mount}");
            let proxy = [("authorization", "Basic eDp5")];
            assert_eq!(is_accepted(&app, &elsewhere(location), &proxy).await, expected, "{mount}: a proxy's header");
        }
        // A header of its own counts where the mount has it, and is nothing elsewhere.
        let has_api_key = !["icat", "ids"].contains(&mount);
        let api_key = [("x-api-key", good)];
        assert_eq!(is_accepted(&app, &elsewhere(WRONG), &api_key).await, has_api_key, "{mount}: x-api-key");
        let bearer = format!("Bearer {WRONG}");
        let both = [("authorization", bearer.as_str()), ("x-api-key", good)];
        assert!(!is_accepted(&app, &elsewhere(good), &both).await, "{mount}: the header wins over x-api-key");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_is_read_in_any_case_by_auth() {
    let (app, session) = start_with_session().await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let header = format!("{scheme} {session}");
        let answer = app.http.get(format!("{}/session/-", app.public)).header("authorization", &header).send().await;
        assert_eq!(answer.unwrap().status(), 200, "{scheme}");
        let answer =
            app.http.post(format!("{}/auth/v1/token", app.public)).header("authorization", &header).send().await;
        assert_eq!(answer.unwrap().status(), 200, "{scheme}");
    }
    for unreadable in ["Bearer", session.as_str()] {
        let path = format!("{}/session/{session}", app.public);
        let answer = app.http.get(path).header("authorization", unreadable).send().await;
        assert!(matches!(answer.unwrap().status().as_u16(), 401 | 403), "{unreadable}");
    }
    app.stop().await;
}
