//! `doctor`: asks everything that the services need, and says what is wrong and what to do.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use tokio::sync::oneshot;

use super::{Failure, format_count, print_result};
use crate::clock::SystemClock;
use crate::config::{BusKind, Config};
use crate::db::{Db, Target};
use crate::doctor::{DoctorCtx, Finding, Level};
use crate::existing_database::require_location;
use crate::instance::instance_id;
use crate::problem::{format_error_chain, root_cause};
use crate::process::Process;
use crate::serve::{Endpoints, http_client, open_database};
use crate::service_def::ServiceDef;

const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Exit code 1 if anything is wrong. Writes nothing, and migrates nothing.
pub async fn run_doctor(services: &[ServiceDef], settings: &Config, json: bool) -> Result<(), Failure> {
    require_location(services, settings).await?;
    let client = http_client(settings)?;
    let mut findings = vec![Finding::ok("settings", settings.facility_location().to_string())];
    findings.extend(settings.unreadable_secrets.iter().map(|reason| Finding::wrong("secrets", reason)));
    let Listeners { findings: looked, foreign_server } = check_listeners(settings, &client).await;
    findings.extend(looked);
    let mut databases = Vec::new();
    for service in services {
        let looked = check_database(service, settings, &mut databases).await;
        findings.push(Finding::from_result(format!("database of {}", service.name), looked));
    }
    findings.push(Finding::from_result("ICAT", check_icat(settings, &client).await));
    if settings.core.events.kind == BusKind::Nats {
        findings.push(Finding::from_result("NATS", check_nats(settings).await));
    }
    for (name, storage) in &settings.core.storage {
        let looked = match storage.parse_directory(name) {
            Ok(directory) => read_storage(directory).await,
            Err(e) => Err(e.to_string()),
        };
        findings.push(Finding::from_result(format!("storage {name}"), looked));
    }
    let core = &settings.core;
    let ctx = DoctorCtx {
        config: settings.clone(),
        http: reqwest_middleware::ClientBuilder::new(client).build(),
        clock: Arc::new(SystemClock),
        process: Process::default(),
        databases,
        endpoints: Endpoints { public: core.http.bind, internal: core.http.internal_bind },
        is_running: false,
        foreign_server,
    };
    findings.extend(crate::doctor::run_checks(services, &ctx).await);
    for (_, db) in ctx.databases {
        db.close().await;
    }
    let wrong = findings.iter().filter(|finding| !finding.ok).count();
    let lines: Vec<String> =
        findings.iter().map(|f| format!("{}  {:<22} {}", level_label(f.level), f.what, f.says)).collect();
    print_result(json, &findings, &lines.join("\n"))?;
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{wrong} of {} failed", format_count(findings.len(), "check"))))
    }
}

fn level_label(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok   ",
        Level::Warning => "warn ",
        Level::Wrong => "WRONG",
    }
}

/// In a thread of its own: a file system that hangs may never answer.
async fn read_storage(directory: PathBuf) -> Result<String, String> {
    let shown = directory.display().to_string();
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(fs::read_dir(directory).map(Iterator::count)));
    match tokio::time::timeout(CHECK_TIMEOUT, receiver).await {
        Ok(Ok(Ok(entries))) => Ok(format!("{shown} can be read ({})", format_count(entries, "entry"))),
        Ok(Ok(Err(e))) => Err(format!("{shown}: {e}")),
        Ok(Err(_)) | Err(_) => Err(format!("{shown} does not answer: is its file system mounted and its server up?")),
    }
}

struct Listeners {
    findings: Vec<Finding>,
    /// Where somebody else listens.
    foreign_server: Option<SocketAddr>,
}

/// Whether the ports are free, taken by the services themselves, or by somebody else.
async fn check_listeners(settings: &Config, client: &reqwest::Client) -> Listeners {
    let http = &settings.core.http;
    let is_ours = is_own_server(settings, client).await;
    let mut listeners = Listeners { findings: Vec::new(), foreign_server: None };
    for (setting, address) in [("http.internal_bind", http.internal_bind), ("http.bind", http.bind)] {
        let outcome = match TcpListener::bind(address) {
            Ok(_) => Ok(format!("{setting} = {address} is free")),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && is_ours => Ok(format!("{setting} = {address}: running")),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                listeners.foreign_server = Some(address);
                Err(format!(
                    "another server listens at {address} ({setting}), or one of this facility that was started by an older \
                     version: stop it, or choose another port"
                ))
            }
            Err(e) => Err(crate::http::explain_bind_error(setting, address, &e)),
        };
        listeners.findings.insert(0, Finding::from_result(setting, outcome));
    }
    listeners
}

/// Whether the server that answers is this facility's. Nothing secret is sent to find out.
async fn is_own_server(settings: &Config, client: &reqwest::Client) -> bool {
    let http = &settings.core.http;
    let endpoints = Endpoints { public: http.bind, internal: http.internal_bind };
    let health = format!("{}/health/live", endpoints.resolve_url("self", crate::Listener::Internal));
    let Ok(answer) = client.get(health).timeout(CHECK_TIMEOUT).send().await else { return false };
    let Ok(text) = answer.text().await else { return false };
    let body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    body["instance"].as_str() == Some(&instance_id(settings))
}

/// Adds the database if it is up to date.
async fn check_database(
    service: &ServiceDef,
    settings: &Config,
    databases: &mut Vec<(&'static str, Db)>,
) -> Result<String, String> {
    let target = Target::from_config(&settings.core.database, &settings.core.data_dir, service.name)
        .map_err(|e| e.to_string())?;
    if let Target::Sqlite(file) = &target
        && !file.is_file()
    {
        return Ok(format!("{} is created at the first start", file.display()));
    }
    let settings = settings.with_setting("database.migrate", "never").map_err(|e| e.to_string())?;
    let db = open_database(service, &settings, &SystemClock).await.map_err(|e| format_error_chain(&e))?;
    let pending =
        db.migration_plan(service.migrations).await.map_err(|e| format_error_chain(&e)).map(|pending| pending.len());
    if pending == Ok(0) {
        databases.push((service.name, db));
        return Ok("responds, and its schema is up to date".to_owned());
    }
    db.close().await;
    Err(format!("responds, but its schema lacks {}: run `undulator migrate`", format_count(pending?, "migration")))
}

async fn check_icat(settings: &Config, client: &reqwest::Client) -> Result<String, String> {
    let url = &settings.core.icat.url;
    if url == "self" {
        return Ok("is the embedded catalogue of this process".to_owned());
    }
    let asked = client.get(format!("{}/icat/version", url.trim_end_matches('/'))).timeout(CHECK_TIMEOUT).send().await;
    let answer = asked.map_err(|e| format!("{url} does not answer: {}", root_cause(&e.without_url())))?;
    let status = answer.status();
    let text =
        answer.text().await.map_err(|e| format!("the answer of {url} broke off: {}", root_cause(&e.without_url())))?;
    if status.is_success() && text.contains("version") {
        Ok(format!("answers {text}"))
    } else {
        Err(format!("answered status {status} to /icat/version: is icat.url the address without /icat?"))
    }
}

async fn check_nats(settings: &Config) -> Result<String, String> {
    let url = &settings.core.events.nats_url;
    let address = url.rsplit("//").next().unwrap_or(url).rsplit('@').next().unwrap_or(url);
    let address = if address.contains(':') { address.to_owned() } else { format!("{address}:4222") };
    match tokio::time::timeout(CHECK_TIMEOUT, tokio::net::TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Ok(format!("{address} takes connections")),
        Ok(Err(e)) => Err(format!("{address}: {e}")),
        Err(_) => Err(format!("{address} does not answer")),
    }
}
