//! API keys that the built program creates and revokes beside a running server, whose services accept and refuse them.

use std::process::Output;

use serde_json::{Value, json};
use service_kit::ServiceDef;
use tempfile::TempDir;
use testkit::{Backend, TestApp, list_backends, wait_until};

const SERVICES: [ServiceDef; 4] = [auth::SERVICE, icat::SERVICE, download::SERVICE, logbook::SERVICE];
const CREATE: [&str; 10] = [
    "create",
    "id29",
    "--user",
    "simple/id29",
    "--scope",
    "logbook:read",
    "--scope",
    "logbook:write",
    "--expires",
    "30days",
];

struct Facility {
    app: TestApp,
    dir: TempDir,
}

impl Facility {
    async fn start(backend: &Backend, settings: &str) -> Self {
        Self { app: TestApp::start_on(backend, &SERVICES, settings).await, dir: TempDir::new().unwrap() }
    }

    /// `undulator auth api-key …`
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_undulator"));
        let command = command.args(["auth", "api-key"]).args(arguments).current_dir(self.dir.path());
        command.env("UNDULATOR_DATA_DIR", self.app.data_dir());
        if let Some(url) = &self.app.config.core.database.url {
            command.env("UNDULATOR_DATABASE__URL", url);
        }
        command.output().await.unwrap()
    }

    /// What a command that must succeed prints.
    async fn run_successfully(&self, arguments: &[&str]) -> (String, String) {
        let done = self.run(arguments).await;
        let [stdout, stderr] = [done.stdout, done.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(done.status.success(), "{arguments:?}: {stderr}");
        (stdout, stderr)
    }

    async fn list_keys(&self, arguments: &[&str]) -> Value {
        let (text, _) = self.run_successfully(&[&["list", "--json"][..], arguments].concat()).await;
        serde_json::from_str(&text).unwrap()
    }

    /// Writes an entry as programs of ICAT+ do, with the key in the path or as `Authorization: Bearer`.
    async fn notify(&self, key: &str, instrument: &str, is_in_path: bool) -> (u16, String) {
        let place = if is_in_path { key } else { "-" };
        let url = format!("{}/dataacquisition/{place}/notification?instrumentName={instrument}", self.app.public);
        let content = json!([{"format": "plainText", "text": "Beam is back"}]);
        let request = self.app.http.post(url);
        let request = if is_in_path { request } else { request.bearer_auth(key) };
        let request = request.json(&json!({"type": "notification", "category": "info", "content": content}));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn get(&self, path: &str, bearer: Option<&str>) -> (u16, String) {
        let mut request = self.app.http.get(format!("{}{path}", self.app.public));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_created_used_listed_and_revoked() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        assert_eq!(facility.list_keys(&[]).await, json!([]));
        let (stdout, stderr) = facility.run_successfully(&[&CREATE[..], &["--instrument", "ID29"]].concat()).await;
        let key = stdout.strip_suffix('\n').unwrap();
        assert!(key.len() == 47 && key.starts_with("uak_"), "the key alone: {} characters", key.len());
        assert!(stderr.contains("simple/id29") && stderr.contains("only now") && !stderr.contains(key), "{stderr}");
        for is_in_path in [true, false] {
            let (status, text) = facility.notify(key, "ID29", is_in_path).await;
            assert_eq!(status, 200, "{text}");
        }
        assert_eq!(facility.notify(key, "ID30", true).await.0, 403, "another instrument");

        let listed = facility.list_keys(&[]).await;
        let listed = &listed[0];
        assert_eq!(
            (&listed["name"], &listed["user"], &listed["scopes"], &listed["instruments"], &listed["state"]),
            (
                &json!("id29"),
                &json!("simple/id29"),
                &json!(["logbook:read", "logbook:write"]),
                &json!(["ID29"]),
                &json!("valid")
            )
        );
        assert_eq!((&listed["created_by"], listed.get("key")), (&json!("command line"), None));
        assert_eq!(facility.list_keys(&["--user", "simple/other"]).await, json!([]));
        let (text, _) = facility.run_successfully(&["list"]).await;
        assert!(text.contains("id29") && text.contains("valid") && !text.contains(key), "{text}");

        let again = facility.run(&CREATE).await;
        assert!(again.status.code() == Some(1) && String::from_utf8_lossy(&again.stderr).contains("id29 already"));
        let (text, _) = facility.run_successfully(&["revoke", "id29"]).await;
        assert_eq!(text, "revoked the API key id29\n");
        wait_until("the running server refuses the key", async || {
            (facility.notify(key, "ID29", true).await.0 == 401).then_some(())
        })
        .await;
        let (_, text) = facility.notify(key, "ID29", false).await;
        assert!(text.contains("has been revoked") && !text.contains(key), "{text}");
        assert_eq!(facility.list_keys(&[]).await[0]["state"], "revoked");
        assert_eq!(facility.run(&["revoke", "id29"]).await.status.code(), Some(1), "the name is free");
        let id = listed["id"].as_str().unwrap();
        assert_eq!(facility.run_successfully(&["revoke", id]).await.0, "id29 was revoked before\n");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_explained() {
    let settings = testkit::key_of("simple/settings", &["read"]);
    let facility = Facility::start(&list_backends()[0], &settings).await;
    let with = |option: &str, value: &'static str| {
        let mut arguments = CREATE.to_vec();
        let position = arguments.iter().rposition(|argument| *argument == option).unwrap();
        arguments[position + 1] = value;
        arguments
    };
    for (arguments, code, text) in [
        (with("--scope", "logbok:write"), 2, "scopes: read, logbook:read, logbook:write"),
        (with("--expires", "tomorrow"), 2, "365days"),
        (with("--expires", "2000-01-01"), 2, "expired already"),
        (with("--expires", "10years"), 2, "auth.api_key_max_lifetime"),
        (with("--user", ""), 2, "db/alice"),
        (CREATE[..4].to_vec(), 2, "--scope"),
        (vec!["revoke", "nothing"], 1, "no API key nothing"),
    ] {
        let refused = facility.run(&arguments).await;
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(code) && stderr.contains(text), "{arguments:?}: {stderr}");
        assert!(refused.stdout.is_empty());
    }
    assert_eq!(facility.list_keys(&[]).await, json!([]));
    facility.app.stop().await;
}

/// The catalogue and the downloads belong to users; a key is refused there, wherever it is known from.
#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_and_the_downloads_refuse_both_kinds_of_keys_in_the_same_way() {
    let settings = testkit::key_of("simple/id29", &["logbook:read", "logbook:write"]);
    let facility = Facility::start(&list_backends()[0], &settings).await;
    let (stdout, _) = facility.run_successfully(&CREATE).await;
    let (stored, of_settings) = (stdout.trim_end(), testkit::KEY);
    for path in [
        "/icat/entityManager?query=SELECT COUNT(f) FROM Facility f",
        "/ids/getServiceStatus",
        "/ids/getStatus?datasetIds=1",
        "/ids/getServiceStatus?sessionId={}",
        "/icat/entityManager?query=SELECT COUNT(f) FROM Facility f&sessionId={}",
    ] {
        let ask = async |key: &str| {
            let bearer = (!path.contains("{}")).then_some(key);
            let (status, text) = facility.get(&path.replace("{}", key), bearer).await;
            (status, text.replace(key, "KEY").replace("key id29", "key NAME").replace("key test", "key NAME"))
        };
        let (answer, expected) = (ask(stored).await, ask(of_settings).await);
        assert_eq!(answer, expected, "{path}");
        assert!((400..404).contains(&answer.0), "{path}: {answer:?}");
    }
    facility.app.stop().await;
}
