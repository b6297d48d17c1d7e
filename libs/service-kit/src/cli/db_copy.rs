//! `db copy --from URL --to URL`

use std::time::Duration;

use serde::Serialize;

use super::{Failure, format_count, print_result};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError};
use crate::db::{CopyState, Db, DbError, Migrate, Target};
use crate::service_def::{BuildError, ServiceDef};

/// A whole table is read by one statement.
const READ_TIMEOUT: Duration = Duration::from_hours(24 * 20);

#[derive(Serialize)]
struct Copied {
    service: &'static str,
    table: String,
    rows: u64,
}

/// One service's databases, open for the copy and nobody else.
struct Pair<'s> {
    service: &'s ServiceDef,
    source: Db,
    target: Db,
    state: CopyState,
}

/// Copies the rows of every service that has a database at `from`; stop the services first. All sides are looked at before
/// anything is copied, each service is copied as a whole or not at all, and what an earlier run has copied stays.
pub async fn copy_databases(
    services: &[ServiceDef],
    settings: &Config,
    from: &str,
    to: &str,
    json: bool,
) -> Result<(), Failure> {
    let (from, to) = (DatabaseLocation::parse(settings, from)?, DatabaseLocation::parse(settings, to)?);
    let mut pairs = Vec::new();
    for service in services {
        let (source, target) = (from.database_target(service)?, to.database_target(service)?);
        if source == target {
            return Err(Failure::Usage("--from and --to are the same place".to_owned()));
        }
        if !source.exists().await.map_err(BuildError::Database)? {
            eprintln!("{}: no database there, nothing to copy", service.name);
            continue;
        }
        pairs.push(open_pair(service, &from, &to).await?);
    }
    if pairs.is_empty() {
        return Err(Failure::Failed(format!("no service has a database in {}", from.shown)));
    }
    let taken: Vec<String> = pairs.iter().filter_map(Pair::find_refusal).collect();
    if !taken.is_empty() {
        return Err(Failure::Failed(taken.join("\n")));
    }
    let mut all = Vec::new();
    for pair in &pairs {
        let tables = pair.copy_rows().await?;
        all.extend(tables.into_iter().map(|(table, rows)| Copied { service: pair.service.name, table, rows }));
        pair.source.close().await;
        pair.target.close().await;
    }
    let rows: u64 = all.iter().map(|copied| copied.rows).sum();
    let sentence = format!(
        "{} of {} in {} copied and verified",
        format_count(rows, "row"),
        format_count(all.len(), "table"),
        format_count(pairs.len(), "service")
    );
    print_result(json, &all, &sentence)
}

async fn open_pair<'s>(
    service: &'s ServiceDef,
    from: &DatabaseLocation,
    to: &DatabaseLocation,
) -> Result<Pair<'s>, Failure> {
    let source = from.open(service, Migrate::Check).await?;
    let target = to.open(service, Migrate::Auto).await?;
    let state = source.compare_for_copy(&target, service.migrations).await;
    let state = state.map_err(|e| copy_failure(service.name, &e))?;
    Ok(Pair { service, source, target, state })
}

impl Pair<'_> {
    /// Why this cannot be copied.
    fn find_refusal(&self) -> Option<String> {
        let CopyState::Different { table, rows } = &self.state else { return None };
        Some(format!(
            "{0}: the target holds other rows than the source ({1} in table {table}); nothing was copied. Copy into an \
             empty directory or database, or remove what is there: the file {0}.db with its -wal and -shm, or the \
             schema (DROP SCHEMA {0} CASCADE)",
            self.service.name,
            format_count(*rows, "row")
        ))
    }

    async fn copy_rows(&self) -> Result<Vec<(String, u64)>, Failure> {
        if self.state == CopyState::Same {
            eprintln!("{}: the target holds these rows already", self.service.name);
            return Ok(Vec::new());
        }
        let copied = self.source.copy_to(&self.target, self.service.migrations).await;
        copied.map_err(|e| copy_failure(self.service.name, &e))
    }
}

/// What an error leaves behind. Where the answer to a COMMIT was lost the target may hold the rows, which the next run finds.
fn copy_failure(service: &str, error: &DbError) -> Failure {
    let target = match error {
        DbError::CommitUnknown(_) => {
            "its target now holds all rows or none. Run the same command again: it looks at what is there, and copies \
             only what is missing"
        }
        _ => "its target is as it was, and the same command can be run again",
    };
    Failure::Failed(format!("{service}: {}; {target}", crate::problem::format_error_chain(error)))
}

/// One side of the copy.
struct DatabaseLocation {
    settings: Config,
    /// Without a password.
    shown: String,
}

impl DatabaseLocation {
    fn parse(settings: &Config, url: &str) -> Result<Self, Failure> {
        let (settings, shown) = match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some("") => return Err(Failure::Usage("sqlite: needs a directory, as in sqlite:./data".to_owned())),
            Some(directory) => {
                if std::path::Path::new(directory).is_file() {
                    let text =
                        format!("{directory} is a file; name the directory that holds the databases of all services");
                    return Err(Failure::Usage(text));
                }
                (
                    settings.with_setting("database.url", "sqlite")?.with_setting("data_dir", directory)?,
                    directory.to_owned(),
                )
            }
            None if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                (settings.with_setting("database.url", url)?, "that PostgreSQL database".to_owned())
            }
            None => {
                let text = "--from and --to are sqlite:DIRECTORY or postgres://USER:PASSWORD@HOST/DATABASE";
                return Err(Failure::Usage(text.to_owned()));
            }
        };
        let read_timeout = format!("{}s", READ_TIMEOUT.as_secs());
        Ok(Self { settings: settings.with_setting("database.read_timeout", read_timeout)?, shown })
    }

    fn database_target(&self, service: &ServiceDef) -> Result<Target, Failure> {
        let core = &self.settings.core;
        Target::from_config(&core.database, &core.data_dir, service.name)
            .map_err(|e| Failure::Config(ConfigError(e.to_string())))
    }

    /// As a server would, so that none runs on it meanwhile.
    async fn open(&self, service: &ServiceDef, migrate: Migrate) -> Result<Db, Failure> {
        let open_failure = |e| Failure::from(BuildError::Database(e));
        let target = self.database_target(service)?;
        if let Target::Sqlite(_) = target {
            let directory = &self.settings.core.data_dir;
            database::create_private_directory(directory)
                .map_err(|e| Failure::Failed(format!("cannot create {}: {e}", directory.display())))?;
        }
        let db = Db::open_for_server(&target, &self.settings.core.database).await.map_err(open_failure)?;
        db.migrate(service.migrations, migrate, SystemClock.now_micros()).await.map_err(open_failure)?;
        Ok(db)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_target_whose_commit_was_not_answered_nothing_is_claimed() {
        let unknown = copy_failure("icat", &DbError::CommitUnknown(sqlx::Error::WorkerCrashed)).to_string();
        assert!(unknown.contains("may or may not be stored") && unknown.contains("all rows or none"), "{unknown}");
        assert!(!unknown.contains("as it was"), "{unknown}");
        let known = copy_failure("icat", &DbError::DiskFull(sqlx::Error::WorkerCrashed)).to_string();
        assert!(known.contains("its target is as it was"), "{known}");
    }
}
