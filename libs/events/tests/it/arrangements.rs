//! Every bus with every engine, and the services of these tests over them.

use std::sync::Arc;

use events::{Event, Outbox};
use service_kit::{DbError, ServiceDef, SystemIds};
use testkit::probe::ThingChanged;
use testkit::{Backend, KEY, Nats, TestApp, key_of, list_backends, wait_until};

/// Services with the server that their events go over.
pub struct Arranged {
    /// Such as `PostgreSQL, NATS`.
    pub name: String,
    pub app: TestApp,
    pub nats: Option<Nats>,
}

/// The services once per engine and bus.
pub async fn everywhere(services: &[ServiceDef]) -> Vec<Arranged> {
    let mut all = Vec::new();
    for backend in list_backends() {
        let engine = engine(&backend);
        let app = TestApp::start_on(&backend, services, &maker()).await;
        all.push(Arranged { name: format!("{engine}, memory"), app, nats: None });
        let nats = Nats::start().await;
        let app = TestApp::start_on(&backend, services, &format!("{}{}", nats.settings(), maker())).await;
        all.push(Arranged { name: format!("{engine}, NATS"), app, nats: Some(nats) });
    }
    all
}

pub fn engine(backend: &Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SQLite",
        Backend::Postgres(_) => "PostgreSQL",
    }
}

/// An outbox beside that of the running service, as a command would use it.
pub fn outbox(app: &TestApp, service: &'static str) -> Outbox {
    Outbox::new(service, Arc::clone(&app.clock) as _, Arc::new(SystemIds))
}

/// Emits events in one transaction.
pub async fn emit_events<E: Event>(app: &TestApp, service: &'static str, events: &[E]) {
    let outbox = outbox(app, service);
    let work = async |tx: &mut service_kit::Tx| -> Result<(), DbError> {
        for event in events {
            outbox.emit(tx, event).await?;
        }
        Ok(())
    };
    app.db(service).write(work).await.unwrap();
}

pub fn thing(id: i64) -> ThingChanged {
    ThingChanged { id, revision: 1 }
}

/// A number that one statement gives.
pub async fn number(app: &TestApp, service: &str, sql: &str) -> i64 {
    app.db(service).read().await.unwrap().fetch_one(sql, &[]).await.unwrap().get_at(0).unwrap()
}

/// Waits until a statement gives a number.
pub async fn until_number(app: &TestApp, service: &str, sql: &str, expected: i64) {
    wait_until(&format!("{expected} = {sql}"), async || (number(app, service, sql).await == expected).then_some(()))
        .await;
}

/// Settings in which these tests may make things.
pub fn maker() -> String {
    key_of("db/alice", &["things:write"])
}

/// Makes a thing by the probe's interface; needs [`maker`].
pub async fn make_thing(app: &TestApp, name: &str) {
    let body = serde_json::json!({"name": name});
    let request = app.http.post(format!("{}/probe/things", app.public)).bearer_auth(KEY).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}
