//! Creating, changing and deleting entities, as `POST` and `DELETE /entityManager` of icat.server 6.2 do.
//!
//! Everything of one call is one transaction. Unlike icat.server, naming a row by its id does not stamp it, a relation
//! that is part of a key counts as changed only if it changes, and the cause that is reported is the real one.

pub mod check;
mod clone;
mod parse;
mod permit;
mod remove;
mod rows;

use service_kit::Tx;

pub use self::clone::{clone_entity, parse_keys};
pub use self::parse::{EntityWrite, parse_items, parse_targets};
pub use self::permit::Permissions;
pub use self::remove::delete_entities;
use self::rows::EntityWriter;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;

/// Applies all items in order; the ids of the rows created at the top level.
pub async fn write_items(
    tx: &mut Tx,
    items: &[EntityWrite],
    author: &Author,
    permit: &Permissions<'_>,
    parse: &ParseContext,
) -> Result<Vec<i64>, Error> {
    let mut writer = EntityWriter::new(tx, author, permit, parse);
    let mut created = Vec::new();
    for (offset, item) in items.iter().enumerate() {
        created.extend(writer.write_item(item).await.map_err(|e| e.with_offset(offset))?);
    }
    Ok(created)
}
