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

pub use self::clone::{clone, parse_keys};
pub use self::parse::{Item, parse_items, parse_targets};
pub use self::permit::Permit;
pub use self::remove::remove;
use self::rows::Writer;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;

/// Applies all items in order; the ids of the rows created at the top level.
pub async fn apply(
    tx: &mut Tx,
    items: &[Item],
    author: &Author,
    permit: &Permit<'_>,
    parse: &ParseContext,
) -> Result<Vec<i64>, Error> {
    let mut writer = Writer::new(tx, author, permit, parse);
    let mut created = Vec::new();
    for (offset, item) in items.iter().enumerate() {
        created.extend(writer.apply(item).await.map_err(|e| e.at(offset))?);
    }
    Ok(created)
}
