//! Matches rows of a file with stored rows, for entity types without a unique key: rows are equal if they have the same
//! values and the same parts.
//!
//! A part is a row of an entity type that is named after its owner's: `DataCollectionDataset` is a part of `DataCollection`,
//! `Job` is not.

use std::collections::{HashMap, VecDeque};

use icat_client::schema::{Entity, ToMany};
use service_kit::{DbError, Tx, Val};

use crate::store::entities::{self, value_index};

/// The relation of a part to its owner, and the part's values.
pub type Part = (&'static ToMany, Vec<Val>);

/// Stored rows that have not been matched with a row of the file yet, without rows that the import itself has stored.
#[derive(Default)]
pub struct UnkeyedRowMatcher {
    /// Ids by entity type and values, then by parts.
    groups: HashMap<String, HashMap<String, VecDeque<i64>>>,
}

/// The relations that lead to parts.
pub fn part_relations(entity: &'static Entity) -> impl Iterator<Item = &'static ToMany> {
    entity.many.iter().filter(|many| many.target.starts_with(entity.name))
}

impl UnkeyedRowMatcher {
    /// Takes a stored row with these values and parts, if there is one left; each stored row is matched once.
    pub async fn take_match(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        values: &[Val],
        parts: Vec<Part>,
    ) -> Result<Option<i64>, DbError> {
        let group = format!("{} {values:?}", entity.name);
        if !self.groups.contains_key(&group) {
            let stored = find_stored_by_parts(tx, entity, values).await?;
            self.groups.insert(group.clone(), stored);
        }
        let stored = self.groups.get_mut(&group).and_then(|group| group.get_mut(&render_parts(parts)));
        Ok(stored.and_then(VecDeque::pop_front))
    }
}

/// The stored rows with these values, sorted by id, grouped by their parts.
async fn find_stored_by_parts(
    tx: &mut Tx,
    entity: &'static Entity,
    values: &[Val],
) -> Result<HashMap<String, VecDeque<i64>>, DbError> {
    let ids = entities::find_equal(tx, entity, values).await?;
    let mut parts: HashMap<i64, Vec<Part>> = HashMap::new();
    for many in part_relations(entity) {
        let pairs = entities::list_child_ids(tx, many.target(), many.inverse().column, &ids, usize::MAX).await?;
        let owners: HashMap<i64, i64> = pairs.iter().map(|(owner, part)| (*part, *owner)).collect();
        let part_ids: Vec<i64> = pairs.iter().map(|(_, part)| *part).collect();
        for row in entities::find_by_ids(tx, many.target(), &part_ids).await? {
            let owner = owners.get(&row.id).copied().unwrap_or_default();
            parts.entry(owner).or_default().push((many, row.values));
        }
    }
    let mut by_parts: HashMap<String, VecDeque<i64>> = HashMap::new();
    for id in ids {
        by_parts.entry(render_parts(parts.remove(&id).unwrap_or_default())).or_default().push_back(id);
    }
    Ok(by_parts)
}

/// Renders parts independently of their order and owner, for comparison.
fn render_parts(parts: Vec<Part>) -> String {
    let part = |(many, mut values): Part| {
        if let Some(at) = value_index(many.target(), many.mapped_by) {
            values[at] = Val::I64(None);
        }
        format!("{} {values:?}", many.name)
    };
    let mut texts: Vec<String> = parts.into_iter().map(part).collect();
    texts.sort_unstable();
    texts.join("\n")
}
