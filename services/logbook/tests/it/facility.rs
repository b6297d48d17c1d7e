//! A small facility: who is who, two investigations under embargo, one released, and programs with keys.

use std::time::Duration;

use serde_json::{Value, json};
use service_kit::ServiceDef;
use testkit::{AUTHENTICATOR, TestApp, list_backends};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The keys are `program` and `reader`.
pub const SETTINGS: &str = r#"
[icat]
url = "self"
reader = "simple:root:x"

[identity]
administrators = ["simple/admin"]

[[identity.api_keys]]
name = "beamline"
sha256 = "1310ca2c8932dbd118668bd97442558a3e1f546b5e15c69699dfbd6024f548d8"
user = "simple/acquisition"
scopes = ["logbook:write"]
expires = "2030-01-01T00:00:00Z"

[[identity.api_keys]]
name = "reader"
sha256 = "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30"
user = "simple/dashboard"
scopes = ["read", "logbook:read"]
expires = "2030-01-01T00:00:00Z"
"#;

/// Ids of what is in the catalogue.
pub const EMBARGO: i64 = 20;
pub const OTHER: i64 = 21;
pub const RELEASED: i64 = 22;

pub struct Facility {
    pub app: TestApp,
    root: String,
}

impl Facility {
    /// One on each engine.
    pub async fn start_all() -> Vec<Self> {
        Self::all_with(SETTINGS).await
    }

    /// The same with other settings.
    pub async fn all_with(settings: &str) -> Vec<Self> {
        let services = [icat::SERVICE, AUTHENTICATOR, logbook::SERVICE, testkit::recorder::SERVICE];
        Self::all_of(&services, settings).await
    }

    /// The same with other services besides.
    pub async fn all_of(services: &[ServiceDef], settings: &str) -> Vec<Self> {
        let mut all = Vec::new();
        for backend in list_backends() {
            let app = TestApp::start_on(&backend, services, settings).await;
            let root = log_in(&app, "root").await;
            let facility = Self { app, root };
            facility.fill_catalogue().await;
            all.push(facility);
        }
        all
    }

    async fn fill_catalogue(&self) {
        let users: Vec<Value> = ["root", "alice", "bob", "carol", "dan", "admin"]
            .map(|name| json!({"User": {"name": format!("simple/{name}"), "fullName": format!("{name} Example")}}))
            .into();
        self.create_entities(&json!(users)).await;
        self.create_entities(&json!([{"Facility": {"name": "SRC"}}])).await;
        self.create_entities(&json!([{"InvestigationType": {"name": "MX", "facility": {"id": 7}}}])).await;
        self.create_entities(&json!([{"Instrument": {"name": "BL07", "facility": {"id": 7}}}, {"Instrument": {"name": "BL08", "facility": {"id": 7}}}])).await;
        self.create_entities(&json!([{"InstrumentScientist": {"user": {"id": 4}, "instrument": {"id": 9}}}])).await;
        let rules = [
            "SELECT i FROM Investigation i JOIN i.investigationUsers iu JOIN iu.user u WHERE u.name = :user",
            "SELECT i FROM Investigation i JOIN i.investigationInstruments ii JOIN ii.instrument.instrumentScientists s JOIN s.user u WHERE u.name = :user",
            "SELECT i FROM Investigation i WHERE i.releaseDate < CURRENT_TIMESTAMP",
            "Instrument",
            "User",
            "Facility",
            "InvestigationInstrument",
            "InvestigationType",
        ];
        let rules: Vec<Value> = rules.map(|what| json!({"Rule": {"crudFlags": "R", "what": what}})).into();
        self.create_entities(&json!(rules)).await;
        let investigation = |name: &str, start: &str, end: &str, release: &str| {
            json!({"Investigation": {"name": name, "visitId": start, "title": "t", "facility": {"id": 7}, "type": {"id": 8},
                "startDate": start, "endDate": end, "releaseDate": release}})
        };
        let ids = self
            .create_entities(&json!([
                investigation("ZZ-123", "2026-01-10T08:00:00Z", "2026-01-14T08:00:00Z", "2029-01-10T08:00:00Z"),
                investigation("ZZ-124", "2026-01-10T08:00:00Z", "2026-01-14T08:00:00Z", "2029-01-10T08:00:00Z"),
                investigation("ZZ-100", "2022-01-10T08:00:00Z", "2022-01-14T08:00:00Z", "2025-01-10T08:00:00Z"),
            ]))
            .await;
        assert_eq!(ids, [EMBARGO, OTHER, RELEASED]);
        for id in ids {
            self.create_entities(&json!([
                {"InvestigationInstrument": {"investigation": {"id": id}, "instrument": {"id": 9}}},
                {"InvestigationUser": {"investigation": {"id": id}, "user": {"id": 2}, "role": "Principal Investigator"}},
            ]))
            .await;
        }
        self.create_entities(&json!([{"InvestigationUser": {"investigation": {"id": EMBARGO}, "user": {"id": 3}, "role": "Investigator"}}])).await;
    }

    /// Stopped and started again on the same databases.
    pub async fn restart(self) -> Self {
        Self { app: Box::pin(self.app.restart()).await, root: self.root }
    }

    pub async fn create_entities(&self, entities: &Value) -> Vec<i64> {
        let form = [("sessionId", self.root.clone()), ("entities", entities.to_string())];
        let answer =
            self.app.http.post(format!("{}/icat/entityManager", self.app.public)).form(&form).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{entities}: {text}"))
    }

    /// Deletes the rows of an entity that meet a condition about `o`.
    pub async fn delete_entities(&self, entity: &str, condition: &str) {
        let query = format!("SELECT o.id FROM {entity} o WHERE {condition}");
        let parameters = [("sessionId", self.root.as_str()), ("query", &query)];
        let url = format!("{}/icat/entityManager", self.app.public);
        let found = self.app.http.get(&url).query(&parameters).send().await.unwrap();
        let ids: Vec<i64> = found.json().await.unwrap();
        assert!(!ids.is_empty(), "{query}");
        for id in ids {
            let entities = json!({entity: {"id": id}}).to_string();
            let parameters = [("sessionId", self.root.as_str()), ("entities", &entities)];
            let answer = self.app.http.delete(&url).query(&parameters).send().await.unwrap();
            assert_eq!(answer.status(), 204, "{entities}");
        }
    }

    /// Another release date of an investigation.
    pub async fn set_release(&self, investigation: i64, at: &str) {
        self.create_entities(&json!([{"Investigation": {"id": investigation, "releaseDate": at}}])).await;
    }

    pub async fn log_in(&self, name: &str) -> String {
        log_in(&self.app, name).await
    }

    /// What is answered to whoever sends some of a body and then nothing.
    pub async fn send_stalled(&self, method: &str, path: &str, kind: &str, begun: &str) -> String {
        let mut connection = TcpStream::connect(self.app.public.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 20000000\r\n\r\n{begun}"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let n = tokio::time::timeout(Duration::from_secs(30), connection.read(&mut answer))
            .await
            .expect("an answer")
            .unwrap();
        String::from_utf8_lossy(&answer[..n]).into_owned()
    }

    /// Status and body.
    pub async fn send_json(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let mut request = self.app.http.request(method.parse().unwrap(), format!("{}{path}", self.app.public));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Status, media type and bytes.
    pub async fn send_bytes(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> (u16, String, Vec<u8>) {
        let mut request = self.app.http.request(method.parse().unwrap(), format!("{}{path}", self.app.public));
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap();
        let media_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), media_type.unwrap_or_default(), answer.bytes().await.unwrap().to_vec())
    }

    /// The JSON of what must succeed.
    pub async fn expect_success(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, to_text) = self.send_json(method, path, body).await;
        assert_eq!(status, 200, "{method} {path}: {to_text}");
        serde_json::from_str(&to_text).unwrap_or_else(|_| panic!("{method} {path}: {to_text}"))
    }
}

async fn log_in(app: &TestApp, name: &str) -> String {
    let json = json!({"plugin": "simple", "credentials": [{"username": name}]}).to_string();
    let answer = app.http.post(format!("{}/icat/session", app.public)).form(&[("json", json)]).send().await.unwrap();
    let text = answer.text().await.unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["sessionId"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
}
