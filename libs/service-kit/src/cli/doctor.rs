//! `doctor`: asks everything that the services need, and says what is wrong and what to do.

use std::time::Duration;

use serde::Serialize;

use super::{Failure, result};
use crate::clock::SystemClock;
use crate::config::{BusKind, Config};
use crate::db::Target;
use crate::problem::chain;
use crate::serve::{ServiceDef, http_client, open_database};

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    ok: bool,
    says: String,
}

/// Exit code 1 if anything is wrong. Writes nothing, and migrates nothing.
pub async fn run(services: &[ServiceDef], settings: &Config, json: bool) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for service in services {
        findings.push(finding(format!("database of {}", service.name), database(service, settings).await));
    }
    findings.push(finding("ICAT".to_owned(), icat(settings).await));
    if settings.core.events.kind == BusKind::Nats {
        findings.push(finding("NATS".to_owned(), nats(settings).await));
    }
    for (name, storage) in &settings.core.storage {
        let looked = storage.directory(name).map_err(|e| e.to_string()).and_then(|directory| {
            let entries = std::fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
            Ok(format!("{} can be read ({} entries)", directory.display(), entries.count()))
        });
        findings.push(finding(format!("storage {name}"), looked));
    }
    let wrong = findings.iter().filter(|finding| !finding.ok).count();
    let lines: Vec<String> = findings
        .iter()
        .map(|f| format!("{}  {:<22} {}", if f.ok { "ok   " } else { "WRONG" }, f.what, f.says))
        .collect();
    result(json, &findings, &lines.join("\n"))?;
    if wrong == 0 { Ok(()) } else { Err(Failure::Failed(format!("{wrong} of {} checks failed", findings.len()))) }
}

fn finding(what: String, outcome: Result<String, String>) -> Finding {
    let ok = outcome.is_ok();
    Finding { what, ok, says: outcome.unwrap_or_else(|says| says) }
}

async fn database(service: &ServiceDef, settings: &Config) -> Result<String, String> {
    let target =
        Target::of(&settings.core.database, &settings.core.data_dir, service.name).map_err(|e| e.to_string())?;
    if let Target::Sqlite(file) = &target
        && !file.is_file()
    {
        return Ok(format!("{} will be made at the first start", file.display()));
    }
    let settings = settings.with("database.migrate", "never").map_err(|e| e.to_string())?;
    let db = open_database(service, &settings, &SystemClock).await.map_err(|e| chain(&e))?;
    let pending = db.migration_plan(service.migrations).await;
    db.close().await;
    match pending.map_err(|e| chain(&e))?.len() {
        0 => Ok("answers, up to date".to_owned()),
        n => Err(format!("answers, {n} migration(s) missing: run `migrate`")),
    }
}

async fn icat(settings: &Config) -> Result<String, String> {
    let url = &settings.core.icat.url;
    if url == "self" {
        return Ok("is the embedded catalogue of this process".to_owned());
    }
    let client = http_client(settings).map_err(|e| e.to_string())?;
    let asked = client.get(format!("{}/icat/version", url.trim_end_matches('/'))).timeout(PATIENCE).send().await;
    let answer = asked.map_err(|e| format!("does not answer: {}", chain(&e.without_url())))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|e| chain(&e.without_url()))?;
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
