//! Creates the rows of several items with few statements, as if the items were created one after another.
//!
//! A set consists of items that only create rows and whose rights do not depend on one another's rows. Everything that can
//! be wrong with an item is checked before the first row is stored. If anything is, the set is refused, and the caller
//! creates its items one by one, which finds the first error.

use std::collections::{HashMap, HashSet};

use icat_client::schema::{self, Entity};
use service_kit::{Tx, Val};

use super::Permissions;
use super::request::{EntityWrite, RelationTarget};
use crate::authorization::Operation;
use crate::error::Error;
use crate::query::{Access, ParseContext};
use crate::store::entities::{self, NewRow, is_null, value_index};
use crate::store::{Author, new_rows};
use crate::validation::{self, ParameterTypes};

/// Rows of a set of several items; an item by itself may have more.
const MAX_ROWS: usize = 2_000;

/// How many of the first items make a set; 0 if the first one must be written by itself.
pub fn count_set_items(items: &[EntityWrite], permissions: &Permissions<'_>) -> usize {
    let mut types: Vec<&'static Entity> = Vec::new();
    let (mut rows, mut count) = (0, 0);
    for item in items {
        let known = types.len();
        let Some(item_rows) = count_created_rows(item, &mut types) else { break };
        rows += item_rows;
        let has_new_types = types.len() > known;
        if count > 0 && (rows > MAX_ROWS || (has_new_types && !are_rights_independent(&types, permissions))) {
            break;
        }
        count += 1;
        if count == 1 && !are_rights_independent(&types, permissions) {
            break;
        }
    }
    count
}

/// The number of rows that an item creates, whose entity types are added to `types`; `None` if it does anything else.
fn count_created_rows(item: &EntityWrite, types: &mut Vec<&'static Entity>) -> Option<usize> {
    let has_nul = |val: &Val| matches!(val, Val::Text(Some(text)) if text.contains('\0'));
    let is_plain = item.id.is_none()
        && item.to_one.iter().all(|(_, target)| !matches!(target, RelationTarget::Updated(_)))
        && !item.fields.iter().any(|(_, val)| has_nul(val));
    if !is_plain {
        return None;
    }
    if !types.contains(&item.entity) {
        types.push(item.entity);
    }
    let children = item.children.iter().flat_map(|(_, children)| children);
    children.map(|child| count_created_rows(child, types)).try_fold(1, |sum, rows| Some(sum + rows?))
}

/// Whether the right to create a row of these types never depends on later rows.
fn are_rights_independent(types: &[&'static Entity], permissions: &Permissions<'_>) -> bool {
    types.iter().all(|entity| match permissions.rights.access_to(entity, Operation::Create) {
        Access::All => true,
        Access::None => false,
        Access::Rules(rules) => types.len() == 1 && !rules.iter().any(|rule| rule.reads_other_rows()),
    })
}

/// A row to create.
struct PlannedRow {
    entity: &'static Entity,
    /// The index of its item in the set.
    item: usize,
    values: Vec<Val>,
    /// The index of the row to which it belongs, and of the value that refers to it.
    parent: Option<(usize, Option<usize>)>,
}

/// The rows of a set, each before its children.
pub struct RowSet {
    rows: Vec<PlannedRow>,
    /// The rows in which rights are checked: children before parents.
    checked_order: Vec<usize>,
    /// Ids that the rows refer to.
    references: HashMap<&'static str, (&'static Entity, HashSet<i64>)>,
}

/// What became of a set.
pub enum SetOutcome {
    /// The ids of its rows, and of those at the top level.
    Created { all: Vec<i64>, top: Vec<i64> },
    /// Nothing was stored; its items must be written one by one.
    Refused,
}

impl RowSet {
    pub fn plan(items: &[EntityWrite]) -> Self {
        let mut set = Self { rows: Vec::new(), checked_order: Vec::new(), references: HashMap::new() };
        for (number, item) in items.iter().enumerate() {
            set.add_row(item, number, None);
        }
        set
    }

    fn add_row(&mut self, item: &EntityWrite, number: usize, parent: Option<(usize, Option<usize>)>) {
        let entity = item.entity;
        let mut values = entities::new_values(entity);
        for (field, val) in &item.fields {
            if let Some(at) = value_index(entity, field.name) {
                values[at] = val.clone();
            }
        }
        for (one, target) in &item.to_one {
            let id = target.id();
            if let Some(id) = id {
                let known = self.references.entry(one.target).or_insert_with(|| (one.target(), HashSet::new()));
                known.1.insert(id);
            }
            if let Some(at) = value_index(entity, one.name) {
                values[at] = Val::I64(id);
            }
        }
        let index = self.rows.len();
        self.rows.push(PlannedRow { entity, item: number, values, parent });
        for (many, children) in &item.children {
            for child in children {
                self.add_row(child, number, Some((index, value_index(child.entity, many.mapped_by))));
            }
        }
        self.checked_order.push(index);
    }

    /// Creates the rows. The error has the index of the item that is to blame.
    pub async fn create_rows(
        mut self,
        tx: &mut Tx,
        author: &Author,
        permissions: &Permissions<'_>,
        parse: &ParseContext,
    ) -> Result<SetOutcome, (usize, Error)> {
        let at_first = |e: Error| (0, e);
        if !self.has_all_references(tx).await.map_err(at_first)? {
            return Ok(SetOutcome::Refused);
        }
        let ids = tx.allocate_ids(self.rows.len()).await.map_err(|e| at_first(e.into()))?;
        self.refer_to_parents(&ids);
        let types = self.load_parameter_types(tx).await.map_err(at_first)?;
        if !self.are_rows_valid(parse, &types) || self.has_repeated_keys() {
            return Ok(SetOutcome::Refused);
        }
        let top = self.rows.iter().zip(&ids).filter(|(row, _)| row.parent.is_none()).map(|(_, id)| *id).collect();
        let created = self.group_by_entity(0..self.rows.len(), &ids);
        let checked = self.group_by_entity(self.checked_order.iter().copied(), &ids);
        let owners: HashMap<i64, usize> = ids.iter().copied().zip(self.rows.iter().map(|row| row.item)).collect();
        let stored = new_rows::try_insert_all(tx, self.take_rows(&ids), author).await;
        if !stored.map_err(|e| at_first(e.into()))? {
            return Ok(SetOutcome::Refused);
        }
        for (entity, ids) in created {
            new_rows::record_creations(tx, entity, ids, author).await.map_err(|e| at_first(e.into()))?;
        }
        for (entity, ids) in checked {
            let denied = permissions.find_denied(tx, Operation::Create, entity, &ids).await.map_err(at_first)?;
            // Several items have rows of one type only, in their order.
            if let Some(id) = denied.first() {
                let item = owners.get(id).copied().unwrap_or_default();
                return Err((item, Error::access_denied(Operation::Create.as_str(), entity.name)));
            }
        }
        Ok(SetOutcome::Created { all: ids, top })
    }

    async fn has_all_references(&self, tx: &mut Tx) -> Result<bool, Error> {
        for (entity, ids) in self.references.values() {
            if entities::find_existing_ids(tx, entity, ids.iter().copied()).await?.len() < ids.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn refer_to_parents(&mut self, ids: &[i64]) {
        for row in &mut self.rows {
            if let Some((parent, Some(at))) = row.parent {
                row.values[at] = ids[parent].into();
            }
        }
    }

    async fn load_parameter_types(&self, tx: &mut Tx) -> Result<ParameterTypes, Error> {
        let ids: HashSet<i64> =
            self.rows.iter().filter_map(|row| validation::parameter_type_id(row.entity, &row.values)).collect();
        if ids.is_empty() {
            return Ok(ParameterTypes::default());
        }
        ParameterTypes::load(tx, &ids.into_iter().collect::<Vec<_>>()).await
    }

    fn are_rows_valid(&self, parse: &ParseContext, types: &ParameterTypes) -> bool {
        self.rows.iter().all(|row| {
            validation::require_not_null(row.entity, &row.values)
                .and_then(|()| validation::check_lengths(row.entity, &row.values))
                .and_then(|()| validation::check_loaded_entity_rules(row.entity, &row.values, parse, types))
                .is_ok()
        })
    }

    /// Whether two rows have the same unique key; a key with a NULL equals no other.
    fn has_repeated_keys(&self) -> bool {
        let mut keys: HashSet<(&str, String)> = HashSet::new();
        let mut keyed = self.rows.iter().filter_map(|row| {
            let places = row.entity.unique.iter().filter_map(|name| value_index(row.entity, name));
            let key: Vec<&Val> = places.map(|at| &row.values[at]).collect();
            let is_comparable = !key.is_empty() && !key.iter().any(|val| is_null(val));
            is_comparable.then(|| (row.entity.name, format!("{key:?}")))
        });
        !keyed.all(|key| keys.insert(key))
    }

    /// The ids of rows by entity type, in the order of first appearance.
    fn group_by_entity(&self, order: impl IntoIterator<Item = usize>, ids: &[i64]) -> Vec<(&'static Entity, Vec<i64>)> {
        super::group_by_entity(order.into_iter().map(|index| (self.rows[index].entity, ids[index])))
    }

    /// The rows by entity type, parents before children.
    fn take_rows(&mut self, ids: &[i64]) -> Vec<(&'static Entity, Vec<NewRow>)> {
        let mut groups: HashMap<&str, Vec<NewRow>> = HashMap::new();
        for (row, id) in self.rows.drain(..).zip(ids) {
            groups.entry(row.entity.name).or_default().push(NewRow { id: *id, values: row.values });
        }
        schema::all_entities().iter().filter_map(|entity| Some((entity, groups.remove(entity.name)?))).collect()
    }
}
