//! Loads the entities that INCLUDE names, with a few statements per relation and none per row.

use std::pin::Pin;

use icat_client::schema::{Entity, ToMany, ToOne};
use service_kit::{DbError, Tx};

use super::rendered_rows::{RenderedRows, render_key};
use super::run_statement;
use crate::authorization::Rights;
use crate::error::Error;
use crate::query::{Access, Include, QueryEnvironment, compile_filter};
use crate::store::entities::{self, value_index};
use crate::store::rows::{self, FIRST_VALUE_COLUMN};

/// The rows of an included relation, and the relations included below them.
pub struct IncludedRows {
    pub relation: Relation,
    pub rows: RenderedRows,
    /// In the order of the includes, which the gaps of the rows refer to.
    pub children: Vec<IncludedRows>,
}

pub enum Relation {
    /// The key in the JSON; the rows are found by the foreign keys of their parents.
    One { key: String },
    /// Pairs of (parent, child), sorted.
    Many { children: Vec<(i64, i64)> },
}

/// How many times each row occurs in the answer, by its index.
type OccurrenceCounts = Vec<usize>;

/// Loads relation by relation and counts the entities of the answer.
pub struct IncludeLoader<'a> {
    tx: &'a mut Tx,
    rights: &'a Rights,
    env: QueryEnvironment<'a>,
    counter: EntityCounter,
}

type Loading<'l> = Pin<Box<dyn Future<Output = Result<Vec<IncludedRows>, Error>> + Send + 'l>>;

impl<'a> IncludeLoader<'a> {
    /// Starts with `count` entities in the answer; more than `limit` are refused.
    pub fn new(tx: &'a mut Tx, rights: &'a Rights, env: QueryEnvironment<'a>, count: usize, limit: u32) -> Self {
        Self { tx, rights, env, counter: EntityCounter::new(count, limit) }
    }

    /// Loads the includes of `parents`, each of which occurs once in the answer.
    pub fn load_includes<'l>(
        &'l mut self,
        origin: &'static Entity,
        parents: &'l RenderedRows,
        includes: &'l [Include],
    ) -> Loading<'l> {
        self.load_below(origin, parents, vec![1; parents.len()], includes)
    }

    fn load_below<'l>(
        &'l mut self,
        origin: &'static Entity,
        parents: &'l RenderedRows,
        times: OccurrenceCounts,
        includes: &'l [Include],
    ) -> Loading<'l> {
        Box::pin(async move {
            let mut levels = Vec::with_capacity(includes.len());
            for (number, include) in includes.iter().enumerate() {
                let access = self.rights.relation_read_access(origin, include.relation, include.target);
                let (relation, rows, below) = match origin.find_to_one(include.relation) {
                    Some(one) => {
                        let pairs = parents.list_targets(number);
                        self.load_one(one, pairs, &times, &access, &include.children).await?
                    }
                    None => {
                        self.load_many(require_to_many(origin, include), (parents, &times), &access, include).await?
                    }
                };
                let children = self.load_below(include.target, &rows, below, &include.children).await?;
                levels.push(IncludedRows { relation, rows, children });
            }
            Ok(levels)
        })
    }

    /// `pairs`: indexes of parents and ids of their related rows.
    async fn load_one(
        &mut self,
        one: &'static ToOne,
        pairs: Vec<(usize, i64)>,
        times: &OccurrenceCounts,
        access: &Access,
        includes: &[Include],
    ) -> Result<(Relation, RenderedRows, OccurrenceCounts), Error> {
        let mut ids: Vec<i64> = pairs.iter().map(|(_, target)| *target).collect();
        ids.sort_unstable();
        ids.dedup();
        let ids = filter_readable(self.tx, one.target(), access, ids, &self.env).await?;
        let rows = RenderedRows::load(self.tx, one.target(), &ids, includes).await?;
        let mut below = vec![0_usize; rows.len()];
        for (parent, target) in pairs {
            if let Some(index) = rows.find(target) {
                self.counter.add_entities(times[parent])?;
                below[index] = below[index].saturating_add(times[parent]);
            }
        }
        Ok((Relation::One { key: render_key(one.name) }, rows, below))
    }

    async fn load_many(
        &mut self,
        many: &'static ToMany,
        (parents, times): (&RenderedRows, &OccurrenceCounts),
        access: &Access,
        include: &Include,
    ) -> Result<(Relation, RenderedRows, OccurrenceCounts), Error> {
        let times_of = |parent: i64| parents.find(parent).map_or(0, |index| times[index]);
        let (target, column) = (many.target(), many.inverse().column);
        let mut rendered = RenderedRows::new(target, &include.children);
        let mut children: Vec<(i64, i64)> = Vec::new();
        match access {
            Access::None => {}
            Access::All => {
                let parent_column = FIRST_VALUE_COLUMN + value_index(target, many.mapped_by).unwrap_or_default();
                let limit = self.counter.limit + 1;
                rows::visit_children(self.tx, target, column, &parents.list_ids(), limit, |row| {
                    children.extend(row.get_integer(parent_column)?.zip(row.get_integer(0)?));
                    rendered.push(row)
                })
                .await?;
                rendered.sort();
                self.count_children(&children, times_of)?;
            }
            Access::Rules(_) => {
                // Unreadable children do not count, so the statement has no limit.
                children = list_child_ids(self.tx, many, &parents.list_ids()).await?;
                let ids = children.iter().map(|(_, child)| *child).collect();
                let mut ids = filter_readable(self.tx, target, access, ids, &self.env).await?;
                ids.sort_unstable();
                children.retain(|(_, child)| ids.binary_search(child).is_ok());
                self.count_children(&children, times_of)?;
                rendered = RenderedRows::load(self.tx, target, &ids, &include.children).await?;
            }
        }
        let mut below = vec![0_usize; rendered.len()];
        for (parent, child) in &children {
            if let Some(index) = rendered.find(*child) {
                below[index] = below[index].saturating_add(times_of(*parent));
            }
        }
        children.sort_unstable();
        Ok((Relation::Many { children }, rendered, below))
    }

    fn count_children(&mut self, children: &[(i64, i64)], times_of: impl Fn(i64) -> usize) -> Result<(), Error> {
        children.iter().try_for_each(|(parent, _)| self.counter.add_entities(times_of(*parent)))
    }
}

/// Counts the entities of an answer and refuses too many.
pub struct EntityCounter {
    count: usize,
    limit: usize,
}

impl EntityCounter {
    pub fn new(count: usize, limit: u32) -> Self {
        Self { count, limit: limit as usize }
    }

    pub fn add_entities(&mut self, more: usize) -> Result<(), Error> {
        self.count = self.count.saturating_add(more);
        if self.count > self.limit {
            return Err(Error::Validation(format!("attempt to return more than {} entities", self.limit)));
        }
        Ok(())
    }
}

/// Pairs of (parent, child) of a to-many relation.
pub async fn list_child_ids(tx: &mut Tx, many: &'static ToMany, parents: &[i64]) -> Result<Vec<(i64, i64)>, DbError> {
    entities::list_child_ids(tx, many.target(), many.inverse().column, parents, usize::MAX).await
}

/// The ids of rows that the user may read.
pub async fn filter_readable(
    tx: &mut Tx,
    target: &'static Entity,
    access: &Access,
    ids: Vec<i64>,
    env: &QueryEnvironment<'_>,
) -> Result<Vec<i64>, Error> {
    match access {
        Access::All => Ok(ids),
        Access::None => Ok(Vec::new()),
        Access::Rules(_) if ids.is_empty() => Ok(ids),
        Access::Rules(rules) => {
            let rows = run_statement(tx, &compile_filter(target, rules, &ids, env)).await?;
            Ok(rows.iter().map(|row| row.get_at(0)).collect::<Result<_, _>>()?)
        }
    }
}

/// The to-many relation of an include that is not to one row.
pub fn require_to_many(origin: &'static Entity, include: &Include) -> &'static ToMany {
    let many = origin.find_to_many(include.relation);
    many.unwrap_or_else(|| unreachable!("the parser found {} in {}", include.relation, origin.name))
}
