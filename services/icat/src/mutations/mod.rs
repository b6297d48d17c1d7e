//! Creates, updates and deletes entities, as `POST` and `DELETE /entityManager` of icat.server 6.2 do.
//!
//! One call is one transaction. Differences from icat.server: referring to a row by its id does not change its modification
//! time; a relation that is part of a key counts as changed only if its value changes; errors name the real cause.

mod cloner;
mod deletion;
mod permissions;
mod request;
mod row_set;
mod update_set;
mod writer;

#[cfg(test)]
mod tests;

use icat_client::schema::Entity;
use service_kit::Tx;

pub use self::cloner::{clone_entity, parse_keys};
pub use self::deletion::delete_entities;
pub use self::permissions::Permissions;
pub use self::request::{EntityWrite, parse_items, parse_targets};
use self::row_set::count_set_items;
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
    let mut done = 0;
    while done < items.len() {
        let updated = writer.update_set(&items[done..]).await?;
        if updated > 0 {
            done += updated;
            continue;
        }
        let count = count_set_items(&items[done..], permissions);
        let set = &items[done..done + count.max(1)];
        let ids =
            if count > 0 { writer.create_set(set).await.map_err(|(n, e)| e.with_offset(done + n))? } else { None };
        match ids {
            Some(ids) => created.extend(ids),
            None => {
                writer.load_updated_rows(&items[done..]).await?;
                for (offset, item) in (done..).zip(set) {
                    created.extend(writer.write_item(item).await.map_err(|e| e.with_offset(offset))?);
                }
            }
        }
        done += set.len();
    }
    Ok(created)
}

/// Groups rows by entity type, in the order of first appearance.
fn group_by_entity(rows: impl IntoIterator<Item = (&'static Entity, i64)>) -> Vec<(&'static Entity, Vec<i64>)> {
    let mut groups: Vec<(&'static Entity, Vec<i64>)> = Vec::new();
    for (entity, id) in rows {
        match groups.iter_mut().find(|(known, _)| *known == entity) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((entity, vec![id])),
        }
    }
    groups
}
