//! Writes items as rows: checks rights, NULLs, lengths and keys, allocates ids, and creates children.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;

use icat_client::schema::{Entity, ToMany};
use service_kit::{Tx, Val};

use super::Permissions;
use super::request::{EntityWrite, RelationTarget};
use super::row_set::{RowSet, SetOutcome};
use super::update_set::UpdateSet;
use crate::authorization::Operation;
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;
use crate::store::entities::{self, NewRow, StoredRow, value_index};
use crate::validation;

/// Writes items within one transaction.
pub struct EntityWriter<'a> {
    tx: &'a mut Tx,
    author: &'a Author,
    permissions: &'a Permissions<'a>,
    parse: &'a ParseContext,
    /// Ids of rows created by this request; error messages name such rows differently.
    created: HashSet<i64>,
    /// Rows of the current item for which CREATE has not been checked yet, children before parents.
    pending_creates: Vec<(&'static Entity, i64)>,
    /// Rows that the next items update, as they are stored.
    loaded: HashMap<(&'static str, i64), StoredRow>,
    /// Whether the next items are updated one by one.
    is_updated_singly: bool,
}

/// Rows that are loaded with one statement.
const LOADED_ROWS: usize = 500;

type Writing<'w, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'w>>;

impl<'a> EntityWriter<'a> {
    pub fn new(tx: &'a mut Tx, author: &'a Author, permissions: &'a Permissions<'a>, parse: &'a ParseContext) -> Self {
        Self {
            tx,
            author,
            permissions,
            parse,
            created: HashSet::new(),
            pending_creates: Vec::new(),
            loaded: HashMap::new(),
            is_updated_singly: false,
        }
    }

    /// Loads the rows that the first of these items update, as far as they are of one entity type and not loaded yet; a single
    /// row is loaded when it is updated.
    pub async fn load_updated_rows(&mut self, items: &[EntityWrite]) -> Result<(), Error> {
        let Some((entity, first)) = items.first().and_then(|item| Some((item.entity, item.id?))) else { return Ok(()) };
        if self.loaded.contains_key(&(entity.name, first)) {
            return Ok(());
        }
        let ids = items.iter().map_while(|item| item.id.filter(|_| item.entity == entity)).take(LOADED_ROWS);
        let ids: HashSet<i64> = ids.filter(|id| !self.loaded.contains_key(&(entity.name, *id))).collect();
        if ids.len() < 2 {
            return Ok(());
        }
        let rows = entities::find_by_ids(self.tx, entity, &ids.into_iter().collect::<Vec<_>>()).await?;
        self.loaded.extend(rows.into_iter().map(|row| ((entity.name, row.id), row)));
        Ok(())
    }

    /// Updates the rows of the first items, as far as they can be updated together; returns how many. Nothing is wrong with
    /// these; the next one must be written by itself.
    pub async fn update_set(&mut self, items: &[EntityWrite]) -> Result<usize, Error> {
        let [first, _, ..] = items else { return Ok(0) };
        if self.is_updated_singly {
            return Ok(0);
        }
        let Some(mut set) = UpdateSet::for_items_like(first, self.permissions) else { return Ok(0) };
        let entity = first.entity;
        for (number, item) in items.iter().enumerate() {
            let Some(id) = item.id.filter(|_| set.is_open_for(item)) else { break };
            self.load_updated_rows(&items[number..]).await?;
            let Some(stored) = self.loaded.get(&(entity.name, id)) else { break };
            if !set.add_item(item, stored) {
                break;
            }
        }
        if set.is_empty() {
            return Ok(0);
        }
        // What remains after this is checked item by item, and not as a set time and again.
        self.is_updated_singly = !set.keep_allowed(self.tx, self.permissions, self.parse).await?;
        let rows = set.into_changes();
        let count = rows.len();
        if count > 0 {
            for row in &rows {
                self.loaded.remove(&(entity.name, row.id));
            }
            entities::update_rows(self.tx, entity, rows, self.author).await?;
        }
        Ok(count)
    }

    /// Creates or updates one item and checks the rights for it; returns the id of a created row.
    pub async fn write_item(&mut self, item: &EntityWrite) -> Result<Option<i64>, Error> {
        let created = match item.id {
            Some(id) => {
                self.update_row(item, id).await?;
                None
            }
            None => Some(self.create_row(item, None).await?),
        };
        for (entity, ids) in super::group_by_entity(std::mem::take(&mut self.pending_creates)) {
            self.permissions.require_operation(self.tx, Operation::Create, entity, &ids).await?;
        }
        Ok(created)
    }

    /// Creates the rows of items at once; returns the ids of those at the top level, or `None` if the items must be written
    /// one by one. The error has the index of the item that is to blame.
    pub async fn create_set(&mut self, items: &[EntityWrite]) -> Result<Option<Vec<i64>>, (usize, Error)> {
        let set = RowSet::plan(items);
        match set.create_rows(self.tx, self.author, self.permissions, self.parse).await? {
            SetOutcome::Created { all, top } => {
                self.created.extend(all);
                Ok(Some(top))
            }
            SetOutcome::Refused => Ok(None),
        }
    }

    /// Creates a row and its children; returns its id.
    fn create_row<'w>(&'w mut self, item: &'w EntityWrite, parent: Option<(&'static ToMany, i64)>) -> Writing<'w, i64> {
        Box::pin(async move {
            let entity = item.entity;
            let mut values = entities::new_values(entity);
            for (at, val) in self.resolve_changes(item).await? {
                values[at] = val;
            }
            if let Some((many, id)) = parent
                && let Some(at) = value_index(entity, many.mapped_by)
            {
                values[at] = id.into();
            }
            self.check_values(entity, &values).await?;
            validation::require_unique_key(self.tx, entity, &values, None, &self.created).await?;
            let id = self.tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
            entities::insert_rows(self.tx, entity, vec![NewRow { id, values }], self.author).await?;
            self.created.insert(id);
            self.create_children(item, id).await?;
            self.pending_creates.push((entity, id));
            Ok(id)
        })
    }

    /// Updates the members that the item names.
    fn update_row<'w>(&'w mut self, item: &'w EntityWrite, id: i64) -> Writing<'w, ()> {
        Box::pin(async move {
            let entity = item.entity;
            let stored = match self.loaded.remove(&(entity.name, id)) {
                Some(row) => Some(row),
                None => entities::get_by_id(self.tx, entity, id).await?,
            };
            let mut values = stored.ok_or_else(|| Error::entity_not_found(entity.name, id))?.values;
            let named = item.list_named_members();
            self.permissions.require_update(self.tx, entity, id, &named, !item.children.is_empty()).await?;
            let changes = self.resolve_changes(item).await?;
            let is_part_of_key = |at: usize| entity.unique.iter().any(|name| value_index(entity, name) == Some(at));
            let has_new_key = changes.iter().any(|(at, val)| values[*at] != *val && is_part_of_key(*at));
            let is_relation_of_key = |at: usize| {
                entity
                    .one
                    .iter()
                    .any(|one| entity.unique.contains(&one.name) && value_index(entity, one.name) == Some(at))
            };
            let rekeyed = changes.iter().any(|(at, val)| values[*at] != *val && is_relation_of_key(*at));
            if rekeyed {
                self.permissions.require_key_change(self.tx, entity, id).await?;
            }
            for (at, val) in &changes {
                values[*at] = val.clone();
            }
            self.check_values(entity, &values).await?;
            if has_new_key {
                validation::require_unique_key(self.tx, entity, &values, Some(id), &self.created).await?;
            }
            if !changes.is_empty() {
                entities::update_row(self.tx, entity, id, &changes, self.author).await?;
            }
            if rekeyed {
                self.pending_creates.push((entity, id));
            }
            self.create_children(item, id).await
        })
    }

    /// Validates a row against the schema.
    async fn check_values(&mut self, entity: &'static Entity, values: &[Val]) -> Result<(), Error> {
        validation::require_not_null(entity, values)?;
        validation::check_lengths(entity, values)?;
        validation::check_entity_rules(self.tx, entity, values, self.parse).await
    }

    async fn create_children(&mut self, item: &EntityWrite, id: i64) -> Result<(), Error> {
        for (many, children) in &item.children {
            for child in children {
                self.create_row(child, Some((many, id))).await?;
            }
        }
        Ok(())
    }

    /// The values that an item sets. Rows that it refers to must exist.
    async fn resolve_changes(&mut self, item: &EntityWrite) -> Result<Vec<(usize, Val)>, Error> {
        let mut changes: Vec<(usize, Val)> = Vec::new();
        for (field, val) in &item.fields {
            changes.extend(value_index(item.entity, field.name).map(|at| (at, val.clone())));
        }
        for (one, link) in &item.to_one {
            let id = match link {
                RelationTarget::Null => None,
                RelationTarget::Id(id) => {
                    let target = entities::get_by_id(self.tx, one.target(), *id).await?;
                    target.ok_or_else(|| Error::entity_not_found(one.target, *id))?;
                    Some(*id)
                }
                RelationTarget::Updated(target) => {
                    let id = target.id.unwrap_or_default();
                    self.update_row(target, id).await?;
                    Some(id)
                }
            };
            changes.extend(value_index(item.entity, one.name).map(|at| (at, Val::I64(id))));
        }
        Ok(changes)
    }
}
