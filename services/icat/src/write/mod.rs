//! Creating, changing and deleting entities, as `POST` and `DELETE /entityManager` of icat.server 6.2 do.
//!
//! Everything of one call is one transaction. Unlike icat.server, naming a row by its id does not stamp it, and the
//! cause that is reported is the real one.

pub(crate) mod check;
mod parse;
mod rows;

use std::collections::HashSet;

use icat_client::schema::{self, Entity};
use service_kit::Tx;

pub use self::parse::{Item, parse_items, parse_targets};
use self::rows::Writer;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::{Author, entities};

/// Applies all items in order; the ids of the rows created at the top level.
pub async fn apply(
    tx: &mut Tx,
    items: &[Item],
    author: &Author,
    is_root: bool,
    parse: &ParseContext,
) -> Result<Vec<i64>, Error> {
    let mut writer = Writer::new(tx, author, parse);
    let mut created = Vec::new();
    for (offset, item) in items.iter().enumerate() {
        if !is_root {
            let access = if item.id.is_some() { "UPDATE" } else { "CREATE" };
            return Err(Error::denied(access, item.entity.name).at(offset));
        }
        match item.id {
            Some(id) => writer.update(item, id).await.map_err(|e| e.at(offset))?,
            None => created.push(writer.create(item, None).await.map_err(|e| e.at(offset))?),
        }
    }
    Ok(created)
}

/// Removes rows with everything that depends on them.
pub async fn remove(
    tx: &mut Tx,
    targets: &[(&'static Entity, i64)],
    author: &Author,
    is_root: bool,
) -> Result<(), Error> {
    let mut doomed: Vec<(&'static Entity, HashSet<i64>)> =
        schema::entities().iter().map(|entity| (entity, HashSet::new())).collect();
    let mut new: Vec<(&'static Entity, Vec<i64>)> = Vec::new();
    for (offset, (entity, id)) in targets.iter().enumerate() {
        let known = doomed.iter_mut().find(|(e, _)| e.name == entity.name);
        let twice = known.is_none_or(|(_, ids)| !ids.insert(*id));
        if twice || entities::by_id(tx, entity, *id).await?.is_none() {
            return Err(Error::no_such(entity.name, *id).at(offset));
        }
        if !is_root {
            return Err(Error::denied("DELETE", entity.name).at(offset));
        }
        new.push((entity, vec![*id]));
    }
    while let Some((entity, ids)) = new.pop() {
        for many in entity.many {
            let pairs = entities::children(tx, many.target(), many.back().column, &ids, usize::MAX).await?;
            if let Some((target, known)) = doomed.iter_mut().find(|(e, _)| e.name == many.target) {
                let fresh: Vec<i64> =
                    pairs.into_iter().map(|(_, child)| child).filter(|id| known.insert(*id)).collect();
                if !fresh.is_empty() {
                    new.push((target, fresh));
                }
            }
        }
    }
    // The schema lists parents before children.
    for (entity, ids) in doomed.iter().rev() {
        if !ids.is_empty() {
            entities::delete(tx, entity, &ids.iter().copied().collect::<Vec<_>>(), author).await?;
        }
    }
    Ok(())
}
