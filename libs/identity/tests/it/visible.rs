//! Which investigations a caller or a user may see, over a catalogue that says what it was asked.

use std::collections::BTreeMap;
use std::sync::Mutex;

use actix_web::{HttpResponse, web};
use events::Events;
use futures_util::future::join_all;
use identity::{Caller, Identity, Subject, VisibleInvestigations};
use serde_json::{Value, json};
use service_kit::{BuildError, Ctx, ErrorFormat, Listener, Mount, Problem, Running, ServiceDef};
use std::sync::Arc;
use testkit::TestApp;

const SETTINGS: &str = "[icat]\nurl = \"self\"\nchanges = \"none\"\n";
const WITH_READER: &str = "[icat]\nurl = \"self\"\nchanges = \"none\"\nreader = \"db:reader:secret\"\n";

/// The rows of each kind of query by session, and the queries since they were last read. A kind is the entity after FROM,
/// and what the conditions are about.
#[derive(Default)]
struct Catalogue {
    rows: Mutex<BTreeMap<String, Vec<Value>>>,
    asked: Mutex<Vec<String>>,
}

const CATALOGUE: ServiceDef = ServiceDef {
    name: "catalogue",
    build: |ctx| Box::pin(async move { build_catalogue(&ctx).await }),
    ..ServiceDef::EMPTY
};

async fn build_catalogue(ctx: &Ctx) -> Result<Running, BuildError> {
    let identity = Identity::new(ctx, &Events::start(ctx).await?)?;
    let catalogue = Arc::new(Catalogue::default());
    let icat = Mount::new("/icat", Listener::Public, testkit::FAKE_ICAT_ERRORS)
        .state(Arc::clone(&catalogue))
        .get("/session/{id}", async |id: web::Path<String>| {
            json!({"userName": format!("db/{id}"), "remainingMinutes": 119.5}).to_string()
        })
        .post("/session", async || json!({"sessionId": "reader"}).to_string())
        .get("/properties", async || json!({"maxEntities": 10_000}).to_string())
        .get("/entityManager", search_rows);
    let steer = Mount::new("/steer", Listener::Internal, ErrorFormat::PROBLEM_DETAILS)
        .state(catalogue)
        .put("/rows", async |catalogue: web::Data<Catalogue>, rows: web::Json<BTreeMap<String, Vec<Value>>>| {
            *catalogue.rows.lock().unwrap() = rows.into_inner();
            HttpResponse::NoContent().finish()
        })
        .post("/asked", async |catalogue: web::Data<Catalogue>| {
            HttpResponse::Ok().json(std::mem::take(&mut *catalogue.asked.lock().unwrap()))
        });
    let asker = Mount::new("/visible", Listener::Public, ErrorFormat::PROBLEM_DETAILS);
    let asker = identity
        .accept_credentials(asker, &[])
        .get("", list_visible)
        .get("/instruments", async |identity: web::Data<Identity>, caller: Caller| {
            Ok::<_, Problem>(HttpResponse::Ok().json(&*identity.list_instruments_of_scientist(&caller).await?))
        })
        .get("/{user}/{times}", list_visible_to_user);
    Ok(Running { mounts: vec![icat, steer, asker], ..Running::default() })
}

async fn search_rows(catalogue: web::Data<Catalogue>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let parameter = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap();
    let text = parameter("query");
    catalogue.asked.lock().unwrap().push(text.to_owned());
    let entity = text.split_once(" FROM ").unwrap().1.split(' ').next().unwrap();
    let about = ["InvestigationUser", "InvestigationGroup", "InvestigationInstrument", "releaseDate"]
        .into_iter()
        .find(|about| entity == "Investigation" && text.contains(about))
        .unwrap_or_default();
    let kind = format!("{} {entity} {about}", parameter("sessionId"));
    let number = |before: &str| {
        let rest = text.split_once(before)?.1;
        let digits = rest.chars().take_while(char::is_ascii_digit).collect::<String>();
        digits.parse::<i64>().ok()
    };
    let (after, limit) = (number("o.id > ").unwrap_or(0), number("LIMIT 0,").expect("every query is of pages"));
    let rows = catalogue.rows.lock().unwrap();
    let Some(rows) = rows.get(kind.trim()) else {
        return HttpResponse::InternalServerError().json(json!({"code": "INTERNAL", "message": kind}));
    };
    let id = |row: &Value| row.as_i64().or(row[0].as_i64()).unwrap();
    let page: Vec<&Value> = rows.iter().filter(|row| id(row) > after).take(usize::try_from(limit).unwrap()).collect();
    HttpResponse::Ok().json(page)
}

fn render_visible(visible: &VisibleInvestigations) -> Value {
    let ids: Vec<u64> = visible.investigations.iter().take(10).collect();
    json!([ids, visible.investigations.len(), visible.complete])
}

async fn list_visible(identity: web::Data<Identity>, caller: Caller) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(render_visible(&identity.find_visible_investigations(&caller).await?)))
}

/// Asks several times at once; all must get the same answer.
async fn list_visible_to_user(
    identity: web::Data<Identity>,
    path: web::Path<(String, usize)>,
) -> Result<HttpResponse, Problem> {
    let subject = Subject { icat_user_name: format!("db/{}", path.0) };
    let answers = join_all((0..path.1).map(|_| identity.find_visible_investigations_of_subject(&subject))).await;
    let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert!(answers.iter().all(|answer| Arc::ptr_eq(&answer.investigations, &answers[0].investigations)));
    Ok(HttpResponse::Ok().json(render_visible(&answers[0])))
}

struct Asker {
    app: TestApp,
}

impl Asker {
    async fn start(settings: &str, rows: &Value) -> Self {
        let asker = Self { app: TestApp::start(&[CATALOGUE], settings).await };
        asker.set_rows(rows).await;
        asker
    }

    async fn set_rows(&self, rows: &Value) {
        let answer = self.app.http.put(format!("{}/steer/rows", self.app.internal)).json(rows).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }

    /// The queries since this was last asked.
    async fn list_asked(&self) -> Vec<String> {
        let answer = self.app.http.post(format!("{}/steer/asked", self.app.internal)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str, session: &str) -> (u16, Value) {
        let request = self.app.http.get(format!("{}{path}", self.app.public)).bearer_auth(session);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

/// What the reader account finds: ada is a member of 10 and 11, in a group of 12, and scientist of an instrument of 13; 11 is
/// hidden from the reader. 14 is released, 15 will be in ten seconds.
fn reader_rows() -> Value {
    json!({
        "reader InvestigationUser": [[1, 10], [2, 11]],
        "reader Investigation InvestigationUser": [10],
        "reader InvestigationGroup": [[1, 12]],
        "reader Investigation InvestigationGroup": [12, 16],
        "reader InstrumentScientist": [[1, 9, "ID29"]],
        "reader Investigation InvestigationInstrument": [13],
        "reader Investigation releaseDate": [[14, "2020-01-01T00:00:00Z"], [15, "2026-01-12T09:00:10Z"]],
    })
}

#[tokio::test]
async fn a_session_sees_what_icats_rules_let_it_see_and_needs_no_reader_account() {
    let rows: Vec<i64> = (1..=25_000).map(|n| n * 3).collect();
    let asker = Asker::start(SETTINGS, &json!({"ada Investigation": rows, "bob Investigation": [4]})).await;
    for _ in 0..2 {
        let expected = json!([[3, 6, 9, 12, 15, 18, 21, 24, 27, 30], 25_000, true]);
        assert_eq!(asker.get("/visible", "ada").await, (200, expected));
    }
    assert_eq!(asker.get("/visible", "bob").await, (200, json!([[4], 1, true])));
    let asked = asker.list_asked().await;
    assert_eq!(asked.len(), 3 + 1, "a request for each 10,000, once: {asked:#?}");
    assert!(asked.iter().all(|query| query.starts_with("SELECT o.id FROM Investigation o")), "{asked:#?}");
    let (status, problem) = asker.get("/visible/ada/1", "ada").await;
    assert_eq!((status, problem["type"].as_str()), (503, Some("urn:undulator:problem:identity/no-reader")));
    asker.app.stop().await;
}

#[tokio::test]
async fn without_a_session_memberships_count_whose_rows_the_reader_account_sees() {
    let asker = Asker::start(WITH_READER, &reader_rows()).await;
    assert_eq!(asker.get("/visible/ada/1", "ada").await, (200, json!([[10, 12, 13, 14], 4, true])));
    let asked = asker.list_asked().await;
    assert_eq!(asked.len(), 7, "{asked:#?}");
    assert_eq!(asker.get("/visible/instruments", "ada").await, (200, json!({"9": "ID29"})));
    assert_eq!(asker.list_asked().await, Vec::<String>::new(), "the instruments are known");
    // The clock of ICAT is not the service's: the answer ends with the next release, long before it expires.
    asker.app.clock.advance_seconds(9);
    assert_eq!(asker.get("/visible/ada/1", "ada").await.1[1], 4);
    asker.app.clock.advance_seconds(1);
    assert_eq!(asker.get("/visible/ada/1", "ada").await, (200, json!([[10, 12, 13, 14, 15], 5, true])));
    asker.app.stop().await;
}

#[tokio::test]
async fn a_user_without_memberships_takes_four_requests_and_what_is_released_is_asked_once_for_all() {
    let mut rows = reader_rows();
    for entity in ["InvestigationUser", "InvestigationGroup", "InstrumentScientist"] {
        rows[format!("reader {entity}")] = json!([]);
    }
    let asker = Asker::start(WITH_READER, &rows).await;
    for (user, expected) in [("dan", 4), ("eve", 3)] {
        assert_eq!(asker.get(&format!("/visible/{user}/1"), "ada").await, (200, json!([[14], 1, true])));
        assert_eq!(asker.list_asked().await.len(), expected, "{user}");
    }
    asker.app.stop().await;
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_share_one_lookup_and_its_failure() {
    let asker = Asker::start(WITH_READER, &json!({})).await;
    let (status, problem) = asker.get("/visible/ada/100", "ada").await;
    assert_eq!((status, problem["type"].as_str()), (502, Some("urn:undulator:problem:identity/icat-nonsense")));
    assert_eq!(asker.list_asked().await.len(), 1, "the first request fails, and for all");
    asker.set_rows(&reader_rows()).await;
    assert_eq!(asker.get("/visible/ada/100", "ada").await.1[1], 4, "a failure is not remembered");
    assert_eq!(asker.list_asked().await.len(), 7);
    asker.app.clock.advance_seconds(50);
    assert_eq!(asker.get("/visible/ada/100", "ada").await.1[1], 5);
    assert_eq!(asker.list_asked().await.len(), 7, "after it has expired, once again");
    asker.app.stop().await;
}
