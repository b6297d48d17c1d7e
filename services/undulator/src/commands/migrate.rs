//! `undulator migrate [service…]`

use service_kit::{Config, SystemClock, open_database};

use super::{chosen, result};
use crate::failure::Failure;

pub async fn run(settings: &Config, names: &[String], json: bool) -> Result<(), Failure> {
    let settings = settings.with("database.migrate", "auto")?;
    let mut done = Vec::new();
    for service in chosen(names)? {
        open_database(&service, &settings, &SystemClock).await?.close().await;
        done.push(service.name);
    }
    result(json, &done, &format!("up to date: {}", done.join(", ")))
}
