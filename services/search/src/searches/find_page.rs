//! A page of the rows that a caller may read, with counted values and highlighted words.

use std::collections::BTreeSet;
use std::sync::Arc;

use identity::Caller;
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use super::CatalogueSearches;
use super::cursor::{Cursor, mark_search};
use super::hits::{SearchHit, list_fields};
use super::search_body::{FacetBody, SearchBody};
use crate::authorized_search::{EntityRights, PageRequest};
use crate::domain::entity::EntityKind;
use crate::domain::plan::Plan;
use crate::error::Error;
use crate::index::snapshot::Snapshot;
use crate::planner::{Planner, SearchQuery};
use crate::results::count_field::{CountedField, resolve_field};
use crate::results::fields::RequestedFields;
use crate::results::search_order::parse_sort;

/// A page of a result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    /// Rows that were found and that the caller may read, on all pages
    pub total: u64,
    /// Whether there may be more than `total`: only for an icat.server, whose rights are looked up for the rows that are shown
    pub is_total_lower_bound: bool,
    pub hits: Vec<SearchHit>,
    /// Send it with the same conditions to get the next page; missing on the last one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Whether the pages before this one show an earlier state of the catalogue, because they are older than five minutes or the
    /// service was restarted
    pub is_newer_than_cursor: bool,
    /// The values of the requested fields, the most frequent first
    pub facets: Vec<FacetPage>,
    /// Whether all rows that the catalogue had when the index was filled are in the index that was searched; not while it is filled
    /// for the first time
    pub is_index_complete: bool,
}

/// The values of a field.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetPage {
    pub field: String,
    pub values: Vec<FacetValue>,
}

/// A value and the number of rows of the result that have it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FacetValue {
    pub value: String,
    pub count: u64,
}

impl CatalogueSearches {
    /// A page of a search.
    pub async fn find_page(
        &self,
        caller: &Caller,
        target: EntityKind,
        body: &SearchBody,
    ) -> Result<SearchPage, Problem> {
        body.check_facets(target)?;
        let user = &caller.subject().icat_user_name;
        let query = body.to_query(target, &self.zone, user)?;
        let order = parse_sort(target, body.sort.to_sort())?;
        let mark = mark_search(target, body, user);
        let cursor = body.cursor.as_deref().map(|text| Cursor::decode(text, &mark, &order)).transpose()?;
        let engine = self.authorized.engine();
        let kept = cursor.as_ref().and_then(|cursor| self.points_in_time.find_snapshot(&cursor.snapshot));
        let is_newer_than_cursor = cursor.is_some() && kept.is_none();
        let snapshot = match kept {
            Some(snapshot) => snapshot,
            None => engine.take_snapshot().await?,
        };
        let request = PageRequest {
            target,
            query: query.clone(),
            order,
            after: cursor.map(|cursor| cursor.after),
            limit: body.limit()?,
            fields: RequestedFields::parse(target, &list_fields(target))?,
        };
        let page = self.authorized.find_page(caller, snapshot.clone(), request).await?;
        let searched = body.highlight.then_some(&page.searched);
        let hits = page.hits.iter().zip(&page.sources);
        let hits = hits.map(|(hit, source)| SearchHit::from_source(target, hit.id, hit.score, source, searched));
        let hits = hits.collect();
        let cursor = page.next.filter(|_| page.has_more).map(|after| {
            let snapshot = self.points_in_time.keep_snapshot(&snapshot);
            Cursor { mark, snapshot, after }.encode_cursor()
        });
        let facets = self.count_facets(caller, target, body, query, &snapshot).await?;
        Ok(SearchPage {
            total: page.total,
            is_total_lower_bound: page.is_total_lower_bound,
            hits,
            cursor,
            is_newer_than_cursor,
            facets,
            is_index_complete: snapshot.is_complete,
        })
    }

    async fn count_facets(
        &self,
        caller: &Caller,
        target: EntityKind,
        body: &SearchBody,
        query: SearchQuery,
        snapshot: &Snapshot,
    ) -> Result<Vec<FacetPage>, Problem> {
        let fields = body.facets.iter().map(|facet| Ok((facet.clone(), resolve_field(target, &facet.field)?)));
        let fields = Arc::new(fields.collect::<Result<Vec<_>, Error>>()?);
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let related = fields.iter().flat_map(|(_, counted)| counted.list_entities(target));
        let entities: BTreeSet<_> = related.chain([target]).collect();
        let count_all = move |planner: &Planner<'_>, rights: &EntityRights| {
            let own = rights.plan_shown(planner, target)?;
            let plan = Plan::and(vec![planner.plan_query(target, &query)?, own]);
            let count = |(facet, counted): &(FacetBody, CountedField)| {
                let values = planner.count_field(target, &plan, counted, facet.limit()?)?;
                let values = values.into_iter().map(|(value, count)| FacetValue { value, count });
                Ok(FacetPage { field: facet.field.clone(), values: values.collect() })
            };
            fields.iter().map(count).collect()
        };
        let deadline = self.authorized.engine().start_deadline();
        Ok(self.authorized.run_for_caller(caller, snapshot.clone(), deadline, entities, count_all).await?.0)
    }
}
