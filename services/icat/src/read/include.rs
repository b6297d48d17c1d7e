//! Loading what INCLUDE names: one set of statements per step, never one per row.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;

use icat_client::schema::{Entity, ToMany, ToOne};
use service_kit::Tx;

use super::{by_id, run};
use crate::auth::Rights;
use crate::error::Error;
use crate::query::{Access, Env, Include, compile_filter};
use crate::store::entities::{self, StoredRow, place};

/// The rows of one included relation, and what is included below them.
pub struct Level {
    pub relation: Relation,
    pub target: &'static Entity,
    pub rows: HashMap<i64, StoredRow>,
    pub below: Vec<Level>,
}

pub enum Relation {
    /// The place of the key among the parent's values.
    One { name: &'static str, place: usize },
    /// The children of each parent, in the order of their ids.
    Many { name: &'static str, children: HashMap<i64, Vec<i64>> },
}

impl Relation {
    pub fn name(&self) -> &'static str {
        match self {
            Self::One { name, .. } | Self::Many { name, .. } => name,
        }
    }
}

/// Loads level by level and counts what the answer will hold.
pub struct Loader<'a> {
    tx: &'a mut Tx,
    rights: &'a Rights,
    env: Env<'a>,
    count: usize,
    limit: usize,
}

type Loading<'l> = Pin<Box<dyn Future<Output = Result<Vec<Level>, Error>> + Send + 'l>>;

impl<'a> Loader<'a> {
    /// `count` rows are in the answer already, and no more than `limit` may be in the end.
    pub fn new(tx: &'a mut Tx, rights: &'a Rights, env: Env<'a>, count: usize, limit: u32) -> Self {
        Self { tx, rights, env, count, limit: limit as usize }
    }

    /// Loads what `includes` name, from `parents` on.
    pub fn load<'l>(
        &'l mut self,
        origin: &'static Entity,
        parents: &'l HashMap<i64, StoredRow>,
        includes: &'l [Include],
    ) -> Loading<'l> {
        Box::pin(async move {
            let mut levels = Vec::with_capacity(includes.len());
            for include in includes {
                let access = self.rights.read_step(origin, include.relation, include.target);
                let (relation, rows) = if let Some(one) = origin.one(include.relation) {
                    self.load_one(origin, one, parents, &access).await?
                } else if let Some(many) = origin.many(include.relation) {
                    self.load_many(many, parents, &access).await?
                } else {
                    continue;
                };
                let below = self.load(include.target, &rows, &include.children).await?;
                levels.push(Level { relation, target: include.target, rows, below });
            }
            Ok(levels)
        })
    }

    async fn load_one(
        &mut self,
        origin: &'static Entity,
        one: &'static ToOne,
        parents: &HashMap<i64, StoredRow>,
        access: &Access,
    ) -> Result<(Relation, HashMap<i64, StoredRow>), Error> {
        let place = place(origin, one.name).unwrap_or_default();
        let keys: HashSet<i64> = parents.values().filter_map(|row| key(row, place)).collect();
        let ids = self.readable(one.target(), access, keys.into_iter().collect()).await?;
        let rows = by_id(entities::by_ids(self.tx, one.target(), &ids).await?);
        self.count(parents.values().filter(|row| key(row, place).is_some_and(|id| rows.contains_key(&id))).count())?;
        Ok((Relation::One { name: one.name, place }, rows))
    }

    async fn load_many(
        &mut self,
        many: &'static ToMany,
        parents: &HashMap<i64, StoredRow>,
        access: &Access,
    ) -> Result<(Relation, HashMap<i64, StoredRow>), Error> {
        let parents: Vec<i64> = parents.keys().copied().collect();
        // Unreadable children do not count, so they are only bounded once they have been sorted out.
        let pairs = match access {
            Access::None => Vec::new(),
            Access::All => {
                let pairs =
                    entities::children(self.tx, many.target(), many.back().column, &parents, self.limit + 1).await?;
                self.count(pairs.len())?;
                pairs
            }
            Access::Rules(_) => {
                entities::children(self.tx, many.target(), many.back().column, &parents, usize::MAX).await?
            }
        };
        let ids = self.readable(many.target(), access, pairs.iter().map(|(_, child)| *child).collect()).await?;
        if matches!(access, Access::Rules(_)) {
            self.count(ids.len())?;
        }
        let rows = by_id(entities::by_ids(self.tx, many.target(), &ids).await?);
        let mut children: HashMap<i64, Vec<i64>> = HashMap::new();
        for (parent, child) in pairs {
            if rows.contains_key(&child) {
                children.entry(parent).or_default().push(child);
            }
        }
        Ok((Relation::Many { name: many.name, children }, rows))
    }

    async fn readable(&mut self, target: &'static Entity, access: &Access, ids: Vec<i64>) -> Result<Vec<i64>, Error> {
        match access {
            Access::All => Ok(ids),
            Access::None => Ok(Vec::new()),
            Access::Rules(_) if ids.is_empty() => Ok(ids),
            Access::Rules(rules) => {
                let rows = run(self.tx, &compile_filter(target, rules, &ids, &self.env)).await?;
                Ok(rows.iter().map(|row| row.at(0)).collect::<Result<_, _>>()?)
            }
        }
    }

    fn count(&mut self, more: usize) -> Result<(), Error> {
        self.count += more;
        if self.count > self.limit {
            return Err(Error::Validation(format!("attempt to return more than {} entities", self.limit)));
        }
        Ok(())
    }
}

/// Counts what would be included below many rows, by ids alone; refuses more than `limit` in all.
pub async fn count(
    tx: &mut Tx,
    rights: &Rights,
    env: Env<'_>,
    (origin, parents): (&'static Entity, &[i64]),
    includes: &[Include],
    limit: u32,
) -> Result<(), Error> {
    let mut loader = Loader::new(tx, rights, env, parents.len(), limit);
    let mut waiting: Vec<(&'static Entity, Vec<i64>, &[Include])> = vec![(origin, parents.to_vec(), includes)];
    while let Some((origin, parents, includes)) = waiting.pop() {
        for include in includes {
            let access = rights.read_step(origin, include.relation, include.target);
            let pairs = match (origin.one(include.relation), origin.many(include.relation)) {
                (Some(one), _) => entities::keys(loader.tx, origin, one.column, &parents).await?,
                (None, Some(many)) => {
                    entities::children(loader.tx, many.target(), many.back().column, &parents, usize::MAX).await?
                }
                (None, None) => continue,
            };
            let targets: HashSet<i64> = pairs.iter().map(|(_, target)| *target).collect();
            let readable = loader.readable(include.target, &access, targets.into_iter().collect()).await?;
            let known: HashSet<i64> = readable.iter().copied().collect();
            loader.count(pairs.iter().filter(|(_, target)| known.contains(target)).count())?;
            if !include.children.is_empty() {
                waiting.push((include.target, readable, &include.children));
            }
        }
    }
    Ok(())
}

/// The key of a to-one relation.
pub fn key(row: &StoredRow, place: usize) -> Option<i64> {
    match row.values.get(place) {
        Some(service_kit::Val::I64(key)) => *key,
        _ => None,
    }
}
