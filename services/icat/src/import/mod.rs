//! Imports a dump of python-icat's `icatdump`, YAML or XML.
//!
//! Rows are matched by their unique key, rows without one by all columns and parts. Each row is created, unchanged or in
//! conflict; a conflict refuses the whole import, unless conflicts are to be skipped. A second import of the same file
//! changes nothing. An import is one transaction.

mod batches;
mod dump;
mod importer;
mod record;
mod record_ids;
mod row_key;
mod xml;
mod yaml;

use std::sync::Arc;

use service_kit::{Db, DbError, Sources};
use thiserror::Error;

use self::batches::Batches;
pub use self::dump::Dump;
pub use self::record::Record;
use crate::change_events::new_outbox;
use crate::config::Config;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;

/// What to do with a row that exists with other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse the import.
    Fail,
    /// Keep the stored row and continue.
    Skip,
}

/// The options of an import.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Who is recorded as the creator.
    pub user_name: String,
    pub on_conflict: OnConflict,
    /// Roll the transaction back at the end.
    pub dry_run: bool,
}

/// What an import did; counts are of rows, including nested ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImportReport {
    pub created: usize,
    pub unchanged: usize,
    /// Rows that are stored with other values: entity type, key and the first differing member.
    pub conflicts: Vec<String>,
}

/// Why an import failed.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error("the dump cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// The file is no valid dump.
    #[error("{0}")]
    Format(String),
    /// A record of the file cannot be stored.
    #[error("{record}")]
    Record { record: String, source: Error },
    /// Rows are stored with other values than in the file.
    #[error("rows are stored with other values ({}), so nothing was imported; the first: {}", .0.len(), .0[0])]
    Conflicts(Vec<String>),
    #[error(transparent)]
    Database(#[from] DbError),
    /// Internal: rolls back the transaction of a dry run.
    #[error("dry run")]
    DryRun(ImportReport),
}

/// Records that are looked at before a database is opened.
const CHECKED_RECORDS: usize = 10_000;

/// Refuses what is no dump, judging by its first records.
pub fn check_beginning(dump: &Dump) -> Result<(), ImportError> {
    let mut count = 0;
    dump.read_records(&Arc::default(), &mut |_| {
        count += 1;
        count < CHECKED_RECORDS
    })
}

/// Imports a dump in one transaction; calls `progress` with the number of bytes done. The records are parsed on another thread
/// and stored in batches, so that the memory does not depend on the size of the dump.
pub async fn import_dump(
    db: &Db,
    config: &Config,
    sources: &Sources,
    dump: &Dump,
    options: &ImportOptions,
    progress: impl Fn(u64),
) -> Result<ImportReport, ImportError> {
    let zone = config.parse_time_zone().map_err(|e| ImportError::Format(e.0))?;
    let parse = ParseContext { time_zone: zone };
    let author = Author::new(&options.user_name, sources.clock.now_micros());
    let outbox = new_outbox(sources);
    let outcome = author
        .run_transaction(db, &outbox, async |tx| {
            let mut batches = Batches::start(dump.clone());
            let stored = importer::store_batches(tx, &mut batches, &author, &outbox, &parse, &progress).await;
            // An invalid dump is reported as such, whatever else is wrong with its records.
            if matches!(stored, Err(ImportError::Record { .. })) {
                batches.check_rest().await?;
            }
            let report = stored?;
            if options.on_conflict == OnConflict::Fail && !report.conflicts.is_empty() {
                return Err(ImportError::Conflicts(report.conflicts));
            }
            if options.dry_run { Err(ImportError::DryRun(report)) } else { Ok(report) }
        })
        .await;
    match outcome {
        Err(ImportError::DryRun(report)) => Ok(report),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fragments of dumps in random order, which is closer to dumps than random text.
    fn dump_fragments(of: &[&'static str]) -> impl Strategy<Value = String> + use<> {
        prop::collection::vec(prop::sample::select(of.to_vec()), 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_dump_panics(
            text in "\\PC{0,60}",
            yaml in dump_fragments(&["user:", "\n", " ", "- ", "name: x", "{", "}", "[", "]", "? ", ": ", "&a", "*a", "|", "'", "\"", "---", "!!int", "investigation:", "keywords:"]),
            xml in dump_fragments(&["<icatdata>", "<data>", "<user id=\"u\">", "<name>", "x", "</name>", "</user>", "</data>", "</icatdata>", "<head>", "&amp;", "&#0;", "&x;", "<![CDATA[", "]]>", "<!--", "<facility ref=\"f\"/>", "<"]),
        ) {
            for text in [&text, &yaml, &xml, &format!("<icatdata>{xml}")] {
                Dump::from_text(text).read_records(&Arc::default(), &mut |_| true).unwrap_or_default();
                row_key::parse_key(text).map(drop).unwrap_or_default();
            }
        }

        #[test]
        fn no_key_panics(text in dump_fragments(&["User", "Dataset", "_", "name", "-", "(", ")", "=2D", "=", "x", "investigation", "é"])) {
            row_key::parse_key(&text).map(drop).unwrap_or_default();
        }
    }
}
