//! Administration of the embedded catalogue: instruments, investigations and their members.
//!
//! Rows are found by their unique key and created if they are missing, so that every command can be repeated. Each
//! command is one transaction, which also emits its change events. It needs no running server; a running one uses the
//! new rows from the next request on.

mod accounts;
mod grants;
mod instrument;
mod investigation;
mod listing;
mod lookup;
mod report;
mod rows;
mod verification;

use std::sync::Arc;

use events::Outbox;
use icat::error::Error;
use icat::query::ParseContext;
use icat::store::Author;
use jiff::tz::TimeZone;
use service_kit::cli::Failure;
use service_kit::{Clock as _, Config, Db, DbError, SystemClock, SystemIds, open_database};
use thiserror::Error;

pub use self::grants::{grant_membership, has_mechanism, revoke_membership};
pub use self::instrument::add_instrument;
pub use self::investigation::add_investigation;
pub use self::listing::{list_investigations, show_investigation};
pub use self::lookup::{parse_time, start_of_today};
pub use self::report::Report;
pub use self::rows::{OtherValues, Rows};
pub use self::verification::verify_derived_rows;
use crate::commands::creator::choose_creator;

/// Why a change of the catalogue failed.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// An argument does not exist or is ambiguous.
    #[error("{0}")]
    Usage(String),
    /// Stored rows have other values.
    #[error("nothing was changed: {}", .0.join("; "))]
    Conflicts(Vec<String>),
    #[error(transparent)]
    Catalogue(#[from] Error),
    #[error(transparent)]
    Database(#[from] DbError),
    /// Ends the transaction of a dry run; never leaves this module.
    #[error("dry run")]
    DryRun(Box<Report>),
}

impl From<CatalogueError> for Failure {
    fn from(e: CatalogueError) -> Self {
        match e {
            CatalogueError::Usage(text) => Self::Usage(text),
            other => Self::from_error(&other),
        }
    }
}

/// What to do with stored rows that have other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Change nothing at all.
    Refuse,
    /// Keep these rows, and do the rest.
    Report,
}

/// The embedded catalogue, opened for an administrative command.
pub struct Catalogue {
    db: Db,
    outbox: Outbox,
    parse: ParseContext,
    user_name: String,
}

impl Catalogue {
    /// Opens the database; `user` or the first root user is recorded as the creator of rows.
    pub async fn open(settings: &Config, user: Option<String>) -> Result<Self, Failure> {
        Self::open_as(settings, choose_creator(settings, user)?).await
    }

    /// Opens the database for commands that change nothing.
    pub async fn open_for_reading(settings: &Config) -> Result<Self, Failure> {
        Self::open_as(settings, String::new()).await
    }

    async fn open_as(settings: &Config, user_name: String) -> Result<Self, Failure> {
        let zone = icat::Config::from_settings(settings)?.parse_time_zone()?;
        let db = open_database(&icat::SERVICE, settings, &SystemClock).await?;
        let outbox = Outbox::new(icat::SERVICE.name, Arc::new(SystemClock), Arc::new(SystemIds));
        Ok(Self { db, outbox, parse: ParseContext { time_zone: zone }, user_name })
    }

    /// The time zone of times without one.
    pub fn time_zone(&self) -> &TimeZone {
        &self.parse.time_zone
    }

    /// Reads a consistent snapshot.
    pub async fn read_rows<T>(
        &self,
        work: impl AsyncFnOnce(&mut Rows<'_>) -> Result<T, CatalogueError>,
    ) -> Result<T, CatalogueError> {
        let author = Author::new(&self.user_name, SystemClock.now_micros());
        let mut tx = self.db.read().await?;
        work(&mut Rows::new(&mut tx, &author, &self.parse)).await
    }

    /// Runs `work` in one transaction and returns what it changed; a dry run keeps nothing.
    pub async fn change_rows(
        &self,
        on_conflict: OnConflict,
        dry_run: bool,
        mut work: impl AsyncFnMut(&mut Rows<'_>) -> Result<(), CatalogueError>,
    ) -> Result<Report, CatalogueError> {
        let author = Author::new(&self.user_name, SystemClock.now_micros());
        let outcome = author
            .run_transaction(&self.db, &self.outbox, async |tx| {
                let mut rows = Rows::new(tx, &author, &self.parse);
                work(&mut rows).await?;
                let report = rows.into_report();
                match on_conflict {
                    OnConflict::Refuse if !report.conflicts.is_empty() => {
                        Err(CatalogueError::Conflicts(report.conflicts))
                    }
                    _ if dry_run => Err(CatalogueError::DryRun(Box::new(report))),
                    _ => Ok(report),
                }
            })
            .await;
        match outcome {
            Err(CatalogueError::DryRun(report)) => Ok(*report),
            other => other,
        }
    }

    pub async fn close(self) {
        self.db.close().await;
    }
}
