//! A catalogue with one dataset, as far as downloads ask it anything, and files in a storage.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use service_kit::{Listener, Mount, Running, ServiceDef};
use testkit::{Backend, TestApp};

pub const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";
pub const DATASET: i64 = 4;

#[derive(Debug, Clone)]
struct Row {
    id: i64,
    name: String,
    location: Option<String>,
    size: Option<usize>,
    checksum: Option<String>,
}

type Rows = Mutex<Vec<Row>>;
/// Whether a proxy before the catalogue says that it does not answer.
type Down = AtomicBool;
/// How often anything was looked up.
type Searches = AtomicUsize;
type Parameters = web::Query<Vec<(String, String)>>;

const ICAT: ServiceDef = ServiceDef {
    name: "icat",
    build: |_| Box::pin(std::future::ready(Ok(Running { mounts: vec![build_mount()], ..Running::default() }))),
    ..ServiceDef::EMPTY
};

fn build_mount() -> Mount {
    Mount::new("/icat", Listener::Public, testkit::FAKE_ICAT_ERRORS)
        .state(Arc::new(Rows::default()))
        .state(Arc::new(Searches::default()))
        .state(Arc::new(Down::default()))
        .get("/down", set_down)
        .get("/searches", async |searches: web::Data<Searches>| searches.load(Relaxed).to_string())
        .get("/properties", async || HttpResponse::Ok().json(json!({"maxEntities": 10_000})))
        .post("/session", async || HttpResponse::Ok().json(json!({"sessionId": SESSION})))
        .get("/session/{id}", get_session)
        .get("/entityManager", search_entities)
        .post("/entityManager", create_entities)
        .delete("/entityManager", delete_entities)
}

async fn get_session(id: web::Path<String>) -> HttpResponse {
    if *id == SESSION {
        return HttpResponse::Ok().json(json!({"userName": "db/ada", "remainingMinutes": 119.5}));
    }
    HttpResponse::Forbidden().json(json!({"code": "SESSION", "message": "Unable to find user by sessionid"}))
}

/// What stands between a text and the next character that no number has.
fn find_number_after(query: &str, before: &str) -> Option<i64> {
    let rest = query.split_once(before)?.1;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

async fn set_down(down: web::Data<Down>) -> HttpResponse {
    down.store(true, Relaxed);
    HttpResponse::NoContent().finish()
}

async fn search_entities(
    rows: web::Data<Rows>,
    searches: web::Data<Searches>,
    down: web::Data<Down>,
    parameters: Parameters,
) -> HttpResponse {
    searches.fetch_add(1, Relaxed);
    if down.load(Relaxed) {
        return HttpResponse::BadGateway().body("no answer");
    }
    let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let (query, id) = (get("query").unwrap(), get("id").map(|id| id.parse::<i64>().unwrap()));
    if let Some(id) = id {
        let known = query.starts_with("Dataset") && id == DATASET || query.starts_with("Investigation") && id == 1;
        if !known {
            return HttpResponse::NotFound().json(json!({"code": "NO_SUCH_OBJECT_FOUND", "message": "no such object"}));
        }
        let investigation = json!({"id": 1, "name": "MX-1", "visitId": "1", "facility": {"name": "SUN"}});
        return HttpResponse::Ok().json(json!({"Dataset": {"id": id, "name": "scan", "investigation": investigation}}));
    }
    if query.contains("FROM Dataset") {
        let ids = if find_number_after(&query, "investigation.id = ").is_some() || query.contains("(4)") {
            vec![DATASET]
        } else {
            vec![]
        };
        return HttpResponse::Ok().json(ids);
    }
    let after = find_number_after(&query, "o.id > ").unwrap_or_default();
    let listed: Option<Vec<i64>> = query
        .split_once("o.id IN (")
        .map(|(_, rest)| rest.split(')').next().unwrap().split(',').map(|id| id.trim().parse().unwrap()).collect());
    let location = query.split_once("o.location = '").map(|(_, rest)| rest.split('\'').next().unwrap().to_owned());
    let rows = rows.lock().unwrap();
    let found = rows.iter().filter(|row| {
        row.id > after
            && listed.as_ref().is_none_or(|ids| ids.contains(&row.id))
            && location.as_ref().is_none_or(|location| Some(location) == row.location.as_ref())
            && (row.location.is_some() || !query.contains("o.location IS NOT NULL"))
            && find_number_after(&query, "o.dataset.id = ").is_none_or(|dataset| dataset == DATASET)
    });
    let whole = |row: &Row| json!([row.id, row.name, row.location, row.size, row.checksum, DATASET]);
    let found: Vec<Value> =
        found.map(|row| if query.contains("o.name") { whole(row) } else { row.id.into() }).collect();
    HttpResponse::Ok().json(found)
}

async fn create_entities(rows: web::Data<Rows>, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let entities = form.iter().find(|(key, _)| key == "entities").map(|(_, value)| value.clone()).unwrap();
    let entities: Vec<Value> = serde_json::from_str(&entities).unwrap();
    let datafile = &entities[0]["Datafile"];
    if datafile["name"] == "refused" {
        let failure = json!({"code": "INSUFFICIENT_PRIVILEGES", "message": "CREATE access to this Datafile is not allowed: l'été"});
        return HttpResponse::Forbidden().json(failure);
    }
    let name = datafile["name"].as_str().unwrap();
    if name == "failed" {
        return HttpResponse::InternalServerError()
            .json(json!({"code": "INTERNAL", "message": "before it was stored"}));
    }
    let refusals = [("taken", "OBJECT_ALREADY_EXISTS"), ("too long", "VALIDATION"), ("unreadable", "BAD_PARAMETER")];
    if let Some((_, code)) = refusals.iter().find(|(refused, _)| *refused == name) {
        return HttpResponse::BadRequest().json(json!({"code": code, "message": name}));
    }
    let mut rows = rows.lock().unwrap();
    let id = rows.iter().map(|row| row.id).max().unwrap_or_default() + 1;
    rows.push(Row {
        id,
        name: name.to_owned(),
        location: datafile["location"].as_str().map(str::to_owned),
        size: datafile["fileSize"].as_u64().map(|size| usize::try_from(size).unwrap()),
        checksum: datafile["checksum"].as_str().map(str::to_owned),
    });
    match name {
        "stored" => {
            HttpResponse::InternalServerError().json(json!({"code": "INTERNAL", "message": "after it was stored"}))
        }
        "unanswered" => HttpResponse::GatewayTimeout().finish(),
        _ => HttpResponse::Ok().json([id]),
    }
}

async fn delete_entities(rows: web::Data<Rows>, parameters: Parameters) -> HttpResponse {
    let entities = parameters.iter().find(|(key, _)| key == "entities").map(|(_, value)| value.clone()).unwrap();
    let entities: Vec<Value> = serde_json::from_str(&entities).unwrap();
    let ids: Vec<i64> = entities.iter().map(|entity| entity["Datafile"]["id"].as_i64().unwrap()).collect();
    rows.lock().unwrap().retain(|row| !ids.contains(&row.id));
    HttpResponse::NoContent().finish()
}

/// Downloads over that catalogue.
pub struct Facility {
    pub app: TestApp,
    pub files: PathBuf,
    /// Goes with the files when it is dropped.
    pub dir: tempfile::TempDir,
}

/// Status, headers and body.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Facility {
    pub async fn start(backend: &Backend, toml: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = dir.path().join("files");
        std::fs::create_dir(&files).unwrap();
        let toml = format!(
            "icat.reader = \"simple:root:secret\"\n[storage.main]\nurl = \"{}\"\nread_only = false\n{toml}",
            files.display()
        );
        let services = [ICAT, download::SERVICE, testkit::recorder::SERVICE];
        Self { app: TestApp::start_on(backend, &services, &toml).await, files, dir }
    }

    /// A file with a datafile; the datafile's id.
    pub async fn create_file(&self, name: &str, content: &[u8], checksum: bool) -> i64 {
        let location = format!("here/{name}");
        std::fs::create_dir_all(self.files.join("here")).unwrap();
        std::fs::write(self.files.join(&location), content).unwrap();
        let mut row = json!({"name": name, "location": location, "fileSize": content.len()});
        if checksum {
            row["checksum"] = format!("{:x}", compute_crc32(content)).into();
        }
        let entities = json!([{"Datafile": row}]).to_string();
        let url = format!("{}/icat/entityManager", self.app.public);
        let ids: Vec<i64> =
            self.app.http.post(url).form(&[("entities", entities)]).send().await.unwrap().json().await.unwrap();
        ids[0]
    }

    /// A datafile with any columns, for whatever file is there or not; its id.
    pub async fn create_datafile(&self, row: Value) -> i64 {
        let entities = json!([{"Datafile": row}]).to_string();
        let url = format!("{}/icat/entityManager", self.app.public);
        let answer = self.app.http.post(url).form(&[("entities", entities)]).send().await.unwrap();
        answer.json::<Vec<i64>>().await.unwrap()[0]
    }

    pub async fn get(&self, path_and_query: &str, headers: &[(&str, &str)]) -> Answer {
        self.send_request("GET", path_and_query, headers, Vec::new()).await
    }

    pub async fn send_request(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let url = if path_and_query.starts_with("http") {
            path_and_query.to_owned()
        } else {
            format!("{}{path_and_query}", self.app.public)
        };
        let mut request = self.app.http.request(method.parse().unwrap(), url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.unwrap().into() }
    }

    /// How often the catalogue was asked for anything.
    pub async fn count_searches(&self) -> usize {
        self.get("/icat/searches", &[]).await.text().parse().unwrap()
    }

    /// The id of the whole dataset, prepared.
    pub async fn prepare_dataset(&self) -> String {
        let (status, text) = self.prepare_dataset_with(&[]).await;
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Prepares the whole dataset; status and text.
    pub async fn prepare_dataset_with(&self, further: &[(&str, &str)]) -> (u16, String) {
        let url = format!("{}/ids/prepareData", self.app.public);
        let form = [&[("sessionId", SESSION), ("datasetIds", "4")], further].concat();
        let answer = self.app.http.post(url).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// CRC-32 as the standard (ISO 3309) writes it, one bit after the other.
pub fn compute_crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
