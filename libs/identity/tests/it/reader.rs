//! What `doctor` says of the reader account.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use icat_client::StoredKinds;
use identity::check_reader_account;
use serde_json::json;
use service_kit::doctor::Level;
use service_kit::{Config, DoctorCtx, Endpoints, Finding, Listener, Mount, Process, Running, ServiceDef, SystemClock};
use testkit::TestApp;

/// An ICAT in which `blind` sees nothing, `half` all but users, `fresh` users alone, and `reader` everything; `secret` is their
/// password.
const ICAT: ServiceDef = ServiceDef {
    name: "icat",
    build: |_| {
        let mount = Mount::new("/icat", Listener::Public, testkit::FAKE_ICAT_ERRORS)
            .post("/session", create_session)
            .get("/entityManager", search_rows);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], ..Running::default() })))
    },
    ..ServiceDef::EMPTY
};

async fn create_session(form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let json: serde_json::Value = serde_json::from_str(&form[0].1).unwrap();
    let [user, password] = [&json["credentials"][0]["username"], &json["credentials"][1]["password"]];
    if json["plugin"] != "db" {
        return HttpResponse::BadRequest()
            .json(json!({"code": "BAD_PARAMETER", "message": format!("Authenticator mnemonic {} not recognised", json["plugin"])}));
    }
    if password != "secret" {
        return HttpResponse::Forbidden()
            .json(json!({"code": "SESSION", "message": "The username and password do not match"}));
    }
    HttpResponse::Ok().json(json!({"sessionId": user}))
}

async fn search_rows(query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap();
    let sees = match of("sessionId") {
        "reader" => true,
        "fresh" => of("query").contains("FROM User"),
        "half" => !of("query").contains("FROM User e"),
        _ => false,
    };
    HttpResponse::Ok().json(if sees { vec![1] } else { Vec::new() })
}

async fn check_account(url: &str, reader: &str, is_running: bool) -> Finding {
    // Nobody listens at port 1.
    check_account_at(url, reader, is_running, "127.0.0.1:1", Process::default()).await
}

async fn check_account_at(url: &str, reader: &str, is_running: bool, own: &str, process: Process) -> Finding {
    let config = Config::from_toml(&[], &format!("[icat]\nurl = \"{url}\"\nreader = \"{reader}\"\n")).unwrap();
    let endpoints = Endpoints { public: own.parse().unwrap(), internal: own.parse().unwrap() };
    let ctx = DoctorCtx {
        config,
        http: service_kit::command_client("", Duration::from_secs(10)).unwrap(),
        clock: Arc::new(SystemClock),
        process,
        databases: Vec::new(),
        endpoints,
        is_running,
        foreign_server: None,
    };
    let findings = check_reader_account(ctx.clone()).await;
    assert_eq!(findings, check_reader_account(ctx).await, "asked again, it says the same");
    findings.into_iter().next().unwrap()
}

#[tokio::test]
async fn it_says_what_the_account_lacks() {
    let app = TestApp::start(&[ICAT], "").await;
    for (reader, level, words) in [
        ("db:reader:secret", Level::Ok, vec!["db/reader logs in and reads what services need"]),
        ("", Level::Warning, vec!["none is set (icat.reader)"]),
        ("db:reader", Level::Wrong, vec!["icat.reader must be plugin:user:password"]),
        ("db/reader:secret", Level::Wrong, vec!["icat.reader must be plugin:user:password"]),
        ("ldap:reader:secret", Level::Wrong, vec!["as plugin:user:password", "not recognised"]),
        (
            "db:reader:wrong",
            Level::Wrong,
            vec!["ICAT refuses the login of db/reader", "do not match", "Is the password right"],
        ),
        (
            "db:half:secret",
            Level::Warning,
            vec!["db/half logs in, but sees no row of User: the catalogue has some", "crudFlags R"],
        ),
        (
            "db:fresh:secret",
            Level::Warning,
            vec!["sees no row of Investigation, InvestigationUser,", "either the catalogue has none, or"],
        ),
        (
            "db:blind:secret",
            Level::Wrong,
            vec!["db/blind logs in, but sees no row of Investigation, User, InvestigationUser"],
        ),
    ] {
        let found = check_account(&app.public, reader, true).await;
        assert_eq!(found.level, level, "{reader}: {found:?}");
        assert!(words.iter().all(|word| found.says.contains(word)), "{reader}: {found:?}");
        assert!(!found.says.contains("secret"), "{found:?}");
    }
    app.stop().await;
}

/// The embedded catalogue says of which kinds it has rows: what it has none of is no fault of the account.
#[tokio::test]
async fn rows_that_nobody_has_made_yet_are_not_missed() {
    let app = TestApp::start(&[ICAT], "").await;
    let own = app.public.trim_start_matches("http://");
    for (stored, level, words) in [
        (vec!["User"], Level::Warning, "sees no row of User: the catalogue has some"),
        (vec!["User", "Investigation"], Level::Wrong, "sees no row of Investigation, User: the catalogue has some"),
        (vec!["Facility"], Level::Ok, "the catalogue has no row of Investigation, User,"),
    ] {
        let process = Process::default();
        process.get_or_init(|| StoredKinds::from_kinds(stored.clone()));
        let found = check_account_at("self", "db:blind:secret", true, own, process).await;
        assert!(found.level == level && found.says.contains(words), "{stored:?}: {found:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_catalogue_that_does_not_run_yet_is_no_fault_but_one_that_is_away_is() {
    let not_yet = check_account("self", "db:reader:secret", false).await;
    assert_eq!(not_yet.level, Level::Warning, "{not_yet:?}");
    for words in ["no server answers at http://127.0.0.1:1;", "`undulator serve`"] {
        assert!(not_yet.says.contains(words), "{not_yet:?}");
    }
    for (url, is_running) in [("http://127.0.0.1:1", false), ("self", true)] {
        let away = check_account(url, "db:reader:secret", is_running).await;
        assert_eq!(away.level, Level::Wrong, "{away:?}");
        assert!(away.says.contains("no ICAT answers at http://127.0.0.1:1 (Connection refused"), "{away:?}");
    }
}
