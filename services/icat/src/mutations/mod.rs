//! Creates, updates and deletes entities, as `POST` and `DELETE /entityManager` of icat.server 6.2 do.
//!
//! One call is one transaction. Differences from icat.server: referring to a row by its id does not change its modification
//! time; a relation that is part of a key counts as changed only if its value changes; errors name the real cause.

mod cloner;
mod deletion;
mod permissions;
mod request;
mod writer;

use service_kit::Tx;

pub use self::cloner::{clone_entity, parse_keys};
pub use self::deletion::delete_entities;
pub use self::permissions::Permissions;
pub use self::request::{EntityWrite, parse_items, parse_targets};
use self::writer::EntityWriter;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;

/// Applies all items in order; returns the ids of the rows created at the top level.
pub async fn write_items(
    tx: &mut Tx,
    items: &[EntityWrite],
    author: &Author,
    permissions: &Permissions<'_>,
    parse: &ParseContext,
) -> Result<Vec<i64>, Error> {
    let mut writer = EntityWriter::new(tx, author, permissions, parse);
    let mut created = Vec::new();
    for (offset, item) in items.iter().enumerate() {
        created.extend(writer.write_item(item).await.map_err(|e| e.with_offset(offset))?);
    }
    Ok(created)
}
