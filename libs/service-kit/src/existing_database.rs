//! Checks that a database exists. Administrative commands need one: in the wrong directory they fail instead of creating an
//! empty facility.

use crate::config::{Config, ConfigError};
use crate::db::Target;
use crate::service_def::{BuildError, ServiceDef};

/// Whether the service has a database yet; creates none.
pub async fn has_database(service: &ServiceDef, config: &Config) -> Result<bool, BuildError> {
    Ok(resolve_target(service, config)?.exists().await?)
}

/// Fails if the service has no database; the error names the place and says what to do.
pub async fn require_database(service: &ServiceDef, config: &Config) -> Result<(), BuildError> {
    let target = resolve_target(service, config)?;
    if target.exists().await? {
        return Ok(());
    }
    let missing = match &target {
        Target::Sqlite(file) => std::path::absolute(file).unwrap_or_else(|_| file.clone()).display().to_string(),
        Target::Postgres { .. } => target.to_string(),
    };
    Err(missing_database_error(&format!("there is no {missing}"), config))
}

/// Fails if none of these services has a database.
pub async fn require_any_database(services: &[ServiceDef], config: &Config) -> Result<(), BuildError> {
    for service in services {
        if has_database(service, config).await? {
            return Ok(());
        }
    }
    match services.first() {
        Some(first) => require_database(first, config).await,
        None => Ok(()),
    }
}

/// Fails if the location of the facility is not configured and the default location has no database of these services.
pub(crate) async fn require_location(services: &[ServiceDef], config: &Config) -> Result<(), BuildError> {
    if !config.is_default_location() {
        return Ok(());
    }
    for service in services {
        if matches!(resolve_target(service, config)?, Target::Postgres { .. }) || has_database(service, config).await? {
            return Ok(());
        }
    }
    Err(missing_database_error("there is no database", config))
}

fn resolve_target(service: &ServiceDef, config: &Config) -> Result<Target, BuildError> {
    Ok(Target::from_config(&config.core.database, &config.core.data_dir, service.name)?)
}

fn missing_database_error(missing: &str, config: &Config) -> BuildError {
    let place = config.facility_location();
    let first_start = match &place.settings_file {
        Some(_) => "`undulator serve` or `undulator migrate` makes it",
        None => "`undulator setup` makes a facility",
    };
    BuildError::Config(ConfigError(format!(
        "{missing} ({place}). Run the command in the directory of undulator.toml, or name that file with --config; \
         {first_start}"
    )))
}
