//! Updates the rows of several items with few statements, as if the items were written one after another.
//!
//! A set consists of items that update attributes or references of different rows of one entity type, but no unique key, and
//! whose rights do not depend on one another's rows. It ends before the first item with which anything is wrong; that one is
//! written by itself, which finds the error.

use std::collections::{HashMap, HashSet};

use icat_client::schema::Entity;
use service_kit::{Tx, Val};

use super::Permissions;
use super::request::{EntityWrite, RelationTarget};
use crate::authorization::Operation;
use crate::error::Error;
use crate::query::{Access, ParseContext};
use crate::store::entities::{self, RowChanges, StoredRow, value_index};
use crate::validation::{self, ParameterTypes};

/// Rows of a set.
pub const MAX_ROWS: usize = 2_000;

/// Items that are checked and written together.
pub struct UpdateSet<'i> {
    entity: &'static Entity,
    rows: Vec<PlannedUpdate<'i>>,
    ids: HashSet<i64>,
}

struct PlannedUpdate<'i> {
    item: &'i EntityWrite,
    changes: RowChanges,
    /// The row as it will be.
    values: Vec<Val>,
}

impl<'i> UpdateSet<'i> {
    /// A set of items that are like this one; `None` if it must be written by itself.
    pub fn for_items_like(first: &EntityWrite, permissions: &Permissions<'_>) -> Option<Self> {
        let entity = first.entity;
        let is_suited =
            is_plain_update(first) && is_independent(&permissions.rights.access_to(entity, Operation::Update));
        is_suited.then(|| Self { entity, rows: Vec::new(), ids: HashSet::new() })
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether an item may be added once its row is loaded.
    pub fn is_open_for(&self, item: &EntityWrite) -> bool {
        let is_other = item.id.is_some_and(|id| !self.ids.contains(&id));
        self.rows.len() < MAX_ROWS && item.entity == self.entity && is_other && is_plain_update(item)
    }

    /// Adds an item that updates this row, unless it changes the unique key or breaks a rule of the schema; returns whether it
    /// was added.
    pub fn add_item(&mut self, item: &'i EntityWrite, stored: &StoredRow) -> bool {
        let entity = self.entity;
        let mut values = stored.values.clone();
        let mut changes = Vec::with_capacity(item.fields.len() + item.to_one.len());
        let fields = item.fields.iter().map(|(field, val)| (field.name, val.clone()));
        for (name, val) in fields.chain(item.to_one.iter().map(|(one, target)| (one.name, Val::I64(target.id())))) {
            let Some(at) = value_index(entity, name) else { continue };
            if values[at] != val && entity.unique.contains(&name) {
                return false;
            }
            values[at] = val.clone();
            changes.push((at, val));
        }
        let checked =
            validation::require_not_null(entity, &values).and_then(|()| validation::check_lengths(entity, &values));
        if checked.is_ok() {
            self.ids.insert(stored.id);
            self.rows.push(PlannedUpdate { item, changes: RowChanges { id: stored.id, changes }, values });
        }
        checked.is_ok()
    }

    /// Keeps the items before the first with which anything is wrong, judging by other rows and the rights; returns whether
    /// these are all.
    pub async fn keep_allowed(
        &mut self,
        tx: &mut Tx,
        permissions: &Permissions<'_>,
        parse: &ParseContext,
    ) -> Result<bool, Error> {
        let count = self.rows.len();
        self.keep_with_references(tx).await?;
        let type_ids = self.rows.iter().filter_map(|row| validation::parameter_type_id(self.entity, &row.values));
        let type_ids: HashSet<i64> = type_ids.collect();
        let types = if type_ids.is_empty() {
            ParameterTypes::default()
        } else {
            ParameterTypes::load(tx, &type_ids.into_iter().collect::<Vec<_>>()).await?
        };
        let entity = self.entity;
        self.keep_while(|row| validation::check_loaded_entity_rules(entity, &row.values, parse, &types).is_ok());
        let denied = self.find_denied(tx, permissions).await?;
        self.keep_while(|row| !denied.contains(&row.changes.id));
        Ok(self.rows.len() == count)
    }

    /// The rows to update.
    pub fn into_changes(self) -> Vec<RowChanges> {
        self.rows.into_iter().map(|row| row.changes).collect()
    }

    fn keep_while(&mut self, is_right: impl Fn(&PlannedUpdate<'_>) -> bool) {
        let count = self.rows.iter().take_while(|row| is_right(row)).count();
        self.rows.truncate(count);
    }

    async fn keep_with_references(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let mut wanted: HashMap<&str, (&'static Entity, HashSet<i64>)> = HashMap::new();
        for (one, target) in self.rows.iter().flat_map(|row| &row.item.to_one) {
            if let Some(id) = target.id() {
                wanted.entry(one.target).or_insert_with(|| (one.target(), HashSet::new())).1.insert(id);
            }
        }
        let mut existing: HashMap<&str, HashSet<i64>> = HashMap::new();
        for (entity, ids) in wanted.into_values() {
            existing.insert(entity.name, entities::find_existing_ids(tx, entity, ids).await?);
        }
        let exists = |entity: &str, id: i64| existing.get(entity).is_some_and(|ids| ids.contains(&id));
        self.keep_while(|row| {
            row.item.to_one.iter().all(|(one, target)| target.id().is_none_or(|id| exists(one.target, id)))
        });
        Ok(())
    }

    /// The rows without the right to UPDATE, unless all members that their item names may be updated.
    async fn find_denied(&self, tx: &mut Tx, permissions: &Permissions<'_>) -> Result<HashSet<i64>, Error> {
        let ids: Vec<i64> = self.rows.iter().map(|row| row.changes.id).collect();
        let denied = permissions.find_denied(tx, Operation::Update, self.entity, &ids).await?;
        let mut members: HashMap<&'static str, Vec<i64>> = HashMap::new();
        let mut denied: HashSet<i64> = denied.into_iter().collect();
        for row in self.rows.iter().filter(|row| denied.contains(&row.changes.id)) {
            for name in row.item.list_named_members() {
                members.entry(name).or_default().push(row.changes.id);
            }
        }
        let mut uncovered = HashSet::new();
        for (name, ids) in members {
            if is_independent(&permissions.rights.attribute_update_access(self.entity, name)) {
                uncovered.extend(permissions.find_denied_attribute(tx, self.entity, name, &ids).await?);
            } else {
                uncovered.extend(ids);
            }
        }
        denied.retain(|id| uncovered.contains(id));
        Ok(denied)
    }
}

/// Whether an item only updates attributes and references of its row. No engine takes a text with a NUL character.
fn is_plain_update(item: &EntityWrite) -> bool {
    let has_nul = |val: &Val| matches!(val, Val::Text(Some(text)) if text.contains('\0'));
    item.id.is_some()
        && item.children.is_empty()
        && !(item.fields.is_empty() && item.to_one.is_empty())
        && !item.to_one.iter().any(|(_, target)| matches!(target, RelationTarget::Updated(_)))
        && !item.fields.iter().any(|(_, val)| has_nul(val))
}

/// Whether the right to update a row never depends on other rows of its type.
fn is_independent(access: &Access) -> bool {
    match access {
        Access::All | Access::None => true,
        Access::Rules(rules) => !rules.iter().any(|rule| rule.reads_other_rows()),
    }
}
