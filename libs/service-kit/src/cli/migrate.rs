//! `migrate [--plan] [service…]`

use super::{Failure, format_count, print_result, print_text};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::existing_database::{has_database, require_any_database, require_location};
use crate::serve::open_database;
use crate::service_def::ServiceDef;

pub async fn migrate_databases(services: &[ServiceDef], settings: &Config, json: bool) -> Result<(), Failure> {
    require_location(services, settings).await?;
    let settings = settings.with_setting("database.migrate", "auto")?;
    let mut done = Vec::new();
    for service in services {
        open_database(service, &settings, &SystemClock).await?.close().await;
        done.push(service.name);
    }
    print_result(json, &done, &format!("up to date: {}", done.join(", ")))
}

/// The SQL that is still to run, as a script with comments.
pub async fn print_plan(services: &[ServiceDef], settings: &Config) -> Result<(), Failure> {
    let settings = settings.with_setting("database.migrate", "never")?;
    require_any_database(services, &settings).await?;
    for service in services {
        if !has_database(service, &settings).await? {
            print_text(&format!("-- {}: no database yet; it is created at the first start", service.name))?;
            continue;
        }
        let db = open_database(service, &settings, &SystemClock).await?;
        let steps = db.migration_plan(service.migrations).await.map_err(|e| Failure::from_error(&e))?;
        db.close().await;
        print_text(&format!("-- {}: {}", service.name, format_count(steps.len(), "step")))?;
        for (step, sql) in steps {
            print_text(&format!("-- step {step}\n{sql}"))?;
        }
    }
    Ok(())
}
