//! A facility with a search service that reads its catalogue, and the built program beside it.

use std::sync::Arc;

use auth::AccountName;
use serde_json::{Value, json};
use service_kit::{ServiceDef, Sources, SystemIds};
use tempfile::TempDir;
use testkit::{Backend, TestApp, list_backends, wait_until};
use tokio::process::Command;

const SERVICES: [ServiceDef; 3] = [auth::SERVICE, icat::SERVICE, search::SERVICE];
const PASSWORD: &str = "zumkaltenstrahlrohr";
const READER: &str = "simple:root:zumkaltenstrahlrohr";
/// Files of `MX-1`: more than a page of results.
pub const FILES: usize = 1_100;
/// Files of `MX-2`.
pub const OTHER_FILES: usize = 10;

/// Alice is a member of `MX-1`, which has two datasets; so has `MX-2`, which is none of her business.
pub struct Facility {
    pub app: TestApp,
    dir: TempDir,
    root: String,
    /// The first file of `MX-1`.
    pub first_file: i64,
}

/// What a command printed, and its exit code.
pub struct Outcome {
    pub code: i32,
    pub output: String,
    pub errors: String,
}

impl Outcome {
    pub fn list_lines(&self) -> Vec<&str> {
        self.output.lines().collect()
    }

    pub fn parse_json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|e| panic!("{e}: {} {}", self.output, self.errors))
    }
}

impl Facility {
    /// One on each engine, with everything in the index.
    pub async fn start_all() -> Vec<Self> {
        let mut all = Vec::new();
        for backend in list_backends() {
            all.push(Self::start(&backend).await);
        }
        all
    }

    pub async fn start(backend: &Backend) -> Self {
        let settings = format!("[icat]\nurl = \"self\"\nreader = \"{READER}\"\n[search]\ncommit_interval = \"50ms\"\n");
        let app = TestApp::start_on(backend, &SERVICES, &settings).await;
        let sources = Sources { clock: Arc::clone(&app.clock) as _, ids: Arc::new(SystemIds) };
        let accounts = auth::open_accounts(&app.config, &sources).await.unwrap();
        for (mechanism, name) in [("simple", "root"), ("db", "alice")] {
            let account = AccountName { mechanism: mechanism.to_owned(), name: name.to_owned() };
            accounts.create_account(&account, PASSWORD).await.unwrap();
        }
        accounts.close().await;
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        let root = log_in(&app, "simple", "root").await;
        let mut facility = Self { app, dir, root, first_file: 0 };
        facility.fill_catalogue().await;
        facility.wait_for_index().await;
        facility
    }

    async fn fill_catalogue(&mut self) {
        let alice = self.create_row("User", json!({"name": "db/alice"})).await;
        let facility = self.create_row("Facility", json!({"name": "SUN"})).await;
        let of_facility = |name: &str| json!({"name": name, "facility": {"id": facility}});
        let kind = self.create_row("InvestigationType", of_facility("MX")).await;
        let raw = self.create_row("DatasetType", of_facility("raw")).await;
        let instrument = self.create_row("Instrument", of_facility("ID29")).await;
        for (name, files) in [("MX-1", FILES), ("MX-2", OTHER_FILES)] {
            let is_first = name == "MX-1";
            let row = json!({"name": name, "visitId": "1", "title": format!("Lysozyme {name}"), "facility": {"id": facility},
                "type": {"id": kind}, "startDate": "2026-01-10T08:00:00Z", "fileCount": files, "fileSize": 4096});
            let investigation = self.create_row("Investigation", row).await;
            if is_first {
                let link = json!({"investigation": {"id": investigation}, "instrument": {"id": instrument}});
                self.create_row("InvestigationInstrument", link).await;
                let member = json!({"investigation": {"id": investigation}, "user": {"id": alice}, "role": "PI"});
                self.create_row("InvestigationUser", member).await;
            }
            for (dataset, files) in [("second", 2), ("first", files - 2)] {
                let row = json!({"name": dataset, "investigation": {"id": investigation}, "type": {"id": raw},
                    "startDate": "2026-01-10T08:00:00Z", "fileCount": files, "fileSize": 512 * files});
                let id = self.create_row("Dataset", row).await;
                let file = |n: usize| {
                    json!({"Datafile": {"name": format!("scan_{n:04}.nxs"), "fileSize": n, "dataset": {"id": id},
                        "location": format!("/data/{name}/{dataset}/scan_{n:04}.nxs"),
                        "datafileModTime": format!("2026-01-1{}T12:00:00Z", n % 2)}})
                };
                let ids = self.write_entities(&Value::Array((0..files).map(file).collect())).await;
                if is_first {
                    self.first_file = ids[0];
                }
            }
        }
        let temperature = json!({"name": "temperature", "units": "K", "valueType": "NUMERIC", "applicableToDatafile": true,
            "facility": {"id": facility}});
        let temperature = self.create_row("ParameterType", temperature).await;
        let parameter =
            json!({"type": {"id": temperature}, "datafile": {"id": self.first_file}, "numericValue": 277.15});
        self.create_row("DatafileParameter", parameter).await;
        for table in
            ["Facility", "Instrument", "InvestigationInstrument", "DatasetType", "ParameterType", "DatafileParameter"]
        {
            self.create_row("Rule", json!({"crudFlags": "R", "what": table})).await;
        }
        for (entity, path) in
            [("Investigation", ""), ("Dataset", ".investigation"), ("Datafile", ".dataset.investigation")]
        {
            let what =
                format!("SELECT x FROM {entity} x JOIN x{path}.investigationUsers iu WHERE iu.user.name = :user");
            self.create_row("Rule", json!({"crudFlags": "R", "what": what})).await;
        }
    }

    async fn create_row(&self, entity: &str, row: Value) -> i64 {
        self.write_entities(&json!([{entity: row}])).await[0]
    }

    async fn write_entities(&self, entities: &Value) -> Vec<i64> {
        let form = [("sessionId", self.root.clone()), ("entities", entities.to_string())];
        let url = format!("{}/icat/entityManager", self.app.public);
        let text = self.app.http.post(url).form(&form).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    }

    /// Waits until root finds all rows, and the parameter.
    async fn wait_for_index(&self) {
        for (body, expected) in [
            (json!({}), FILES + OTHER_FILES),
            (json!({"parameters": [{"name": "temperature", "from": 200, "to": 300}]}), 1),
        ] {
            wait_until("all rows are in the index", async || {
                let request = self.app.http.post(format!("{}/search/v1/datafiles", self.app.public));
                let answer = request.bearer_auth(&self.root).json(&body).send().await.unwrap();
                let page: Value = answer.json().await.unwrap();
                (page["total"] == expected && page["isIndexComplete"] == true).then_some(())
            })
            .await;
        }
    }

    pub async fn log_in_as_alice(&self) -> String {
        log_in(&self.app, "db", "alice").await
    }

    pub async fn rename_first_file(&self, name: &str) {
        self.write_entities(&json!([{"Datafile": {"id": self.first_file, "name": name}}])).await;
    }

    pub fn file_path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// A command of the program, in the directory with the file `password`, with the settings of the facility.
    pub fn prepare_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undulator"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_remove("ICAT_SESSION_ID")
            .env("XDG_CONFIG_HOME", self.file_path("config"))
            .env("UNDULATOR_DATA_DIR", self.app.data_dir())
            .env("UNDULATOR_ICAT__URL", "self")
            .env("UNDULATOR_ICAT__READER", READER);
        if let Some(url) = &self.app.config.core.database.url {
            command.env("UNDULATOR_DATABASE__URL", url);
        }
        command
    }

    /// Runs a command that must end with this exit code.
    pub async fn run_command(&self, arguments: &[&str], code: i32) -> Outcome {
        run_prepared(self.prepare_command(arguments), code).await
    }
}

/// Runs a command that must end with this exit code.
pub async fn run_prepared(mut command: Command, code: i32) -> Outcome {
    let done = command.output().await.unwrap();
    let outcome = Outcome {
        code: done.status.code().unwrap(),
        output: String::from_utf8(done.stdout).unwrap(),
        errors: String::from_utf8(done.stderr).unwrap(),
    };
    assert_eq!(outcome.code, code, "{command:?}: {} {}", outcome.output, outcome.errors);
    outcome
}

async fn log_in(app: &TestApp, plugin: &str, name: &str) -> String {
    let login = json!({"plugin": plugin, "username": name, "password": PASSWORD});
    let answer = app.http.post(format!("{}/session", app.public)).json(&login).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["sessionId"].as_str().unwrap().to_owned()
}
