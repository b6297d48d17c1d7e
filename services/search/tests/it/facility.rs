//! A facility with a catalogue that the search reads: three investigations, two of them under embargo, with their files.

use std::collections::HashMap;

use serde_json::{Value, json};
use service_kit::ServiceDef;
use testkit::{AUTHENTICATOR, TestApp, wait_until};

use crate::engine::{add_engine, list_databases};

/// A busy machine may need longer for a search than people would wait.
pub const SETTINGS: &str = "[icat]\nurl = \"self\"\nreader = \"simple:root:x\"\n[search]\ncommit_interval = \"50ms\"\n\
                            max_search_time = \"60s\"\n\
                            [catalogue]\nauthn = [{ mnemonic = \"simple\" }]\n\
                            [identity]\nadministrators = [\"simple/root\"]\n";

/// Investigations by what they are called here; each has two datasets of three files.
const INVESTIGATIONS: [(&str, &str); 3] =
    [("embargo", "2029-01-10T08:00:00Z"), ("other", "2029-01-10T08:00:00Z"), ("released", "2025-01-10T08:00:00Z")];

pub struct Facility {
    pub app: TestApp,
    pub root: String,
    /// Ids by name: `embargo`, `embargo/d0`, `embargo/d0/scan_0.nxs`, `user/alice` …
    pub ids: HashMap<String, i64>,
}

impl Facility {
    /// One on each engine. Alice is a member of `embargo`, bob a scientist of the instrument of `other`, and dan neither.
    pub async fn start_all() -> Vec<Self> {
        Self::start_all_with(&[]).await
    }

    /// The same with more services in the process.
    pub async fn start_all_with(others: &[ServiceDef]) -> Vec<Self> {
        let mut all = Vec::new();
        for backend in list_databases() {
            let services =
                [&[icat::SERVICE, AUTHENTICATOR, search::SERVICE, testkit::recorder::SERVICE], others].concat();
            let app = Box::pin(TestApp::start_on(&backend, &services, &add_engine(SETTINGS))).await;
            let root = log_in(&app, "root").await;
            let mut facility = Self { app, root, ids: HashMap::new() };
            Box::pin(facility.fill_catalogue()).await;
            facility.wait_until_indexed().await;
            all.push(facility);
        }
        all
    }

    async fn fill_catalogue(&mut self) {
        for name in ["root", "alice", "bob", "dan"] {
            let user = json!({"name": format!("simple/{name}"), "fullName": format!("{name} Example")});
            self.create_row(&format!("user/{name}"), "User", user).await;
        }
        let facility = self.create_row("facility", "Facility", json!({"name": "SRC"})).await;
        let of_facility = |name: &str| json!({"name": name, "facility": {"id": facility}});
        let kind = self.create_row("type", "InvestigationType", of_facility("MX")).await;
        let raw = self.create_row("raw", "DatasetType", of_facility("raw")).await;
        let format = json!({"name": "NeXus", "version": "1", "facility": {"id": facility}});
        let format = self.create_row("format", "DatafileFormat", format).await;
        for name in ["BL07", "BL08"] {
            self.create_row(name, "Instrument", of_facility(name)).await;
        }
        for (name, release) in INVESTIGATIONS {
            let row = json!({"name": name, "visitId": "1", "title": format!("Lysozyme {name}"), "facility": {"id": facility},
                "type": {"id": kind}, "startDate": "2026-01-10T08:00:00Z", "releaseDate": release});
            let investigation = self.create_row(name, "Investigation", row).await;
            let sample = json!({"name": format!("crystal {name}"), "investigation": {"id": investigation}});
            let sample = self.create_row(&format!("{name}/sample"), "Sample", sample).await;
            for n in 0..2 {
                let key = format!("{name}/d{n}");
                let row = json!({"name": format!("d{n}"), "investigation": {"id": investigation}, "type": {"id": raw},
                    "sample": {"id": sample}});
                let dataset = self.create_row(&key, "Dataset", row).await;
                for n in 0..3 {
                    let file = format!("scan_{n}.nxs");
                    let row = json!({"name": file, "location": format!("/data/{key}/{file}"), "fileSize": 10 * n,
                        "dataset": {"id": dataset}, "datafileFormat": {"id": format}});
                    self.create_row(&format!("{key}/{file}"), "Datafile", row).await;
                }
            }
        }
        for (investigation, instrument) in [("embargo", "BL07"), ("other", "BL08"), ("released", "BL07")] {
            let row =
                json!({"investigation": {"id": self.ids[investigation]}, "instrument": {"id": self.ids[instrument]}});
            self.create_row(&format!("{investigation}/instrument"), "InvestigationInstrument", row).await;
        }
        let member =
            json!({"investigation": {"id": self.ids["embargo"]}, "user": {"id": self.ids["user/alice"]}, "role": "PI"});
        self.create_row("membership", "InvestigationUser", member).await;
        let scientist = json!({"instrument": {"id": self.ids["BL08"]}, "user": {"id": self.ids["user/bob"]}});
        self.create_row("scientist", "InstrumentScientist", scientist).await;
        for table in
            ["Facility", "Instrument", "InvestigationInstrument", "InvestigationType", "DatasetType", "DatafileFormat"]
        {
            self.create_row(&format!("rule/{table}"), "Rule", json!({"crudFlags": "R", "what": table})).await;
        }
        for (entity, path) in [
            ("Investigation", ""),
            ("Dataset", ".investigation"),
            ("Sample", ".investigation"),
            ("Datafile", ".dataset.investigation"),
        ] {
            for (name, condition) in [
                ("member", format!("x JOIN x{path}.investigationUsers iu WHERE iu.user.name = :user")),
                (
                    "scientist",
                    format!(
                        "x JOIN x{path}.investigationInstruments ii JOIN ii.instrument.instrumentScientists s \
                         WHERE s.user.name = :user"
                    ),
                ),
                ("released", format!("x WHERE x{path}.releaseDate < CURRENT_TIMESTAMP")),
            ] {
                let what = format!("SELECT x FROM {entity} {condition}");
                self.create_row(&format!("rule/{entity}/{name}"), "Rule", json!({"crudFlags": "R", "what": what}))
                    .await;
            }
        }
    }

    /// Creates a row and remembers its id.
    pub async fn create_row(&mut self, key: &str, entity: &str, row: Value) -> i64 {
        let id = self.write_entities(&json!([{entity: row}])).await[0];
        self.ids.insert(key.to_owned(), id);
        id
    }

    /// Creates or changes rows; returns their ids.
    pub async fn write_entities(&self, entities: &Value) -> Vec<i64> {
        let form = [("sessionId", self.root.clone()), ("entities", entities.to_string())];
        let url = format!("{}/icat/entityManager", self.app.public);
        let text = self.app.http.post(url).form(&form).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{entities}: {text}"))
    }

    /// Deletes the row that was created with this key.
    pub async fn delete(&self, key: &str, entity: &str) {
        let entities = json!({entity: {"id": self.ids[key]}}).to_string();
        let parameters = [("sessionId", self.root.as_str()), ("entities", &entities)];
        let url = format!("{}/icat/entityManager", self.app.public);
        assert_eq!(self.app.http.delete(url).query(&parameters).send().await.unwrap().status(), 204);
    }

    /// Sends a search as icat.server would; the engine knows no rights.
    pub async fn search_index(&self, target: &str, body: &Value) -> Vec<Value> {
        let url = format!("{}/icat.lucene/{target}?maxResults=1000&sort={{\"id\":\"asc\"}}", self.app.internal);
        let answer: Value = self.app.http.post(url).json(body).send().await.unwrap().json().await.unwrap();
        let results = answer["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
        results.iter().map(|hit| hit["_source"].clone()).collect()
    }

    /// Waits until a search of the index finds so many rows.
    pub async fn wait_for_rows(&self, target: &str, query: Value, expected: usize) {
        let body = json!({"query": query, "fields": ["id"]});
        wait_until(&format!("{target} {query} finds {expected} rows"), async || {
            (self.search_index(target, &body).await.len() == expected).then_some(())
        })
        .await;
    }

    /// Waits until all that was written to the catalogue is in the index.
    pub async fn wait_until_indexed(&self) {
        self.app.drain().await;
        wait_until("everything is in the index", async || {
            let mut tx = self.app.db("search").read().await.unwrap();
            let sql = "SELECT (SELECT COUNT(*) FROM changed_row) + (SELECT COUNT(*) FROM change_batch) \
                       + (SELECT COUNT(*) FROM catalogue_scan WHERE state <> 'done') AS waiting, \
                       (SELECT COUNT(*) FROM catalogue_scan) AS scans";
            let row = tx.fetch_one(sql, &[]).await.unwrap();
            let (waiting, scans): (i64, i64) = (row.get("waiting").unwrap(), row.get("scans").unwrap());
            (waiting == 0 && scans > 0).then_some(())
        })
        .await;
    }

    pub async fn log_in(&self, name: &str) -> String {
        log_in(&self.app, name).await
    }
}

pub async fn log_in(app: &TestApp, name: &str) -> String {
    let login = json!({"plugin": "simple", "credentials": [{"username": name}, {"password": "x"}]});
    let form = [("json", login.to_string())];
    let answer = app.http.post(format!("{}/icat/session", app.public)).form(&form).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["sessionId"].as_str().unwrap().to_owned()
}
