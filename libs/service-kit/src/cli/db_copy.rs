//! `db copy --from URL --to URL`

use serde::Serialize;

use super::{Failure, result};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError};
use crate::db::{Db, Migrate, Target};
use crate::serve::ServiceDef;

#[derive(Serialize)]
struct Copied {
    service: &'static str,
    table: String,
    rows: u64,
}

/// Copies the rows of every service; stop the services first. The target's tables are made where they are missing and
/// must be empty.
pub async fn run(services: &[ServiceDef], settings: &Config, from: &str, to: &str, json: bool) -> Result<(), Failure> {
    let mut all = Vec::new();
    for service in services {
        let source = open(service, settings, from, Migrate::Check).await?;
        let target = open(service, settings, to, Migrate::Auto).await?;
        let copied = source.copy_to(&target).await.map_err(|e| Failure::of(&e))?;
        all.extend(copied.into_iter().map(|(table, rows)| Copied { service: service.name, table, rows }));
        source.close().await;
        target.close().await;
    }
    let rows: u64 = all.iter().map(|copied| copied.rows).sum();
    let sentence = format!("{rows} rows of {} tables in {} services copied", all.len(), services.len());
    result(json, &all, &sentence)
}

async fn open(service: &ServiceDef, settings: &Config, url: &str, migrate: Migrate) -> Result<Db, Failure> {
    let settings = match url.strip_prefix("sqlite:") {
        Some(directory) => settings.with("database.url", "sqlite")?.with("data_dir", directory)?,
        None if url.starts_with("postgres") => settings.with("database.url", url)?,
        None => return Err(Failure::Usage("say sqlite:DIRECTORY or postgres://…".to_owned())),
    };
    let target = Target::of(&settings.core.database, &settings.core.data_dir, service.name)
        .map_err(|e| Failure::Config(ConfigError(e.to_string())))?;
    if let Target::Sqlite(file) = &target
        && migrate == Migrate::Check
        && !file.is_file()
    {
        return Err(Failure::Failed(format!("there is no database {}", file.display())));
    }
    let failed = |e| Failure::from(crate::serve::BuildError::Database(e));
    let db = Db::open(&target, &settings.core.database).await.map_err(failed)?;
    db.migrate(service.migrations, migrate, SystemClock.now_micros()).await.map_err(failed)?;
    Ok(db)
}
