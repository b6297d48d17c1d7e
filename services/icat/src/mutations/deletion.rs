//! Deletes entities with all rows that depend on them.

use std::collections::HashSet;

use icat_client::schema::{self, Entity};
use service_kit::Tx;

use super::Permissions;
use crate::authorization::Operation;
use crate::error::Error;
use crate::store::{Author, entities};

/// Deletes all targets or none. Requires DELETE on each row that would be deleted; administrative commands pass no permissions.
pub async fn delete_entities(
    tx: &mut Tx,
    targets: &[(&'static Entity, i64)],
    author: &Author,
    permissions: Option<&Permissions<'_>>,
) -> Result<(), Error> {
    let mut dependents: Vec<(&'static Entity, HashSet<i64>)> =
        schema::all_entities().iter().map(|entity| (entity, HashSet::new())).collect();
    for (offset, (entity, id)) in targets.iter().enumerate() {
        collect_dependents(tx, &mut dependents, (entity, *id), permissions).await.map_err(|e| e.with_offset(offset))?;
    }
    // The schema lists parents before children.
    for (entity, ids) in dependents.iter().rev() {
        if !ids.is_empty() {
            entities::delete_rows(tx, entity, &ids.iter().copied().collect::<Vec<_>>(), author).await?;
        }
    }
    Ok(())
}

/// Adds a target and its dependents to `dependents`. A target that an earlier one already covers counts as not found.
async fn collect_dependents(
    tx: &mut Tx,
    dependents: &mut [(&'static Entity, HashSet<i64>)],
    (entity, id): (&'static Entity, i64),
    permissions: Option<&Permissions<'_>>,
) -> Result<(), Error> {
    let gone = dependents.iter().any(|(known, ids)| known.name == entity.name && ids.contains(&id));
    if gone || entities::get_by_id(tx, entity, id).await?.is_none() {
        return Err(Error::entity_not_found(entity.name, id));
    }
    let mut fresh: Vec<(&'static Entity, Vec<i64>)> = vec![(entity, vec![id])];
    while let Some((entity, ids)) = fresh.pop() {
        if let Some(permissions) = permissions {
            permissions.require_operation(tx, Operation::Delete, entity, &ids).await?;
        }
        if let Some((_, known)) = dependents.iter_mut().find(|(known, _)| known.name == entity.name) {
            known.extend(ids.iter().copied());
        }
        for many in entity.many {
            let pairs = entities::list_child_ids(tx, many.target(), many.inverse().column, &ids, usize::MAX).await?;
            let known = dependents.iter().find(|(known, _)| known.name == many.target).map(|(_, ids)| ids);
            let mut children: Vec<i64> = pairs.into_iter().map(|(_, child)| child).collect();
            children.retain(|child| known.is_none_or(|known| !known.contains(child)));
            if !children.is_empty() {
                fresh.push((many.target(), children));
            }
        }
    }
    Ok(())
}
