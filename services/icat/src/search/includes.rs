//! Loads the entities that INCLUDE names, with a few statements per relation and none per row.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;

use icat_client::schema::{Entity, ToMany, ToOne};
use service_kit::Tx;

use super::{index_by_id, run_statement};
use crate::authorization::Rights;
use crate::error::Error;
use crate::query::{Access, Include, QueryEnvironment, compile_filter};
use crate::store::entities::{self, StoredRow, value_index};

/// The rows of an included relation, and the relations included below them.
pub struct IncludedRows {
    pub relation: Relation,
    pub target: &'static Entity,
    pub rows: HashMap<i64, StoredRow>,
    pub children: Vec<IncludedRows>,
}

pub enum Relation {
    /// The index of the foreign key in the parent's values.
    One { name: &'static str, place: usize },
    /// The ids of each parent's children, sorted.
    Many { name: &'static str, children: HashMap<i64, Vec<i64>> },
}

impl Relation {
    pub fn relation_name(&self) -> &'static str {
        match self {
            Self::One { name, .. } | Self::Many { name, .. } => name,
        }
    }
}

/// How many times each row occurs in the answer.
pub type OccurrenceCounts = HashMap<i64, usize>;

/// Loads relation by relation and counts the entities of the answer.
pub struct IncludeLoader<'a> {
    tx: &'a mut Tx,
    rights: &'a Rights,
    env: QueryEnvironment<'a>,
    count: usize,
    limit: usize,
}

type Loading<'l> = Pin<Box<dyn Future<Output = Result<Vec<IncludedRows>, Error>> + Send + 'l>>;

impl<'a> IncludeLoader<'a> {
    /// Starts with `count` entities in the answer; more than `limit` are refused.
    pub fn new(tx: &'a mut Tx, rights: &'a Rights, env: QueryEnvironment<'a>, count: usize, limit: u32) -> Self {
        Self { tx, rights, env, count, limit: limit as usize }
    }

    /// Loads the includes of `parents`, each of which occurs once in the answer.
    pub fn load_includes<'l>(
        &'l mut self,
        origin: &'static Entity,
        parents: &'l HashMap<i64, StoredRow>,
        includes: &'l [Include],
    ) -> Loading<'l> {
        self.load_below(origin, parents, parents.keys().map(|id| (*id, 1)).collect(), includes)
    }

    fn load_below<'l>(
        &'l mut self,
        origin: &'static Entity,
        parents: &'l HashMap<i64, StoredRow>,
        times: OccurrenceCounts,
        includes: &'l [Include],
    ) -> Loading<'l> {
        Box::pin(async move {
            let mut levels = Vec::with_capacity(includes.len());
            for include in includes {
                let access = self.rights.relation_read_access(origin, include.relation, include.target);
                let (relation, rows, below) = if let Some(one) = origin.find_to_one(include.relation) {
                    self.load_one(origin, one, (parents, &times), &access).await?
                } else if let Some(many) = origin.find_to_many(include.relation) {
                    self.load_many(many, &times, &access).await?
                } else {
                    continue;
                };
                let below = self.load_below(include.target, &rows, below, &include.children).await?;
                levels.push(IncludedRows { relation, target: include.target, rows, children: below });
            }
            Ok(levels)
        })
    }

    async fn load_one(
        &mut self,
        origin: &'static Entity,
        one: &'static ToOne,
        (parents, times): (&HashMap<i64, StoredRow>, &OccurrenceCounts),
        access: &Access,
    ) -> Result<(Relation, HashMap<i64, StoredRow>, OccurrenceCounts), Error> {
        let place = value_index(origin, one.name).unwrap_or_default();
        let pairs: Vec<(i64, i64)> =
            parents.values().filter_map(|row| to_one_key(row, place).map(|target| (row.id, target))).collect();
        let keys: HashSet<i64> = pairs.iter().map(|(_, target)| *target).collect();
        let ids = self.filter_readable(one.target(), access, keys.into_iter().collect()).await?;
        let rows = index_by_id(entities::find_by_ids(self.tx, one.target(), &ids).await?);
        let below = self.count_pairs(times, pairs.into_iter().filter(|(_, target)| rows.contains_key(target)))?;
        Ok((Relation::One { name: one.name, place }, rows, below))
    }

    async fn load_many(
        &mut self,
        many: &'static ToMany,
        times: &OccurrenceCounts,
        access: &Access,
    ) -> Result<(Relation, HashMap<i64, StoredRow>, OccurrenceCounts), Error> {
        let parents: Vec<i64> = times.keys().copied().collect();
        // Unreadable children do not count, so a limit in the statement is possible only if all are readable.
        let most = if matches!(access, Access::All) { self.limit + 1 } else { usize::MAX };
        let pairs = match access {
            Access::None => Vec::new(),
            Access::All | Access::Rules(_) => {
                entities::list_child_ids(self.tx, many.target(), many.inverse().column, &parents, most).await?
            }
        };
        let ids = self.filter_readable(many.target(), access, pairs.iter().map(|(_, child)| *child).collect()).await?;
        let known: HashSet<i64> = ids.iter().copied().collect();
        let pairs: Vec<(i64, i64)> = pairs.into_iter().filter(|(_, child)| known.contains(child)).collect();
        let below = self.count_pairs(times, pairs.iter().copied())?;
        let rows = index_by_id(entities::find_by_ids(self.tx, many.target(), &ids).await?);
        let mut children: HashMap<i64, Vec<i64>> = HashMap::new();
        for (parent, child) in pairs {
            children.entry(parent).or_default().push(child);
        }
        Ok((Relation::Many { name: many.name, children }, rows, below))
    }

    async fn filter_readable(
        &mut self,
        target: &'static Entity,
        access: &Access,
        ids: Vec<i64>,
    ) -> Result<Vec<i64>, Error> {
        match access {
            Access::All => Ok(ids),
            Access::None => Ok(Vec::new()),
            Access::Rules(_) if ids.is_empty() => Ok(ids),
            Access::Rules(rules) => {
                let rows = run_statement(self.tx, &compile_filter(target, rules, &ids, &self.env)).await?;
                Ok(rows.iter().map(|row| row.get_at(0)).collect::<Result<_, _>>()?)
            }
        }
    }

    /// Adds rows to the count of the answer; returns how many times each occurs.
    fn count_pairs(
        &mut self,
        times: &OccurrenceCounts,
        pairs: impl Iterator<Item = (i64, i64)>,
    ) -> Result<OccurrenceCounts, Error> {
        let mut below = OccurrenceCounts::new();
        for (parent, target) in pairs {
            let more = times.get(&parent).copied().unwrap_or_default();
            self.count = self.count.saturating_add(more);
            if self.count > self.limit {
                return Err(Error::Validation(format!("attempt to return more than {} entities", self.limit)));
            }
            let times = below.entry(target).or_default();
            *times = more.saturating_add(*times);
        }
        Ok(below)
    }
}

/// Counts the entities that an answer would include, without loading them; refuses more than `limit`.
pub async fn check_included_count(
    tx: &mut Tx,
    rights: &Rights,
    env: QueryEnvironment<'_>,
    (origin, parents): (&'static Entity, &[i64]),
    includes: &[Include],
    limit: u32,
) -> Result<(), Error> {
    let mut loader = IncludeLoader::new(tx, rights, env, parents.len(), limit);
    let times: OccurrenceCounts = parents.iter().map(|id| (*id, 1)).collect();
    let mut waiting: Vec<(&'static Entity, OccurrenceCounts, &[Include])> = vec![(origin, times, includes)];
    while let Some((origin, times, includes)) = waiting.pop() {
        let parents: Vec<i64> = times.keys().copied().collect();
        for include in includes {
            let access = rights.relation_read_access(origin, include.relation, include.target);
            let pairs = match (origin.find_to_one(include.relation), origin.find_to_many(include.relation)) {
                (Some(one), _) => entities::list_relation_keys(loader.tx, origin, one.column, &parents).await?,
                (None, Some(many)) => {
                    entities::list_child_ids(loader.tx, many.target(), many.inverse().column, &parents, usize::MAX)
                        .await?
                }
                (None, None) => continue,
            };
            let targets: HashSet<i64> = pairs.iter().map(|(_, target)| *target).collect();
            let readable = loader.filter_readable(include.target, &access, targets.into_iter().collect()).await?;
            let known: HashSet<i64> = readable.into_iter().collect();
            let below = loader.count_pairs(&times, pairs.into_iter().filter(|(_, target)| known.contains(target)))?;
            if !include.children.is_empty() {
                waiting.push((include.target, below, &include.children));
            }
        }
    }
    Ok(())
}

/// The foreign key of a to-one relation.
pub fn to_one_key(row: &StoredRow, place: usize) -> Option<i64> {
    match row.values.get(place) {
        Some(service_kit::Val::I64(key)) => *key,
        _ => None,
    }
}
