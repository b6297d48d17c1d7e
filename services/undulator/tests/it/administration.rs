//! The administrative commands of the built program beside a running server, on both databases: what setup makes, and how
//! members come and go.

use std::path::Path;

use events::messages::icat::EntityChanged;
use serde_json::{Value, json};
use service_kit::{Clock as _, ServiceDef};
use tempfile::TempDir;
use testkit::{Backend, TestApp, list_backends, recorder};

const SERVICES: [ServiceDef; 3] = [auth::SERVICE, icat::SERVICE, recorder::SERVICE];
const PASSWORD: &str = "zumkaltenstrahlrohr";
const MINE: &str =
    "SELECT i.name FROM Investigation i JOIN i.investigationUsers iu JOIN iu.user u WHERE u.name = :user";

/// A running catalogue, and a directory in which its administrator works.
struct Facility {
    app: TestApp,
    dir: TempDir,
}

struct Outcome {
    code: i32,
    json: Value,
    errors: String,
}

impl Facility {
    async fn start(backend: &Backend) -> Self {
        let facility = Self { app: TestApp::start_on(backend, &SERVICES, "").await, dir: TempDir::new().unwrap() };
        std::fs::write(facility.file_path("password"), format!("{PASSWORD}\n")).unwrap();
        facility
    }

    fn file_path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    async fn run_command(&self, arguments: &[&str]) -> Outcome {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_undulator"));
        command
            .arg("--json")
            .args(arguments)
            .current_dir(self.dir.path())
            .env("UNDULATOR_DATA_DIR", self.app.data_dir());
        if let Some(url) = &self.app.config.core.database.url {
            command.env("UNDULATOR_DATABASE__URL", url);
        }
        let done = command.output().await.unwrap();
        let errors = String::from_utf8(done.stderr).unwrap();
        let json = serde_json::from_slice(&done.stdout).unwrap_or(Value::Null);
        Outcome { code: done.status.code().unwrap(), json, errors }
    }

    /// What a command that must succeed answers.
    async fn run_successfully(&self, arguments: &[&str]) -> Value {
        let outcome = self.run_command(arguments).await;
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.errors);
        outcome.json
    }

    async fn log_in(&self, plugin: &str, name: &str) -> String {
        let login = json!({"plugin": plugin, "username": name, "password": PASSWORD});
        let answer = self.app.http.post(format!("{}/session", self.app.public)).json(&login).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let session: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        session["sessionId"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
    }

    async fn search_entities(&self, session: &str, query: &str) -> Value {
        let url = format!("{}/icat/entityManager", self.app.public);
        let request = self.app.http.get(url).query(&[("sessionId", session), ("query", query)]);
        request.send().await.unwrap().json().await.unwrap()
    }
}

fn render_answers(instruments: &str) -> String {
    format!(
        "storage = \"files\"\n[facility]\nname = \"SUN\"\n[administrator]\npassword_file = \"password\"\n\
         [[instruments]]\nname = \"ID29\"\nscientists = [\"db/carol\"]\n{instruments}"
    )
}

fn list_directory(dir: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_makes_what_is_missing_and_nothing_twice() {
    for backend in list_backends() {
        let facility = Facility::start(&backend).await;
        std::fs::write(facility.file_path("answers.toml"), render_answers("")).unwrap();
        let before = list_directory(facility.dir.path());
        let dry = facility.run_successfully(&["setup", "--file", "answers.toml", "--dry-run"]).await;
        assert_eq!(list_directory(facility.dir.path()), before, "a dry run leaves nothing");
        let made = facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
        assert_eq!(dry["catalogue"]["created"], made["catalogue"]["created"]);
        assert_eq!(
            (dry["catalogue"]["unchanged"].as_i64(), made["catalogue"]["unchanged"].as_i64()),
            (Some(0), Some(0))
        );

        let root = facility.log_in("simple", "root").await;
        assert_eq!(facility.search_entities(&root, "SELECT i.name FROM Instrument i").await, json!(["ID29"]));
        let rules = facility.search_entities(&root, "SELECT COUNT(r) FROM Rule r").await;
        let again = facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
        assert_eq!(
            (&again["done"], &again["api_keys"], &again["catalogue"]["created"]),
            (&json!([]), &json!([]), &json!([]))
        );
        assert_eq!(facility.search_entities(&root, "SELECT COUNT(r) FROM Rule r").await, rules);

        std::fs::write(facility.file_path("answers.toml"), render_answers("[[instruments]]\nname = \"ID30\"\n"))
            .unwrap();
        let more = facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
        assert_eq!(more["catalogue"]["created"], json!(["Instrument ID30"]));
        assert_eq!(more["api_keys"][0]["instrument"], "ID30");

        let differing =
            render_answers("").replace("name = \"SUN\"", "name = \"SUN\"\nurl = \"https://sun.example.org\"");
        std::fs::write(facility.file_path("answers.toml"), differing).unwrap();
        let refused = facility.run_command(&["setup", "--file", "answers.toml"]).await;
        assert_eq!(refused.code, 1, "{}", refused.errors);
        let conflict = "Facility SUN: url is empty, not `https://sun.example.org`";
        assert_eq!(refused.json["catalogue"]["conflicts"], json!([conflict]));
        assert!(refused.errors.contains(conflict), "{}", refused.errors);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_change_what_a_running_server_answers() {
    for backend in list_backends() {
        let facility = Facility::start(&backend).await;
        std::fs::write(facility.file_path("answers.toml"), render_answers("")).unwrap();
        facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
        facility.run_successfully(&["auth", "add-user", "db/alice", "--password-file", "password"]).await;
        let add = ["icat", "investigation", "add", "MX-1", "--instrument", "ID29", "--start", "2026-01-12"];
        let added = facility.run_successfully(&add).await;
        assert_eq!(added["created"], json!(["Investigation MX-1 1", "InvestigationInstrument ID29"]));
        assert_eq!(facility.run_successfully(&add).await["created"], json!([]), "the same again is no error");
        let other = [&add[..6], &["--start", "2026-01-13"]].concat();
        let refused = facility.run_command(&other).await;
        let reason = "startDate is 2026-01-12T00:00:00Z, not 2026-01-13T00:00:00Z";
        assert!(refused.code == 1 && refused.errors.contains(reason), "{}", refused.errors);

        let alice = facility.log_in("db", "alice").await;
        assert_eq!(facility.search_entities(&alice, MINE).await, json!([]));
        let granted = facility.run_successfully(&["icat", "grant", "db/alice", "MX-1", "--role", "Observer"]).await;
        assert_eq!(granted["created"], json!(["User db/alice", "InvestigationUser db/alice (Observer)"]));
        assert_eq!(facility.search_entities(&alice, MINE).await, json!(["MX-1"]));
        let none = facility.run_successfully(&["icat", "revoke", "db/alice", "MX-1", "--role", "Member"]).await;
        assert_eq!(none["removed"], json!([]), "in another role she is no member");
        let revoked = facility.run_successfully(&["icat", "revoke", "db/alice", "MX-1"]).await;
        assert_eq!(revoked["removed"], json!(["InvestigationUser db/alice of MX-1 (Observer)"]));
        assert_eq!(facility.search_entities(&alice, MINE).await, json!([]));

        facility.app.drain().await;
        let events = facility.app.recorded_events::<EntityChanged>().await;
        let of = |event: &&EntityChanged| event.entity == "InvestigationUser" && event.actor == "simple/root";
        assert_eq!(events.iter().filter(of).count(), 2, "others hear of both: {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_say_what_else_one_should_know_and_investigations_are_listed() {
    for backend in list_backends() {
        let facility = Facility::start(&backend).await;
        std::fs::write(facility.file_path("answers.toml"), render_answers("")).unwrap();
        facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
        assert_eq!(facility.run_successfully(&["icat", "investigation", "list"]).await, json!([]));
        facility.run_successfully(&["auth", "user", "add", "db/alice", "--password-file", "password"]).await;
        let add = [
            "icat",
            "investigation",
            "add",
            "MX-1",
            "--instrument",
            "ID29",
            "--start",
            "2026-01-12",
            "--title",
            "Lysozyme",
        ];
        facility.run_successfully(&add).await;
        let notes = async |arguments: &[&str]| {
            let granted = facility.run_successfully(&[&["icat", "grant"][..], arguments].concat()).await;
            granted["notes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|note| note.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(notes(&["db/alice", "MX-1"]).await, [""; 0]);
        assert_eq!(notes(&["db/alice", "MX-1"]).await, [""; 0], "the same again");
        let further = notes(&["db/alice", "MX-1", "--role", "Observer"]).await;
        assert!(further[0].starts_with("db/alice is a member of MX-1 already, as Member; the role Observer was added"));
        let unknown = notes(&["db/zoe", "MX-1"]).await;
        assert!(unknown[0].starts_with("there is no account db/zoe; `undulator auth user add db/zoe`"), "{unknown:?}");
        assert_eq!(notes(&["ldap/zoe", "MX-1"]).await, [""; 0], "accounts of others are not ours to know");
        let instrument =
            facility.run_successfully(&["icat", "instrument", "add", "ID29", "--scientist", "db/eve"]).await;
        assert!(instrument["notes"][0].as_str().unwrap().contains("no account db/eve"), "{instrument}");

        let listed = facility.run_successfully(&["icat", "investigation", "list"]).await;
        let expected = json!([{"name": "MX-1", "visit": "1", "title": "Lysozyme", "facility": "SUN", "type": "experiment",
            "start": "2026-01-12", "end": null, "release": null, "instruments": ["ID29"], "member_count": 4,
            "dataset_count": 0, "file_count": 0, "file_size": 0}]);
        assert_eq!(listed, expected);
        let shown = facility.run_successfully(&["icat", "investigation", "show", "MX-1"]).await;
        let members = json!([{"user": "db/alice", "role": "Member"}, {"user": "db/alice", "role": "Observer"},
            {"user": "db/zoe", "role": "Member"}, {"user": "ldap/zoe", "role": "Member"}]);
        assert_eq!((&shown["members"], &shown["datasets"], &shown["name"]), (&members, &json!([]), &json!("MX-1")));
        let unknown = facility.run_command(&["icat", "investigation", "show", "MX-9"]).await;
        assert!(unknown.code == 2 && unknown.errors.contains("no investigation MX-9"), "{}", unknown.errors);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_named_with_what_is() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let refused = facility.run_command(&["icat", "investigation", "add", "MX-1"]).await;
    assert!(refused.code == 2 && refused.errors.contains("undulator setup"), "{}", refused.errors);
    std::fs::write(facility.file_path("answers.toml"), render_answers("[[instruments]]\nname = \"ID30\"\n")).unwrap();
    facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
    facility.run_successfully(&["icat", "investigation", "add", "MX-1", "--visit", "1"]).await;
    facility.run_successfully(&["icat", "investigation", "add", "MX-1", "--visit", "2"]).await;
    for (arguments, reason) in [
        (&["icat", "investigation", "add", "MX-2", "--type", "x"][..], "there are: experiment"),
        (&["icat", "investigation", "add", "MX-2", "--instrument", "ID92"], "there are: ID29, ID30"),
        (&["icat", "investigation", "add", "MX-2", "--start", "soon"], "2026-01-12"),
        (&["icat", "investigation", "add", "MX-2", "--start", "2026-01-12", "--end", "2026-01-11"], "ends before"),
        (&["icat", "investigation", "add", "MX-2", "--facility", "MOON"], "there are: SUN"),
        (&["icat", "grant", "db/alice", "MX-2"], "icat investigation add MX-2"),
        (&["icat", "grant", "db/alice", "MX-1"], "visits 1, 2"),
        (&["icat", "grant", "alice", "MX-1", "--visit", "1"], "db/alice"),
        (&["icat", "revoke", "db/eve", "MX-1", "--visit", "1"], "no user db/eve"),
        (&["icat", "investigation", "add", "MX-3", "--pi", "carol"], "db/carol"),
        (&["icat", "instrument", "add", "ID31", "--scientist", "db/eve", "--scientist", "carol"], "db/carol"),
        (&["setup"], "--file"),
    ] {
        let outcome = facility.run_command(arguments).await;
        assert!(outcome.code == 2 && outcome.errors.contains(reason), "{arguments:?}: {}", outcome.errors);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_made_listed_locked_and_removed() {
    for backend in list_backends() {
        let facility = Facility::start(&backend).await;
        std::fs::write(facility.file_path("other"), "einanderesstrahlrohr\n").unwrap();
        std::fs::write(facility.file_path("short"), "short\n").unwrap();
        let user = async |arguments: &[&str]| facility.run_command(&[&["auth", "user"][..], arguments].concat()).await;
        let done =
            async |arguments: &[&str]| facility.run_successfully(&[&["auth", "user"][..], arguments].concat()).await;
        assert_eq!(done(&["list"]).await, json!([]));
        let made = json!({"account": "db/alice", "created": true});
        assert_eq!(done(&["add", "db/alice", "--password-file", "password"]).await, made);
        let twice = user(&["add", "db/alice", "--password-file", "other"]).await;
        assert!(twice.code == 1 && twice.errors.contains("db/alice already"), "{}", twice.errors);
        let short = user(&["add", "db/bob", "--password-file", "short"]).await;
        assert!(short.code == 2 && short.errors.contains("12"), "{}", short.errors);
        let unknown = user(&["add", "ldap/bob", "--password-file", "password"]).await;
        assert!(unknown.code == 2 && unknown.errors.contains("db, simple"), "{}", unknown.errors);
        facility.log_in("db", "alice").await;

        let listed = done(&["list"]).await;
        assert_eq!((&listed[0]["account"], &listed[0]["locked_at"]), (&json!("db/alice"), &Value::Null));
        assert_eq!(done(&["lock", "db/alice"]).await, json!({"account": "db/alice", "locked": true, "changed": true}));
        assert_eq!(done(&["lock", "db/alice"]).await["changed"], false);
        assert!(done(&["list"]).await[0]["locked_at"].is_string());
        assert_eq!(done(&["unlock", "db/alice"]).await["changed"], true);
        // The event of the lock ends every session of the account, also one that begins before it arrives.
        facility.app.drain().await;
        facility.log_in("db", "alice").await;

        done(&["set-password", "db/alice", "--password-file", "other"]).await;
        done(&["remove", "db/alice"]).await;
        assert_eq!(done(&["list"]).await, json!([]));
        for arguments in
            [&["remove", "db/alice"][..], &["lock", "db/eve"], &["set-password", "db/eve", "--password-file", "other"]]
        {
            let outcome = user(arguments).await;
            assert!(outcome.code == 1 && outcome.errors.contains("no account"), "{arguments:?}: {}", outcome.errors);
        }
        // The name that scripts know.
        facility.run_successfully(&["auth", "add-user", "db/alice", "--password-file", "password"]).await;
        facility.app.drain().await;
        facility.log_in("db", "alice").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_empty_is_filled_in_and_what_is_there_is_changed_only_when_asked() {
    for backend in list_backends() {
        let facility = Facility::start(&backend).await;
        std::fs::write(facility.file_path("answers.toml"), render_answers("")).unwrap();
        facility.run_successfully(&["setup", "--file", "answers.toml"]).await;
        let root = facility.log_in("simple", "root").await;
        let formats = facility.search_entities(&root, "SELECT f.name, f.version FROM DatafileFormat f").await;
        assert_eq!(formats, json!([["unknown", "1"]]), "an upload needs one");
        let add = ["icat", "investigation", "add", "MX-1"];
        facility.run_successfully(&[&add[..], &["--start", "2026-01-12"]].concat()).await;
        let change =
            async |options: &[&str]| facility.run_successfully(&[&add[..], options].concat()).await["changed"].clone();
        let release = ["--release", "2029-01-12"];
        let filled = json!(["Investigation MX-1 1: releaseDate was empty, is 2029-01-12T00:00:00Z"]);
        assert_eq!(change(&release).await, filled);
        assert_eq!(change(&release).await, json!([]), "the same again");
        let later = ["--release", "2030-01-12", "--title", "Lysozyme"];
        let refused = facility.run_command(&[&add[..], &later].concat()).await;
        for words in ["releaseDate is 2029-01-12T00:00:00Z, not 2030", "title is `MX-1`, not `Lysozyme`"] {
            assert!(refused.code == 1 && refused.errors.contains(words), "{}", refused.errors);
        }
        let changed = change(&[&later[..], &["--change"]].concat()).await;
        assert_eq!(changed.as_array().unwrap().len(), 2, "{changed}");
        let shown = facility.run_successfully(&["icat", "investigation", "show", "MX-1"]).await;
        assert_eq!((&shown["release"], &shown["title"]), (&json!("2030-01-12"), &json!("Lysozyme")));
        let early = facility.run_command(&[&add[..], &["--end", "2026-01-11"]].concat()).await;
        assert!(early.code == 2 && early.errors.contains("ends before it starts"), "{}", early.errors);

        let instrument = ["icat", "instrument", "add", "ID29", "--full-name"];
        let named = facility.run_successfully(&[&instrument[..], &["Crystallography"]].concat()).await;
        assert_eq!(named["changed"], json!(["Instrument ID29: fullName was empty, is `Crystallography`"]));
        assert_eq!(facility.run_command(&[&instrument[..], &["Other"]].concat()).await.code, 1);
        facility.run_successfully(&[&instrument[..], &["Other", "--change"]].concat()).await;

        let user = ["auth", "user", "add", "db/alice", "--password-file", "password", "--full-name", "Alice Larsen"];
        facility.run_successfully(&user).await;
        let granted =
            facility.run_successfully(&["icat", "grant", "db/alice", "MX-1", "--full-name", "Alice Larsen"]).await;
        assert_eq!(granted["created"], json!(["InvestigationUser db/alice (Member)"]));
        facility.run_successfully(&["icat", "grant", "ldap/zoe", "MX-1", "--full-name", "Zoe Adams"]).await;
        let refused = facility.run_command(&["icat", "grant", "ldap/zoe", "MX-1", "--full-name", "Zoe"]).await;
        assert!(refused.code == 1 && refused.errors.contains("fullName is `Zoe Adams`"), "{}", refused.errors);
        let names = facility.search_entities(&root, "SELECT u.name, u.fullName FROM User u ORDER BY u.name").await;
        let expected = json!([
            ["db/alice", "Alice Larsen"],
            ["db/carol", null],
            ["ldap/zoe", "Zoe Adams"],
            ["simple/reader", "Reader of the services"],
            ["simple/root", "Administrator"]
        ]);
        assert_eq!(names, expected);
    }
}

/// The list shows times and addresses, and both commands tell a running server.
#[tokio::test(flavor = "multi_thread")]
async fn logins_are_listed_and_ended_beside_a_running_server() {
    for backend in list_backends() {
        let facility = Facility::start(&backend).await;
        // The commands have the clock of the machine.
        let now = service_kit::Sources::default().clock.now().as_second();
        facility.app.clock.advance_seconds(now - facility.app.clock.now().as_second());
        facility.run_successfully(&["auth", "user", "add", "db/alice", "--password-file", "password"]).await;
        assert_eq!(facility.run_successfully(&["auth", "sessions", "list"]).await, json!([]));
        let log_in = async || {
            let body = json!({"plugin": "db", "username": "alice", "password": PASSWORD});
            let answer = facility.app.http.post(format!("{}/auth/v1/token", facility.app.public)).json(&body);
            let token: Value = answer.send().await.unwrap().json().await.unwrap();
            token["access_token"].as_str().unwrap().to_owned()
        };
        let is_live = async |token: &str| {
            let request = facility.app.http.get(format!("{}/auth/v1/logins", facility.app.public)).bearer_auth(token);
            request.send().await.unwrap().status() == 200
        };
        let (first, second, third) = (log_in().await, log_in().await, log_in().await);
        let listed = facility.run_successfully(&["auth", "sessions", "list", "--user", "db/alice"]).await;
        assert_eq!(listed.as_array().unwrap().len(), 3);
        assert_eq!((&listed[0]["user"], &listed[0]["address"]), (&json!("db/alice"), &json!("127.0.0.1")));
        assert_eq!(facility.run_successfully(&["auth", "sessions", "list", "--user", "db/bob"]).await, json!([]));
        let id = listed[2]["id"].as_str().unwrap();
        let ended = facility.run_successfully(&["auth", "sessions", "end", &id[..12]]).await;
        assert_eq!(ended["user"], "db/alice");
        assert_eq!(facility.run_command(&["auth", "sessions", "end", &id[..12]]).await.code, 1, "it has ended");
        let live = [is_live(&first).await, is_live(&second).await, is_live(&third).await];
        assert_eq!(live.into_iter().filter(|live| *live).count(), 2);
        let session = facility.log_in("db", "alice").await;
        let ended = facility.run_successfully(&["auth", "sessions", "end", "--user", "db/alice"]).await;
        assert_eq!(ended["ended"], 2);
        assert!(!is_live(&first).await && !is_live(&second).await && !is_live(&third).await);
        facility.app.drain().await;
        let request = facility.app.http.get(format!("{}/icat/session/{session}", facility.app.public));
        assert_eq!(request.send().await.unwrap().status(), 403, "a session that she opened at ICAT herself");
        assert_eq!(facility.run_command(&["auth", "sessions", "end"]).await.code, 2);
        let link = ["auth", "user", "link", "db/alice", "--provider", "lab", "--subject", "42"];
        let unknown = facility.run_command(&link).await;
        assert!(unknown.code == 2 && unknown.errors.contains("no identity provider `lab`"), "{}", unknown.errors);
        assert_eq!(facility.run_successfully(&["auth", "user", "links", "db/alice"]).await, json!([]));
    }
}
