//! The values of the fields that were asked for.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::domain::document::EntityRow;
use crate::domain::entity::EntityKind;
use crate::domain::field::{Field, FieldValue, find_field};
use crate::domain::plan::{Plan, collect_set};
use crate::error::Error;
use crate::planner::Planner;

/// Related rows that are shown with one row, the first by their ids.
const MAX_JOINED_ROWS: usize = 100;

/// The fields that a client asks for.
#[derive(Debug, Default)]
pub struct RequestedFields {
    /// Name as asked, and where the value is.
    own: Vec<(String, Field)>,
    /// By entity, as in `InvestigationInstrument instrument.id`.
    joined: Vec<(EntityKind, Vec<(String, Field)>)>,
    /// The key of each joined entity in the answer.
    joined_keys: Vec<String>,
}

impl RequestedFields {
    /// Names that no entity has are left out: servers of other versions ask for them.
    pub fn parse(target: EntityKind, names: &[String]) -> Result<Self, Error> {
        let mut fields = Self::default();
        for name in names {
            let mut parts = name.split(' ');
            match (parts.next(), parts.next(), parts.next()) {
                (Some(name), None, None) => {
                    if let Some(field) = find_field(target, name) {
                        fields.own.push((name.to_owned(), field));
                    }
                }
                (Some(entity), Some(name), None) => fields.add_joined(entity, name),
                _ => return Err(Error::Query(format!("Could not parse field: {name}"))),
            }
        }
        Ok(fields)
    }

    fn add_joined(&mut self, entity_name: &str, name: &str) {
        let Some(entity) = EntityKind::find_ignoring_case(entity_name) else { return };
        let Some(field) = find_field(entity, name) else { return };
        if let Some((_, fields)) = self.joined.iter_mut().find(|(kind, _)| *kind == entity) {
            fields.push((name.to_owned(), field));
        } else {
            self.joined.push((entity, vec![(name.to_owned(), field)]));
            self.joined_keys.push(entity_name.to_lowercase());
        }
    }

    /// The entities besides the target from which values are read.
    pub fn list_related_entities(&self, target: EntityKind) -> BTreeSet<EntityKind> {
        let mut entities = BTreeSet::new();
        let own = self.own.iter().map(|(_, field)| (target, field));
        let joined = self.joined.iter().flat_map(|(entity, fields)| fields.iter().map(|(_, field)| (*entity, field)));
        for (start, field) in own.chain(joined) {
            let mut owner = start;
            entities.insert(owner);
            for step in &field.path {
                let Some(relation) = owner.find_relation(step) else { break };
                owner = relation.target;
                entities.insert(owner);
            }
        }
        entities.remove(&target);
        entities
    }

    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.joined.is_empty()
    }
}

/// Reads fields of rows that were found, and of the rows they lead to as far as the planner's caller may read these; each row once.
pub struct FieldReader<'f> {
    pub planner: &'f Planner<'f>,
}

/// Rows by entity and id.
type Rows = HashMap<EntityKind, HashMap<i64, EntityRow>>;

impl FieldReader<'_> {
    /// The requested values of each id, in the order of the ids. Blocks the thread.
    pub fn read(
        &self,
        target: EntityKind,
        ids: &[i64],
        fields: &RequestedFields,
    ) -> Result<Vec<Map<String, Value>>, Error> {
        if fields.is_empty() {
            return Ok(vec![Map::new(); ids.len()]);
        }
        // The search has found these, with the rights of the caller.
        let found = self.planner.snapshot.fetch_rows(target, ids, self.planner.deadline)?;
        let mut rows = Rows::from([(target, found)]);
        let mut results = self.read_values(&mut rows, target, ids, &fields.own)?;
        for ((entity, joined), key) in fields.joined.iter().zip(&fields.joined_keys) {
            let groups = self.find_joined(&mut rows, target, ids, *entity)?;
            let all: Vec<i64> = groups.values().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
            self.load_related_rows(&mut rows, *entity, all.iter().copied())?;
            let is_shown = |id: &i64| rows.get(entity).is_some_and(|rows| rows.contains_key(id));
            let all: Vec<i64> = all.into_iter().filter(is_shown).collect();
            let values = self.read_values(&mut rows, *entity, &all, joined)?;
            let values: HashMap<i64, Map<String, Value>> = all.into_iter().zip(values).collect();
            for (id, result) in ids.iter().zip(&mut results) {
                let of_row = groups.get(id).into_iter().flatten().filter_map(|id| values.get(id).cloned());
                result.insert(key.clone(), Value::Array(of_row.map(Value::Object).collect()));
            }
        }
        Ok(results)
    }

    /// Rows to which others lead.
    fn load_related_rows(
        &self,
        rows: &mut Rows,
        entity: EntityKind,
        ids: impl Iterator<Item = i64>,
    ) -> Result<(), Error> {
        let known = rows.entry(entity).or_default();
        let missing: BTreeSet<i64> = ids.filter(|id| !known.contains_key(id)).collect();
        known.extend(self.planner.fetch_rows(entity, missing)?);
        self.planner.deadline.check().map_err(|e| Error::TimedOut(e.to_string()))
    }

    fn read_values(
        &self,
        rows: &mut Rows,
        entity: EntityKind,
        ids: &[i64],
        fields: &[(String, Field)],
    ) -> Result<Vec<Map<String, Value>>, Error> {
        let mut results = vec![Map::new(); ids.len()];
        for (name, field) in fields {
            let owners = self.follow_path(rows, entity, ids, &field.path)?;
            let of_owner = rows.get(&field.owner);
            for (owner, result) in owners.iter().zip(&mut results) {
                let row = owner.and_then(|id| of_owner?.get(&id));
                if let Some(value) = row.and_then(|row| read_value(row, field.value)) {
                    result.insert(name.clone(), value);
                }
            }
        }
        Ok(results)
    }

    /// The id at the end of a path of relations, for each row.
    fn follow_path(
        &self,
        rows: &mut Rows,
        entity: EntityKind,
        ids: &[i64],
        path: &[&'static str],
    ) -> Result<Vec<Option<i64>>, Error> {
        let (mut owner, mut reached) = (entity, ids.iter().copied().map(Some).collect::<Vec<_>>());
        for step in path {
            let of_owner = rows.get(&owner);
            let next = |id: Option<i64>| of_owner?.get(&id?)?.find_relation(step);
            reached = reached.into_iter().map(next).collect();
            let Some(relation) = owner.find_relation(step) else { return Ok(vec![None; ids.len()]) };
            owner = relation.target;
            self.load_related_rows(rows, owner, reached.iter().flatten().copied())?;
        }
        Ok(reached)
    }

    /// Ids of the rows of `entity` that belong to each row of `target`.
    fn find_joined(
        &self,
        rows: &mut Rows,
        target: EntityKind,
        ids: &[i64],
        entity: EntityKind,
    ) -> Result<HashMap<i64, Vec<i64>>, Error> {
        // What the rows of `target` have in common with those of `entity`: their own ids, or those of a relation.
        let shared = match entity.find_relation_to(target) {
            Some(relation) => Some((relation, None)),
            None => target.relations().iter().find_map(|shared| {
                entity.find_relation_to(shared.target).map(|relation| (relation, Some(shared.name)))
            }),
        };
        let Some((relation, own)) = shared else { return Ok(HashMap::new()) };
        let of_target = rows.get(&target);
        let key_of = |id: i64| match own {
            None => Some(id),
            Some(own) => of_target?.get(&id)?.find_relation(own),
        };
        let keys = collect_set(ids.iter().filter_map(|id| key_of(*id)));
        let pairs = self.planner.snapshot.collect_pairs(
            entity,
            &Plan::Related(relation, keys),
            relation,
            self.planner.deadline,
        )?;
        let mut by_key: HashMap<i64, Vec<i64>> = HashMap::new();
        for (key, id) in pairs {
            let group = by_key.entry(key).or_default();
            if group.len() < MAX_JOINED_ROWS {
                group.push(id);
            }
        }
        let group_of = |id: i64| Some((id, by_key.get(&key_of(id)?)?.clone()));
        Ok(ids.iter().filter_map(|id| group_of(*id)).collect())
    }
}

fn read_value(row: &EntityRow, value: FieldValue) -> Option<Value> {
    match value {
        FieldValue::Id => Some(row.id.into()),
        FieldValue::RelatedId(relation) => row.find_relation(relation).map(Value::from),
        FieldValue::Attribute(attribute) => {
            row.attributes.iter().find(|(name, _)| *name == attribute.name).map(|(_, value)| value.to_json())
        }
    }
}
