//! Copies an entity with its children, as `POST /cloner` of icat.server 6.2 does.
//!
//! Each row of the tree is copied once. Relations between rows of the tree lead to the copies, others are kept.

use std::collections::{HashMap, HashSet};

use icat_client::schema::{self, Entity, Field, FieldKind};
use serde_json::Value;
use service_kit::{Tx, Val};

use super::Permissions;
use crate::authorization::Operation;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;
use crate::store::entities::{self, NewRow, value_index};
use crate::validation;

/// Rows read and written at once.
const ROWS_PER_BATCH: usize = 500;

/// Key attributes that the copy gets instead of the original's.
pub type KeyOverrides = Vec<(&'static Field, Val)>;

/// Parses `{"name":"MX-2417","visitId":"2"}`: members of the unique key, as strings.
pub fn parse_keys(entity: &'static Entity, text: &str) -> Result<KeyOverrides, Error> {
    let bad = |text: String| Error::BadParameter(text);
    let json: Value = serde_json::from_str(text).map_err(|e| bad(format!("{e} in json {text}")))?;
    let Value::Object(members) = json else {
        return Err(bad(format!("keys must be a JSON object, not {text}")));
    };
    let key = |(name, value): (&String, &Value)| {
        let field = entity.find_field(name).filter(|field| entity.unique.contains(&field.name));
        let field = field.filter(|field| field.kind == FieldKind::String);
        match (field, value.as_str()) {
            (Some(field), Some(text)) => Ok((field, Val::from(text))),
            (Some(_), None) => Err(bad(format!("the value of {name} in keys must be a string"))),
            (None, _) => Err(bad(format!("{name} is no attribute of the unique key of {}", entity.name))),
        }
    };
    members.iter().map(key).collect()
}

/// Copies a row and its tree; returns the id of the copy.
pub async fn clone_entity(
    tx: &mut Tx,
    (entity, id): (&'static Entity, i64),
    keys: &KeyOverrides,
    author: &Author,
    permissions: &Permissions<'_>,
    parse: &ParseContext,
) -> Result<i64, Error> {
    if entities::get_by_id(tx, entity, id).await?.is_none() {
        return Err(Error::NotFound(format!("{}:{id}", entity.name)));
    }
    let tree = collect_tree(tx, entity, id, permissions).await?;
    let mut copies: HashMap<(&str, i64), i64> = HashMap::new();
    for (kind, ids) in &tree {
        for (original, copy) in ids.iter().zip(tx.allocate_ids(ids.len()).await?) {
            copies.insert((kind.name, *original), copy);
        }
    }
    for (kind, ids) in &tree {
        for ids in ids.chunks(ROWS_PER_BATCH) {
            let mut rows = Vec::with_capacity(ids.len());
            for stored in entities::find_by_ids(tx, kind, ids).await? {
                let overwritten = if stored.id == id && *kind == entity { keys.as_slice() } else { &[] };
                let (values, moved) = copy_values(kind, stored.values, overwritten, &copies);
                validation::require_not_null(kind, &values)?;
                validation::check_lengths(kind, &values)?;
                validation::check_entity_rules(tx, kind, &values, parse).await?;
                if !moved {
                    validation::require_unique_key(tx, kind, &values, None, &HashSet::new()).await?;
                }
                rows.extend(copies.get(&(kind.name, stored.id)).map(|copy| NewRow { id: *copy, values }));
            }
            entities::insert_rows(tx, kind, rows, author).await?;
        }
    }
    for (kind, ids) in tree.iter().rev() {
        let copied: Vec<i64> = ids.iter().filter_map(|id| copies.get(&(kind.name, *id)).copied()).collect();
        permissions.require_operation(tx, Operation::Create, kind, &copied).await?;
    }
    Ok(copies.get(&(entity.name, id)).copied().unwrap_or_default())
}

/// The ids of a row and its children by entity type, parents first. Requires READ on all of them.
async fn collect_tree(
    tx: &mut Tx,
    root: &'static Entity,
    id: i64,
    permissions: &Permissions<'_>,
) -> Result<Vec<(&'static Entity, Vec<i64>)>, Error> {
    let mut known: HashSet<(&str, i64)> = HashSet::from([(root.name, id)]);
    let mut tree: HashMap<&str, Vec<i64>> = HashMap::new();
    let mut fresh: Vec<(&'static Entity, Vec<i64>)> = vec![(root, vec![id])];
    while let Some((entity, ids)) = fresh.pop() {
        permissions.require_operation(tx, Operation::Read, entity, &ids).await?;
        for many in entity.many {
            let pairs = entities::list_child_ids(tx, many.target(), many.inverse().column, &ids, usize::MAX).await?;
            let children = pairs.into_iter().map(|(_, child)| child);
            let children: Vec<i64> = children.filter(|child| known.insert((many.target, *child))).collect();
            if !children.is_empty() {
                fresh.push((many.target(), children));
            }
        }
        tree.entry(entity.name).or_default().extend(ids);
    }
    Ok(schema::all_entities().iter().filter_map(|entity| Some((entity, tree.remove(entity.name)?))).collect())
}

/// The values of a copy, and whether its unique key is new because it belongs to a copied row.
fn copy_values(
    entity: &'static Entity,
    mut values: Vec<Val>,
    overwritten: &[(&'static Field, Val)],
    copies: &HashMap<(&str, i64), i64>,
) -> (Vec<Val>, bool) {
    for (field, val) in overwritten {
        if let Some(at) = value_index(entity, field.name) {
            values[at] = val.clone();
        }
    }
    let mut moved = entity.unique.is_empty();
    for one in entity.one {
        let Some(at) = value_index(entity, one.name) else { continue };
        let Val::I64(Some(id)) = values[at] else { continue };
        if let Some(copy) = copies.get(&(one.target, id)) {
            values[at] = (*copy).into();
            moved |= entity.unique.contains(&one.name);
        }
    }
    (values, moved)
}
