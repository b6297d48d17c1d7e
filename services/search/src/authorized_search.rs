//! Searches for callers: the index finds only what they may read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::try_join_all;
use icat_client::schema::find_entity;
use identity::{Caller, Completeness, Identity, ReadableRows};
use serde_json::{Map, Value};
use service_kit::Problem;

use crate::domain::deadline::Deadline;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Hit, Ids, Order, Plan, SortValue};
use crate::error::Error;
use crate::index::compare_values;
use crate::index::index_view::{HitPage, SearchRequest};
use crate::index::snapshot::Snapshot;
use crate::planner::{Planner, ReadablePlan, ReadableScope, SearchQuery};
use crate::results::fields::{FieldReader, RequestedFields};
use crate::results::highlights::SearchedWords;
use crate::search_service::SearchService;

/// Rows that are looked up with the caller's session at once.
const CHECKED_AT_ONCE: usize = 1_000;
/// Rows that are looked up with the caller's session, at most, to answer one search.
const MAX_CHECKED: usize = 10_000;

/// A page of a search.
#[derive(Debug)]
pub struct PageRequest {
    pub target: EntityKind,
    pub query: SearchQuery,
    /// The last one must make the order of rows unique.
    pub order: Vec<Order>,
    pub after: Option<Vec<SortValue>>,
    pub limit: usize,
    pub fields: RequestedFields,
}

/// The rows of a page that the caller may read.
#[derive(Debug)]
pub struct AuthorizedPage {
    pub hits: Vec<Hit>,
    /// The requested fields of each hit.
    pub sources: Vec<Map<String, Value>>,
    /// The words that were searched for.
    pub searched: SearchedWords,
    /// All rows of the result that the caller may read.
    pub total: u64,
    /// Whether there may be more rows than `total`, because the rights do not follow from the index.
    pub is_total_lower_bound: bool,
    /// After which row the next page begins, if this one is full. There may be no further row.
    pub next: Option<Vec<SortValue>>,
    /// Whether there are further rows, or may be some because not all were looked up.
    pub has_more: bool,
}

/// What a caller may read of some entities.
#[derive(Debug, Clone)]
pub struct EntityRights(Arc<HashMap<EntityKind, ReadableRows>>);

impl EntityRights {
    /// The condition on the rows of an entity; no row of entities that were not asked for.
    pub fn plan_readable(&self, planner: &Planner<'_>, entity: EntityKind) -> Result<ReadablePlan, Error> {
        planner.plan_readable_rows(entity, self.0.get(&entity).unwrap_or(&ReadableRows::nothing()))
    }

    /// The condition on the rows of an entity that may be shown and counted without looking each of them up.
    pub fn plan_shown(&self, planner: &Planner<'_>, entity: EntityKind) -> Result<Plan, Error> {
        self.plan_shown_among(planner, entity, None)
    }

    /// The same for rows that refer to a few others.
    pub fn plan_shown_among(
        &self,
        planner: &Planner<'_>,
        entity: EntityKind,
        among: Option<(&str, &Ids)>,
    ) -> Result<Plan, Error> {
        let nothing = ReadableRows::nothing();
        let readable = planner.plan_readable_among(entity, self.0.get(&entity).unwrap_or(&nothing), among)?;
        Ok(if readable.completeness == Completeness::Unchecked { Plan::Nothing } else { readable.plan })
    }

    /// The scope of searches: the rows of each entity whose values may be shown and counted without looking each of them up.
    fn plan_scope(&self, planner: &Planner<'_>) -> Result<ReadableScope, Error> {
        let plans = self.0.keys().map(|entity| Ok((*entity, self.plan_shown(planner, *entity)?)));
        Ok(ReadableScope::new(plans.collect::<Result<_, Error>>()?))
    }
}

/// Searches with the rights of callers.
pub struct AuthorizedSearch {
    searches: Arc<SearchService>,
    identity: Identity,
}

impl AuthorizedSearch {
    pub fn new(searches: Arc<SearchService>, identity: Identity) -> Self {
        Self { searches, identity }
    }

    /// The engine, for searches whose plans have the conditions of [`Self::find_rights`].
    pub fn engine(&self) -> &SearchService {
        &self.searches
    }

    /// What a caller may read of these entities, at this moment.
    pub async fn find_rights(
        &self,
        caller: &Caller,
        entities: impl IntoIterator<Item = EntityKind>,
    ) -> Result<EntityRights, Problem> {
        Ok(EntityRights(Arc::new(self.look_up_rights(caller, entities).await?)))
    }

    async fn look_up_rights(
        &self,
        caller: &Caller,
        entities: impl IntoIterator<Item = EntityKind>,
    ) -> Result<HashMap<EntityKind, ReadableRows>, Problem> {
        let lookups = entities.into_iter().map(async |kind: EntityKind| {
            let readable = match find_entity(&kind.to_string()) {
                Some(entity) => self.identity.find_readable_rows(caller, entity.name).await?,
                // This version of ICAT does not have it.
                None => ReadableRows::nothing(),
            };
            Ok::<_, Problem>((kind, readable))
        });
        Ok(try_join_all(lookups).await?.into_iter().collect())
    }

    /// Runs a search whose conditions on related rows see only what the caller may read. The rights are looked up for the given
    /// entities, and for those that the search turns out to need; then it runs again. Returns the rights too.
    pub async fn run_for_caller<T: Send + 'static>(
        &self,
        caller: &Caller,
        snapshot: Snapshot,
        deadline: Deadline,
        mut entities: BTreeSet<EntityKind>,
        search: impl Fn(&Planner<'_>, &EntityRights) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<(T, EntityRights), Problem> {
        let search = Arc::new(search);
        let mut known = HashMap::new();
        loop {
            known.extend(self.look_up_rights(caller, entities).await?);
            let rights = EntityRights(Arc::new(known.clone()));
            let (search, prepared) = (Arc::clone(&search), rights.clone());
            let run = move |planner: &Planner<'_>| {
                let scope = prepared.plan_scope(planner)?;
                let restricted = planner.restrict_to(&scope);
                let found = search(&restricted, &prepared)?;
                Ok((found, scope.take_missing()))
            };
            let (found, missing) = self.searches.run_on(snapshot.clone(), deadline, run).await?;
            if missing.is_empty() {
                return Ok((found, rights));
            }
            entities = missing;
        }
    }

    /// A page of the rows that the caller may read, of a snapshot.
    pub async fn find_page(
        &self,
        caller: &Caller,
        snapshot: Snapshot,
        request: PageRequest,
    ) -> Result<AuthorizedPage, Problem> {
        let deadline = self.searches.start_deadline();
        let mut entities = request.fields.list_related_entities(request.target);
        entities.insert(request.target);
        let request = Arc::new(request);
        let first = Arc::clone(&request);
        let search = move |planner: &Planner<'_>, rights: &EntityRights| {
            let query = planner.plan_query(first.target, &first.query)?;
            let searched = SearchedWords::from_plan(&query);
            let readable = rights.plan_readable(planner, first.target)?;
            let (known, candidates) = match readable.completeness {
                Completeness::Exact => (Plan::and(vec![query, readable.plan]), None),
                // Rows of a partial list are readable, and others may be.
                Completeness::Partial => {
                    let others = Plan::and(vec![query.clone(), Plan::Not(Box::new(readable.plan.clone()))]);
                    (Plan::and(vec![query, readable.plan]), Some(others))
                }
                Completeness::Unchecked => (Plan::Nothing, Some(Plan::and(vec![query, readable.plan]))),
            };
            let page = search_page(planner, &first, &known, first.after.as_deref(), first.limit + 1)?;
            Ok((page, candidates, searched))
        };
        let ((page, candidates, searched), rights) =
            self.run_for_caller(caller, snapshot.clone(), deadline, entities, search).await?;
        let mut found = ReadableHits { hits: page.hits, total: page.total, ..ReadableHits::default() };
        if let Some(candidates) = candidates {
            let checked = self.find_checked_rows(caller, &snapshot, deadline, &request, candidates).await?;
            found.merge_hits(checked, &request.order);
        }
        let has_more = found.hits.len() > request.limit || found.is_cut;
        found.hits.truncate(request.limit);
        // Never the position of a row that the caller may not read.
        let is_full = found.hits.len() == request.limit;
        let next = found.hits.last().filter(|_| is_full).map(|hit| hit.sorted_by.clone());
        let ReadableHits { hits, total, is_total_lower_bound, .. } = found;
        let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
        let read = move |planner: &Planner<'_>| {
            let scope = rights.plan_scope(planner)?;
            FieldReader { planner: &planner.restrict_to(&scope) }.read(request.target, &ids, &request.fields)
        };
        let sources = self.searches.run_on(snapshot, deadline, read).await?;
        Ok(AuthorizedPage { hits, sources, searched, total, is_total_lower_bound, next, has_more })
    }

    /// Looks candidates up with the caller's session, in their order, until there is a page of them.
    async fn find_checked_rows(
        &self,
        caller: &Caller,
        snapshot: &Snapshot,
        deadline: Deadline,
        request: &Arc<PageRequest>,
        candidates: Plan,
    ) -> Result<ReadableHits, Problem> {
        let target = request.target.to_string();
        // The rows of earlier pages are not looked up again.
        let mut checked = ReadableHits { is_total_lower_bound: request.after.is_some(), ..ReadableHits::default() };
        let mut after = request.after.clone();
        let mut looked_at = 0;
        loop {
            let (request, plan, from) = (Arc::clone(request), candidates.clone(), after.clone());
            let limit = request.limit;
            let block = self.searches.run_on(snapshot.clone(), deadline, move |planner| {
                search_page(planner, &request, &plan, from.as_deref(), CHECKED_AT_ONCE)
            });
            let block = block.await?.hits;
            let is_last_block = block.len() < CHECKED_AT_ONCE;
            looked_at += block.len();
            after = block.last().map(|hit| hit.sorted_by.clone());
            let ids: Vec<i64> = block.iter().map(|hit| hit.id).collect();
            let readable = self.identity.list_readable_ids(caller, &target, &ids).await?;
            checked.hits.extend(block.into_iter().filter(|hit| readable.contains(&hit.id)));
            checked.total = checked.hits.len() as u64;
            if is_last_block {
                return Ok(checked);
            }
            if checked.hits.len() > limit || looked_at >= MAX_CHECKED || deadline.check().is_err() {
                checked.is_total_lower_bound = true;
                checked.is_cut = true;
                return Ok(checked);
            }
        }
    }
}

/// Rows that the catalogue lets the caller read.
#[derive(Debug, Default)]
struct ReadableHits {
    hits: Vec<Hit>,
    total: u64,
    is_total_lower_bound: bool,
    /// Whether candidates after the last hit were not looked up.
    is_cut: bool,
}

impl ReadableHits {
    /// Adds other rows in their order.
    fn merge_hits(&mut self, other: Self, order: &[Order]) {
        self.hits.extend(other.hits);
        self.hits.sort_by(|one, other| compare_values(order, &one.sorted_by, &other.sorted_by));
        self.total += other.total;
        self.is_total_lower_bound |= other.is_total_lower_bound;
        self.is_cut |= other.is_cut;
    }
}

fn search_page(
    planner: &Planner<'_>,
    request: &PageRequest,
    plan: &Plan,
    after: Option<&[SortValue]>,
    limit: usize,
) -> Result<HitPage, Error> {
    let search = SearchRequest { entity: request.target, plan, order: &request.order, after, limit };
    Ok(planner.snapshot.search_rows(&search, planner.deadline)?)
}
