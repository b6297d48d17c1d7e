//! Finds the entities that INCLUDE names by their ids alone, for limits and exports.

use std::collections::{HashMap, HashSet};

use icat_client::schema::Entity;
use service_kit::Tx;

use super::includes::{EntityCounter, filter_readable, list_child_ids, require_to_many};
use crate::authorization::Rights;
use crate::error::Error;
use crate::query::{Include, QueryEnvironment};
use crate::store::entities;

/// How many times each row occurs in the answer, by its id.
type OccurrenceCounts = HashMap<i64, usize>;

/// The ids of the entities that an answer with these rows of `origin` includes. An answer of more than `limit` entities is
/// refused.
pub async fn find_included_ids(
    tx: &mut Tx,
    rights: &Rights,
    env: QueryEnvironment<'_>,
    (origin, rows): (&'static Entity, &[i64]),
    includes: &[Include],
    limit: u32,
) -> Result<Vec<(&'static Entity, HashSet<i64>)>, Error> {
    let mut counter = EntityCounter::new(rows.len(), limit);
    let mut found = Vec::new();
    let times: OccurrenceCounts = rows.iter().map(|id| (*id, 1)).collect();
    let mut waiting: Vec<(&'static Entity, OccurrenceCounts, &[Include])> = vec![(origin, times, includes)];
    while let Some((origin, times, includes)) = waiting.pop() {
        let parents: Vec<i64> = times.keys().copied().collect();
        for include in includes {
            let access = rights.relation_read_access(origin, include.relation, include.target);
            let pairs = match origin.find_to_one(include.relation) {
                Some(one) => entities::list_relation_keys(tx, origin, one.column, &parents).await?,
                None => list_child_ids(tx, require_to_many(origin, include), &parents).await?,
            };
            let targets: HashSet<i64> = pairs.iter().map(|(_, target)| *target).collect();
            let readable = filter_readable(tx, include.target, &access, targets.into_iter().collect(), &env).await?;
            let readable: HashSet<i64> = readable.into_iter().collect();
            let mut below = OccurrenceCounts::new();
            for (parent, target) in pairs.into_iter().filter(|(_, target)| readable.contains(target)) {
                let more = times.get(&parent).copied().unwrap_or_default();
                counter.add_entities(more)?;
                let times = below.entry(target).or_default();
                *times = more.saturating_add(*times);
            }
            if !include.children.is_empty() {
                waiting.push((include.target, below, &include.children));
            }
            found.push((include.target, readable));
        }
    }
    Ok(found)
}
