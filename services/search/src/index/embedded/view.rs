//! The index as it was at one moment: searches, joins and counts.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use roaring::RoaringTreemap;
use serde_json::Value;
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Query as _};
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{DocSet as _, Searcher, TERMINATED, TantivyDocument, Term};

use super::matches::Matches;
use super::query::QueryBuilder;
use super::schema::PartitionFields;
use super::term_counts::TermCounts;
use super::top_rows::TopRowsCollector;
use crate::domain::deadline::Deadline;
use crate::domain::document::EntityRow;
use crate::domain::entity::{EntityKind, Partition};
use crate::domain::paths::PathRules;
use crate::domain::plan::{Hit, Ids, Plan, SortKey, SortValue, TermKind};
use crate::index::error::IndexError;
use crate::index::fields::{id_field, relation_field, term_field, value_field};
use crate::index::index_view::{CountedRanges, DirectoryRequest, HitPage, IndexView, SearchRequest};
use crate::index::row_order::compare_values;

/// Rows that are read from the store between two checks of the deadline.
const ROWS_BETWEEN_READS: usize = 256;

/// All partitions at one moment.
pub struct EmbeddedView {
    pub(super) rules: Arc<PathRules>,
    pub(super) searchers: BTreeMap<Partition, (Arc<PartitionFields>, Searcher)>,
}

impl IndexView for EmbeddedView {
    fn search_rows(&self, request: &SearchRequest<'_>, deadline: Deadline) -> Result<HitPage, IndexError> {
        let scored = request.order.iter().any(|order| order.key == SortKey::Score);
        let (mut rows, mut total) = (Vec::new(), 0);
        self.for_each_segment(request.entity, request.plan, scored, false, deadline, |segment, matches| {
            let mut top = TopRowsCollector::new(segment, request.entity, request.order, request.after, request.limit)?;
            if scored {
                matches.for_each_scored(|row, score| {
                    total += 1;
                    top.add_row(row, score);
                })?;
            } else {
                matches.for_each_block(|rows| {
                    total += rows.len() as u64;
                    top.add_rows(rows);
                })?;
            }
            let ids = segment.fast_fields().column_opt::<i64>(&id_field(request.entity))?;
            for (values, row) in top.finish()? {
                let id = ids.as_ref().and_then(|ids| ids.first(row)).unwrap_or_default();
                rows.push((values, id));
            }
            Ok(())
        })?;
        rows.sort_unstable_by(|(a, _), (b, _)| compare_values(request.order, a, b));
        rows.truncate(request.limit);
        let score_at = request.order.iter().position(|order| order.key == SortKey::Score);
        let hits =
            rows.into_iter().map(|(sorted_by, id)| Hit { id, score: find_score(score_at, &sorted_by), sorted_by });
        Ok(HitPage { hits: hits.collect(), total })
    }

    fn may_match(&self, entity: EntityKind, plan: &Plan) -> Result<bool, IndexError> {
        self.has_terms(entity, plan)
    }

    fn collect_ids(
        &self,
        entity: EntityKind,
        plan: &Plan,
        relation: Option<&str>,
        deadline: Deadline,
    ) -> Result<Ids, IndexError> {
        let column = relation.map_or_else(|| id_field(entity), |relation| relation_field(entity, relation));
        let mut ids = RoaringTreemap::new();
        self.for_each_segment(entity, plan, false, true, deadline, |segment, matches| {
            let Some(values) = segment.fast_fields().column_opt::<i64>(&column)? else { return Ok(()) };
            matches.for_each_value(&values, |id| {
                ids.insert(id.cast_unsigned());
            })
        })?;
        Ok(Arc::new(ids))
    }

    fn count_terms(
        &self,
        entity: EntityKind,
        plan: &Plan,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<HashMap<String, u64>, IndexError> {
        let name = term_field(entity, attribute, TermKind::Whole);
        let mut counts: HashMap<String, u64> = HashMap::new();
        self.for_each_segment(entity, plan, false, false, deadline, |segment, matches| {
            let Some(column) = segment.fast_fields().str(&name)? else { return Ok(()) };
            let mut by_number = TermCounts::new(column.num_terms());
            matches.for_each_block(|rows| {
                for row in rows {
                    column.term_ords(*row).for_each(|number| by_number.count_term(number));
                }
            })?;
            for (number, count) in by_number.into_counts() {
                let mut text = String::new();
                column.ord_to_str(number, &mut text)?;
                *counts.entry(text).or_default() += count;
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn list_terms(
        &self,
        entity: EntityKind,
        attribute: &str,
        deadline: Deadline,
    ) -> Result<BTreeSet<String>, IndexError> {
        let name = term_field(entity, attribute, TermKind::Whole);
        let mut terms = BTreeSet::new();
        self.for_each_segment(entity, &Plan::All, false, true, deadline, |segment, matches| {
            let Some(column) = segment.fast_fields().str(&name)? else { return Ok(()) };
            let mut numbers = BTreeSet::new();
            matches.for_each_block(|rows| numbers.extend(rows.iter().flat_map(|row| column.term_ords(*row))))?;
            for number in numbers {
                let mut text = String::new();
                column.ord_to_str(number, &mut text)?;
                terms.insert(text);
            }
            Ok(())
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
        let name = relation_field(entity, relation);
        let mut counts = HashMap::new();
        self.for_each_segment(entity, plan, false, false, deadline, |segment, matches| {
            let Some(column) = segment.fast_fields().column_opt::<i64>(&name)? else { return Ok(()) };
            matches.for_each_value(&column, |id| *counts.entry(id).or_default() += 1)
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
        let name = value_field(entity, attribute);
        match ranges {
            CountedRanges::Integers(ranges) => self.count_values(entity, plan, deadline, ranges, |segment| {
                Ok(segment.fast_fields().column_opt::<i64>(&name)?)
            }),
            CountedRanges::Numbers(ranges) => self.count_values(entity, plan, deadline, ranges, |segment| {
                Ok(segment.fast_fields().column_opt::<f64>(&name)?)
            }),
        }
    }

    fn collect_links(
        &self,
        entity: EntityKind,
        plan: &Plan,
        one: &str,
        other: Option<&str>,
        deadline: Deadline,
    ) -> Result<Vec<(i64, i64)>, IndexError> {
        let (one, other) = (relation_field(entity, one), other.map(|other| relation_field(entity, other)));
        let other = other.unwrap_or_else(|| id_field(entity));
        let mut links = Vec::new();
        self.for_each_segment(entity, plan, false, false, deadline, |segment, matches| {
            let fields = segment.fast_fields();
            let (one, other) = (fields.column_opt::<i64>(&one)?, fields.column_opt::<i64>(&other)?);
            let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
            matches.for_each_block(|rows| {
                links.extend(rows.iter().filter_map(|row| one.first(*row).zip(other.first(*row))));
            })
        })?;
        Ok(links)
    }

    fn fetch_rows(
        &self,
        entity: EntityKind,
        ids: &[i64],
        deadline: Deadline,
    ) -> Result<HashMap<i64, EntityRow>, IndexError> {
        let mut rows = HashMap::new();
        let Some((fields, searcher)) = self.searchers.get(&entity.partition()) else { return Ok(rows) };
        let Some(field) = fields.find(&id_field(entity)) else { return Ok(rows) };
        let indices = searcher.segment_readers().iter().map(|segment| segment.inverted_index(field));
        let indices = indices.collect::<Result<Vec<_>, _>>()?;
        for (number, id) in ids.iter().copied().enumerate() {
            if number % ROWS_BETWEEN_READS == 0 {
                deadline.check()?;
            }
            let term = Term::from_field_i64(field, id);
            for (number, (segment, index)) in (0..).zip(searcher.segment_readers().iter().zip(&indices)) {
                let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else { continue };
                let mut row = postings.doc();
                while row != TERMINATED && segment.is_deleted(row) {
                    row = postings.advance();
                }
                if row != TERMINATED {
                    let document: TantivyDocument = searcher.doc(tantivy::DocAddress::new(number, row))?;
                    rows.insert(id, read_row(fields, entity, id, &document)?);
                    break;
                }
            }
        }
        Ok(rows)
    }

    fn list_directories(&self, request: &DirectoryRequest<'_>, deadline: Deadline) -> Result<Vec<String>, IndexError> {
        self.list_child_directories(request, deadline)
    }
}

impl EmbeddedView {
    fn count_values<T: PartialOrd + Copy + fmt::Debug + Send + Sync + 'static>(
        &self,
        entity: EntityKind,
        plan: &Plan,
        deadline: Deadline,
        ranges: &[(T, T)],
        open: impl Fn(&SegmentReader) -> Result<Option<Column<T>>, IndexError>,
    ) -> Result<Vec<u64>, IndexError> {
        let mut counts = vec![0; ranges.len()];
        self.for_each_segment(entity, plan, false, false, deadline, |segment, matches| {
            let Some(column) = open(segment)? else { return Ok(()) };
            matches.for_each_value(&column, |value| {
                for ((from, to), count) in ranges.iter().zip(&mut counts) {
                    if *from <= value && value < *to {
                        *count += 1;
                    }
                }
            })
        })?;
        Ok(counts)
    }

    fn for_each_segment(
        &self,
        entity: EntityKind,
        plan: &Plan,
        scored: bool,
        with_stubs: bool,
        deadline: Deadline,
        mut handle: impl FnMut(&SegmentReader, Matches<'_>) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        if matches!(plan, Plan::Nothing) {
            return Ok(());
        }
        let Some((fields, searcher)) = self.searchers.get(&entity.partition()) else { return Ok(()) };
        let query = QueryBuilder { fields, entity, rules: &self.rules, deadline, error: RefCell::new(None) };
        let query = query.build_search(plan, with_stubs)?;
        let scoring = if scored {
            EnableScoring::enabled_from_searcher(searcher)
        } else {
            EnableScoring::disabled_from_searcher(searcher)
        };
        let mut run = || {
            let weight = query.weight(scoring)?;
            for segment in searcher.segment_readers() {
                deadline.check()?;
                let scorer = weight.scorer(segment, 1.0)?;
                handle(segment, Matches { scorer, segment, deadline })?;
            }
            Ok(())
        };
        let result: Result<(), IndexError> = run();
        // The engine reports a passed deadline as an error of its own.
        if let Err(IndexError::Engine(_)) = &result {
            deadline.check()?;
        }
        result
    }
}

fn find_score(position: Option<usize>, sorted_by: &[SortValue]) -> Option<f32> {
    match sorted_by.get(position?)? {
        #[expect(clippy::cast_possible_truncation, reason = "it was an f32")]
        SortValue::Number(score) => Some(*score as f32),
        _ => None,
    }
}

fn read_row(
    fields: &PartitionFields,
    entity: EntityKind,
    id: i64,
    document: &TantivyDocument,
) -> Result<EntityRow, IndexError> {
    let bytes = document.get_first(fields.source).and_then(|value| value.as_bytes().map(<[u8]>::to_vec));
    let json: Value = serde_json::from_slice(&bytes.unwrap_or_default())
        .map_err(|e| IndexError::Row(format!("{entity} {id}: {e}")))?;
    EntityRow::from_json(entity, id, &json).ok_or_else(|| IndexError::Row(format!("{entity} {id}: unknown attributes")))
}
