//! Fills the index from a catalogue: the embedded one, or an icat.server that does not send its changes.
//!
//! `ScanWorker` reads all rows of an entity in the order of their ids, and `ChangedRowWorker` those that events name. Both
//! store what they read in the queue of changes, like the documents that an icat.server sends.

mod changed_row_worker;
mod columns;
mod error;
mod events;
mod reader;
mod scan_metrics;
mod scan_worker;

use std::sync::LazyLock;

pub use self::changed_row_worker::ChangedRowWorker;
pub use self::events::listen_for_changes;
pub use self::reader::CatalogueReader;
pub use self::scan_worker::ScanWorker;
use crate::domain::entity::EntityKind;
use columns::DocumentColumns;

/// The entities that a catalogue has, with those first that others refer to, and their columns.
static COLUMNS: LazyLock<Vec<DocumentColumns>> = LazyLock::new(|| {
    let mut columns: Vec<DocumentColumns> = EntityKind::list_all().filter_map(DocumentColumns::for_entity).collect();
    columns.sort_by_key(|columns| std::cmp::Reverse(columns.kind.partition()));
    columns
});

/// The names of these entities.
pub static ENTITY_NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| COLUMNS.iter().map(|columns| columns.entity.name).collect());

fn find_columns(entity: &str) -> Option<&'static DocumentColumns> {
    COLUMNS.iter().find(|columns| columns.entity.name == entity)
}
