//! The index as it was at one moment: searches, joins and counts.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use roaring::RoaringTreemap;
use serde_json::{Value, json};

use super::cluster::OpenSearchIndex;
use super::document::SOURCE;
use super::names::{IndexKind, parse_document_id, rename_field};
use super::point_in_time::PointsInTime;
use super::query::QueryWriter;
use super::sort::{read_values, write_order, write_position};
use crate::domain::deadline::Deadline;
use crate::domain::document::EntityRow;
use crate::domain::entity::EntityKind;
use crate::domain::plan::{Hit, Ids, Plan, SortKey, SortValue, TermKind, collect_set};
use crate::index::error::IndexError;
use crate::index::fields::{id_field, relation_field, term_field, value_field};
use crate::index::index_view::{CountedRanges, DirectoryRequest, HitPage, IndexView, SearchRequest};

/// Rows or counts that are read at once.
const PAGE_SIZE: usize = 10_000;

/// All indices at one moment, which begins with the first search of each.
pub struct OpenSearchView {
    pub(super) points: PointsInTime,
}

/// What a request for rows wants of each.
struct HitRequest<'r> {
    entity: EntityKind,
    query: Value,
    /// Besides the id.
    field: Option<&'r str>,
}

impl OpenSearchIndex {
    /// The rows of the indices with this identity, as they are now.
    pub fn open_view(self: &Arc<Self>, identity: &str) -> Arc<dyn IndexView> {
        Arc::new(OpenSearchView::new(Arc::clone(self), identity))
    }
}

impl OpenSearchView {
    pub fn new(index: Arc<OpenSearchIndex>, identity: &str) -> Self {
        Self { points: PointsInTime::new(index, identity) }
    }

    fn build_query_writer(&self, entity: EntityKind) -> QueryWriter {
        QueryWriter { entity, has_bitmaps: self.points.index().has_bitmaps() }
    }

    /// The rows of a plan, unless there is none and the cluster need not be asked.
    fn write_query(&self, entity: EntityKind, plan: &Plan, with_stubs: bool) -> Option<Value> {
        let is_possible = !matches!(plan, Plan::Nothing);
        is_possible.then(|| self.build_query_writer(entity).write_search(plan, false, with_stubs))
    }

    /// Calls `handle` with the id of each row, in their order, and its values of the field.
    fn for_each_hit(
        &self,
        request: &HitRequest<'_>,
        deadline: Deadline,
        mut handle: impl FnMut(i64, &Value),
    ) -> Result<(), IndexError> {
        let id = rename_field(&id_field(request.entity));
        let fields: Vec<&str> = request.field.into_iter().collect();
        let mut after: Option<Value> = None;
        loop {
            let mut body = json!({
                "size": PAGE_SIZE, "query": request.query, "sort": [{&id: "asc"}], "_source": false,
                "docvalue_fields": fields, "track_total_hits": false,
            });
            if let Some(after) = after.take() {
                body["search_after"] = after;
            }
            let answer = self.points.search_index(IndexKind::of_entity(request.entity), body, deadline)?;
            let hits = list_hits(&answer);
            for hit in hits {
                let values = request.field.map_or(&Value::Null, |field| &hit["fields"][field]);
                handle(hit["sort"][0].as_i64().unwrap_or_default(), values);
            }
            match hits.last() {
                Some(last) if hits.len() == PAGE_SIZE => after = Some(last["sort"].clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Calls `handle` with each combination of values that rows have of these fields, and the number of the rows.
    fn for_each_bucket(
        &self,
        entity: EntityKind,
        query: &Value,
        fields: &[String],
        deadline: Deadline,
        mut handle: impl FnMut(&[&Value], u64),
    ) -> Result<(), IndexError> {
        let names: Vec<String> = (0..fields.len()).map(|n| n.to_string()).collect();
        let sources: Vec<Value> =
            names.iter().zip(fields).map(|(name, field)| json!({name: {"terms": {"field": field}}})).collect();
        let mut after: Option<Value> = None;
        loop {
            let mut composite = json!({"size": PAGE_SIZE, "sources": sources});
            if let Some(after) = after.take() {
                composite["after"] = after;
            }
            let body = json!({
                "size": 0, "query": query, "track_total_hits": false, "aggs": {"values": {"composite": composite}},
            });
            let answer = self.points.search_index(IndexKind::of_entity(entity), body, deadline)?;
            let counted = &answer["aggregations"]["values"];
            let buckets = counted["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
            for bucket in buckets {
                let values: Vec<&Value> = names.iter().map(|name| &bucket["key"][name]).collect();
                handle(&values, bucket["doc_count"].as_u64().unwrap_or_default());
            }
            if buckets.len() < PAGE_SIZE {
                return Ok(());
            }
            after = Some(counted["after_key"].clone());
        }
    }
}

impl IndexView for OpenSearchView {
    fn search_rows(&self, request: &SearchRequest<'_>, deadline: Deadline) -> Result<HitPage, IndexError> {
        if matches!(request.plan, Plan::Nothing) {
            return Ok(HitPage { hits: Vec::new(), total: 0 });
        }
        let score_at = request.order.iter().position(|order| order.key == SortKey::Score);
        let query = self.build_query_writer(request.entity).write_search(request.plan, score_at.is_some(), false);
        let after = request.after.map(|after| write_position(request.entity, request.order, after));
        let mut after = after.transpose()?;
        let mut page = HitPage { hits: Vec::new(), total: 0 };
        let mut is_first = true;
        loop {
            let size = (request.limit - page.hits.len()).min(PAGE_SIZE);
            let mut body = json!({
                "size": size, "query": query, "sort": write_order(request.entity, request.order), "_source": false,
                "track_total_hits": is_first, "track_scores": score_at.is_some(),
            });
            if let Some(after) = after.take() {
                body["search_after"] = after;
            }
            let answer = self.points.search_index(IndexKind::of_entity(request.entity), body, deadline)?;
            if is_first {
                page.total = answer["hits"]["total"]["value"].as_u64().unwrap_or_default();
                is_first = false;
            }
            let hits = list_hits(&answer);
            for hit in hits {
                page.hits.push(read_hit(request, score_at, hit)?);
            }
            if hits.len() < size || page.hits.len() >= request.limit {
                return Ok(page);
            }
            after = hits.last().map(|last| last["sort"].clone());
        }
    }

    fn collect_ids(
        &self,
        entity: EntityKind,
        plan: &Plan,
        relation: Option<&str>,
        deadline: Deadline,
    ) -> Result<Ids, IndexError> {
        let mut ids = RoaringTreemap::new();
        let Some(query) = self.write_query(entity, plan, true) else { return Ok(Arc::new(ids)) };
        match relation {
            None => {
                let request = HitRequest { entity, query, field: None };
                self.for_each_hit(&request, deadline, |id, _| {
                    ids.insert(id.cast_unsigned());
                })?;
            }
            Some(relation) => {
                let field = rename_field(&relation_field(entity, relation));
                self.for_each_bucket(entity, &query, &[field], deadline, |values, _| {
                    ids.extend(values[0].as_i64().map(i64::cast_unsigned));
                })?;
            }
        }
        Ok(Arc::new(ids))
    }

    fn count_terms(
        &self,
        entity: EntityKind,
        plan: &Plan,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<HashMap<String, u64>, IndexError> {
        let mut counts = HashMap::new();
        let Some(query) = self.write_query(entity, plan, false) else { return Ok(counts) };
        let field = rename_field(&term_field(entity, attribute, TermKind::Whole));
        self.for_each_bucket(entity, &query, &[field], deadline, |values, count| {
            counts.extend(values[0].as_str().map(|text| (text.to_owned(), count)));
        })?;
        Ok(counts)
    }

    fn list_terms(
        &self,
        entity: EntityKind,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<BTreeSet<String>, IndexError> {
        let query = self.build_query_writer(entity).write_search(&Plan::All, false, true);
        let field = rename_field(&term_field(entity, attribute, TermKind::Whole));
        let mut terms = BTreeSet::new();
        self.for_each_bucket(entity, &query, &[field], deadline, |values, _| {
            terms.extend(values[0].as_str().map(str::to_owned));
        })?;
        Ok(terms)
    }

    fn count_related(
        &self,
        entity: EntityKind,
        plan: &Plan,
        relation: &str,
        deadline: Deadline,
    ) -> Result<HashMap<i64, u64>, IndexError> {
        let mut counts = HashMap::new();
        let Some(query) = self.write_query(entity, plan, false) else { return Ok(counts) };
        let field = rename_field(&relation_field(entity, relation));
        self.for_each_bucket(entity, &query, &[field], deadline, |values, count| {
            counts.extend(values[0].as_i64().map(|id| (id, count)));
        })?;
        Ok(counts)
    }

    fn count_ranges(
        &self,
        entity: EntityKind,
        plan: &Plan,
        attribute: &str,
        ranges: &CountedRanges,
        deadline: Deadline,
    ) -> Result<Vec<u64>, IndexError> {
        let field = rename_field(&value_field(entity, attribute));
        // As conditions, because the aggregation of ranges counts in numbers with fractions, which are too coarse for integers.
        let write = |bounds: Value| json!({"range": {&field: bounds}});
        let filters: Vec<Value> = match ranges {
            CountedRanges::Integers(ranges) => {
                ranges.iter().map(|(from, to)| write(json!({"gte": from, "lt": to}))).collect()
            }
            CountedRanges::Numbers(ranges) => ranges
                .iter()
                .map(|(from, to)| {
                    if *from == f64::INFINITY || *to == f64::NEG_INFINITY {
                        return json!({"match_none": {}});
                    }
                    let bounds = [("gte", from), ("lt", to)].into_iter().filter(|(_, bound)| bound.is_finite());
                    write(
                        bounds
                            .map(|(name, bound)| (name.to_owned(), json!(bound)))
                            .collect::<serde_json::Map<_, _>>()
                            .into(),
                    )
                })
                .collect(),
        };
        let query = self.write_query(entity, plan, false).filter(|_| !filters.is_empty());
        let Some(query) = query else { return Ok(vec![0; filters.len()]) };
        let body = json!({
            "size": 0, "query": query, "track_total_hits": false, "aggs": {"ranges": {"filters": {"filters": filters}}},
        });
        let answer = self.points.search_index(IndexKind::of_entity(entity), body, deadline)?;
        let buckets = answer["aggregations"]["ranges"]["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(buckets.iter().map(|bucket| bucket["doc_count"].as_u64().unwrap_or_default()).collect())
    }

    fn collect_links(
        &self,
        entity: EntityKind,
        plan: &Plan,
        one: &str,
        other: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<(i64, i64)>, IndexError> {
        let mut links = Vec::new();
        let Some(query) = self.write_query(entity, plan, false) else { return Ok(links) };
        let one = rename_field(&relation_field(entity, one));
        match other {
            None => {
                let request = HitRequest { entity, query, field: Some(&one) };
                self.for_each_hit(&request, deadline, |id, values| {
                    links.extend(values[0].as_i64().map(|related| (related, id)));
                })?;
            }
            Some(other) => {
                let fields = [one, rename_field(&relation_field(entity, other))];
                self.for_each_bucket(entity, &query, &fields, deadline, |values, count| {
                    let link = values[0].as_i64().zip(values[1].as_i64());
                    links.extend((0..count).filter_map(|_| link));
                })?;
            }
        }
        Ok(links)
    }

    fn fetch_rows(
        &self,
        entity: EntityKind,
        ids: &[i64],
        deadline: Deadline,
    ) -> Result<HashMap<i64, EntityRow>, IndexError> {
        let mut rows = HashMap::new();
        for ids in ids.chunks(PAGE_SIZE) {
            let query =
                self.build_query_writer(entity).write_search(&Plan::Ids(collect_set(ids.iter().copied())), false, true);
            let body = json!({"size": ids.len(), "query": query, "_source": [SOURCE], "track_total_hits": false});
            let answer = self.points.search_index(IndexKind::of_entity(entity), body, deadline)?;
            for hit in list_hits(&answer) {
                let id = read_id(hit)?;
                let row = EntityRow::from_json(entity, id, &hit["_source"][SOURCE]);
                rows.insert(id, row.ok_or_else(|| IndexError::Row(format!("{entity} {id}: unknown attributes")))?);
            }
        }
        Ok(rows)
    }

    fn list_directories(&self, request: &DirectoryRequest<'_>, deadline: Deadline) -> Result<Vec<String>, IndexError> {
        self.find_directories(request, deadline)
    }
}

pub(super) fn list_hits(answer: &Value) -> &[Value] {
    answer["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn read_id(hit: &Value) -> Result<i64, IndexError> {
    let id = hit["_id"].as_str().and_then(parse_document_id);
    id.ok_or_else(|| IndexError::Row(format!("a document has the id {}", hit["_id"])))
}

fn read_hit(request: &SearchRequest<'_>, score_at: Option<usize>, hit: &Value) -> Result<Hit, IndexError> {
    let sorted_by = read_values(request.entity, request.order, &hit["sort"])?;
    let score = match score_at.and_then(|at| sorted_by.get(at)) {
        #[expect(clippy::cast_possible_truncation, reason = "it was an f32")]
        Some(SortValue::Number(score)) => Some(*score as f32),
        _ => None,
    };
    Ok(Hit { id: read_id(hit)?, score, sorted_by })
}
