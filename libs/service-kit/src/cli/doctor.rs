//! `doctor`: asks everything that the services need, and says what is wrong and what to do.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io, thread};

use tokio::sync::oneshot;

use super::{Failure, count, result};
use crate::clock::SystemClock;
use crate::config::{BusKind, Config};
use crate::db::{Db, Target};
use crate::doctor::{DoctorCtx, Finding, Level};
use crate::existing_database::require_place;
use crate::problem::{chain, root_cause};
use crate::process::Process;
use crate::serve::{Endpoints, http_client, open_database};
use crate::service_def::ServiceDef;

const PATIENCE: Duration = Duration::from_secs(5);

/// Exit code 1 if anything is wrong. Writes nothing, and migrates nothing.
pub async fn run(services: &[ServiceDef], settings: &Config, json: bool) -> Result<(), Failure> {
    require_place(services, settings).await?;
    let client = http_client(settings)?;
    let mut findings = vec![Finding::ok("settings", settings.facility_place().to_string())];
    findings.extend(listeners(settings, &client).await);
    let mut databases = Vec::new();
    for service in services {
        let looked = database(service, settings, &mut databases).await;
        findings.push(Finding::of(format!("database of {}", service.name), looked));
    }
    findings.push(Finding::of("ICAT", icat(settings, &client).await));
    if settings.core.events.kind == BusKind::Nats {
        findings.push(Finding::of("NATS", nats(settings).await));
    }
    for (name, storage) in &settings.core.storage {
        let looked = match storage.directory(name) {
            Ok(directory) => read_storage(directory).await,
            Err(e) => Err(e.to_string()),
        };
        findings.push(Finding::of(format!("storage {name}"), looked));
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
    };
    findings.extend(crate::doctor::examine(services, &ctx).await);
    for (_, db) in ctx.databases {
        db.close().await;
    }
    let wrong = findings.iter().filter(|finding| !finding.ok).count();
    let lines: Vec<String> = findings.iter().map(|f| format!("{}  {:<22} {}", word(f.level), f.what, f.says)).collect();
    result(json, &findings, &lines.join("\n"))?;
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{wrong} of {} failed", count(findings.len(), "check"))))
    }
}

fn word(level: Level) -> &'static str {
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
    match tokio::time::timeout(PATIENCE, receiver).await {
        Ok(Ok(Ok(entries))) => Ok(format!("{shown} can be read ({})", count(entries, "entry"))),
        Ok(Ok(Err(e))) => Err(format!("{shown}: {e}")),
        Ok(Err(_)) | Err(_) => Err(format!("{shown} does not answer: is its file system mounted and its server up?")),
    }
}

/// Whether the ports are free, or taken by the services themselves.
async fn listeners(settings: &Config, client: &reqwest::Client) -> Vec<Finding> {
    let http = &settings.core.http;
    let endpoints = Endpoints { public: http.bind, internal: http.internal_bind };
    let health = format!("{}/health/live", endpoints.resolve("self", crate::Listener::Internal));
    let asked = client.get(health).timeout(PATIENCE).send().await;
    let runs = asked.is_ok_and(|answer| answer.status().is_success());
    let look = |setting: &str, address: SocketAddr| {
        let outcome = match TcpListener::bind(address) {
            Ok(_) => Ok(format!("{setting} = {address} is free")),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse && runs => Ok(format!("{setting} = {address}: running")),
            Err(e) => Err(crate::http::bind_refusal(setting, address, &e)),
        };
        Finding::of(setting, outcome)
    };
    vec![look("http.bind", http.bind), look("http.internal_bind", http.internal_bind)]
}

/// Adds the database if it is up to date.
async fn database(
    service: &ServiceDef,
    settings: &Config,
    databases: &mut Vec<(&'static str, Db)>,
) -> Result<String, String> {
    let target =
        Target::of(&settings.core.database, &settings.core.data_dir, service.name).map_err(|e| e.to_string())?;
    if let Target::Sqlite(file) = &target
        && !file.is_file()
    {
        return Ok(format!("{} will be made at the first start", file.display()));
    }
    let settings = settings.with("database.migrate", "never").map_err(|e| e.to_string())?;
    let db = open_database(service, &settings, &SystemClock).await.map_err(|e| chain(&e))?;
    let pending = db.migration_plan(service.migrations).await.map_err(|e| chain(&e)).map(|pending| pending.len());
    if pending == Ok(0) {
        databases.push((service.name, db));
        return Ok("answers, up to date".to_owned());
    }
    db.close().await;
    Err(format!("answers, but lacks {}: run `undulator migrate`", count(pending?, "migration")))
}

async fn icat(settings: &Config, client: &reqwest::Client) -> Result<String, String> {
    let url = &settings.core.icat.url;
    if url == "self" {
        return Ok("is the embedded catalogue of this process".to_owned());
    }
    let asked = client.get(format!("{}/icat/version", url.trim_end_matches('/'))).timeout(PATIENCE).send().await;
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

async fn nats(settings: &Config) -> Result<String, String> {
    let url = &settings.core.events.nats_url;
    let address = url.rsplit("//").next().unwrap_or(url).rsplit('@').next().unwrap_or(url);
    let address = if address.contains(':') { address.to_owned() } else { format!("{address}:4222") };
    match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Ok(format!("{address} takes connections")),
        Ok(Err(e)) => Err(format!("{address}: {e}")),
        Err(_) => Err(format!("{address} does not answer")),
    }
}
