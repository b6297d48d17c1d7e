//! A client of the REST interface.

use service_kit::{Listener, Mount, Running, ServiceDef};
use testkit::{TestApp, list_backends};

/// An authenticator that accepts every login: `simple` as root, `db` as ada.
pub const AUTHENTICATOR: ServiceDef = ServiceDef {
    name: "authenticator",
    build: |_| {
        let mount = Mount::new("/authn.simple", Listener::Internal, testkit::FAKE_ICAT_ERRORS)
            .post("/authenticate", async || r#"{"username":"root","mechanism":"simple"}"#);
        let other = Mount::new("/authn.db", Listener::Internal, testkit::FAKE_ICAT_ERRORS)
            .get("/description", async || r#"{"keys":[{"name":"username"},{"name":"password","hide":true}]}"#)
            .post("/authenticate", async || r#"{"username":"ada","mechanism":"db"}"#);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount, other], workers: Vec::new() })))
    },
    ..ServiceDef::EMPTY
};

/// A catalogue and its root user.
pub struct Client {
    pub app: TestApp,
    pub session: String,
}

impl Client {
    pub async fn log_in(app: &TestApp, plugin: &str) -> String {
        let json = format!(r#"{{"plugin":"{plugin}","credentials":[{{"username":"x"}}]}}"#);
        let answer =
            app.http.post(format!("{}/icat/session", app.public)).form(&[("json", json)]).send().await.unwrap();
        let text = answer.text().await.unwrap();
        text.split('"').nth(3).unwrap().to_owned()
    }

    pub async fn get_entities(&self, session: &str, query: &str, id: Option<i64>) -> (u16, String) {
        let mut parameters = vec![("sessionId", session.to_owned()), ("query", query.to_owned())];
        parameters.extend(id.map(|id| ("id", id.to_string())));
        let url = format!("{}/icat/entityManager", self.app.public);
        let answer = self.app.http.get(url).query(&parameters).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn write_entities(&self, session: &str, entities: &str) -> (u16, String) {
        let form = [("sessionId", session), ("entities", entities)];
        let url = format!("{}/icat/entityManager", self.app.public);
        let answer = self.app.http.post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn delete_entities(&self, entities: &str) -> (u16, String) {
        let parameters = [("sessionId", self.session.as_str()), ("entities", entities)];
        let url = format!("{}/icat/entityManager", self.app.public);
        let answer = self.app.http.delete(url).query(&parameters).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub async fn assert_refused(&self, entities: &str, status: u16, body: &str) {
        assert_eq!(self.write_entities(&self.session, entities).await, (status, body.to_owned()), "{entities}");
    }

    pub async fn assert_found(&self, query: &str, body: &str) {
        assert_eq!(self.get_entities(&self.session, query, None).await, (200, body.to_owned()), "{query}");
    }

    /// Starts a catalogue on each engine, with a session of root.
    pub async fn start_on_each_engine(settings: &str) -> Vec<Self> {
        let mut all = Vec::new();
        for backend in list_backends() {
            let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR], settings).await;
            let session = Self::log_in(&app, "simple").await;
            all.push(Self { app, session });
        }
        all
    }

    /// Creates entities as root, which must succeed; returns their ids.
    pub async fn create_entities(&self, entities: &str) -> Vec<i64> {
        let (status, body) = self.write_entities(&self.session, entities).await;
        assert_eq!(status, 200, "{entities}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Runs a search that must succeed.
    pub async fn search_rows(&self, session: &str, query: &str) -> serde_json::Value {
        let (status, body) = self.get_entities(session, query, None).await;
        assert_eq!(status, 200, "{query}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let answer = self.app.http.post(format!("{}{path}", self.app.public)).form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}
