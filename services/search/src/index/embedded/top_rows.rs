//! The first rows of a result in the order that was asked for.

use std::cmp::Ordering;

use tantivy::columnar::{Column, StrColumn, TermOrdHit};
use tantivy::index::SegmentReader;
use tantivy::{DocId, Score};

use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::plan::{Order, SortKey, SortValue, TermKind};
use crate::index::error::IndexError;
use crate::index::fields::{id_field, relation_field, term_field, value_field};
use crate::index::row_order::{compare_one, compare_values};

/// Where the values of a sort key are, in one segment.
enum SortColumn {
    Score,
    Integers(Column<i64>),
    Numbers(Column<f64>),
    Texts(StrColumn),
    /// No row of the segment has one.
    None,
}

/// A value within a segment, where texts are numbered in their order.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum SegmentValue {
    Missing,
    Integer(i64),
    Number(f64),
    /// Twice the number of the text plus 1; even numbers are texts between two of the segment.
    Text(u64),
}

/// Collects the first rows of a segment.
pub struct TopRowsCollector<'o> {
    order: &'o [Order],
    values: Vec<SortColumn>,
    after: Option<Vec<SegmentValue>>,
    limit: usize,
    /// Unsorted; cut to `limit` whenever it has grown to twice that.
    rows: Vec<(Vec<SegmentValue>, DocId)>,
    /// The last row that still counts, once `limit` rows were found.
    last_kept: Option<Vec<SegmentValue>>,
    /// The first values of a block of rows.
    first_values: Vec<Option<i64>>,
}

impl<'o> TopRowsCollector<'o> {
    pub fn new(
        segment: &SegmentReader,
        entity: EntityKind,
        order: &'o [Order],
        after: Option<&[SortValue]>,
        limit: usize,
    ) -> Result<Self, IndexError> {
        let values =
            order.iter().map(|order| SortColumn::open(segment, entity, order.key)).collect::<Result<Vec<_>, _>>()?;
        let after = after.map(|after| {
            after
                .iter()
                .zip(&values)
                .map(|(value, values)| values.to_segment_value(value))
                .collect::<Result<Vec<_>, _>>()
        });
        Ok(Self {
            order,
            values,
            after: after.transpose()?,
            limit,
            rows: Vec::new(),
            last_kept: None,
            first_values: Vec::new(),
        })
    }

    /// Adds a block of rows that have no score.
    ///
    /// Rows were often stored in the order of their times and ids. So that the first ones of a descending order are not found
    /// last, which would replace all rows again and again, a block is read from its end.
    pub fn add_rows(&mut self, rows: &[DocId]) {
        let (Some(SortColumn::Integers(column)), Some(order)) = (self.values.first(), self.order.first().copied())
        else {
            return rows.iter().rev().for_each(|row| self.add_row(*row, 0.0));
        };
        let mut values = std::mem::take(&mut self.first_values);
        values.clear();
        values.resize(rows.len(), None);
        column.first_vals(rows, &mut values);
        for (row, value) in rows.iter().zip(&values).rev() {
            if !self.is_refused_by_first_value(order, *value) {
                self.add_row(*row, 0.0);
            }
        }
        self.first_values = values;
    }

    fn is_refused_by_first_value(&self, order: Order, value: Option<i64>) -> bool {
        let last_kept = match self.last_kept.as_ref().and_then(|values| values.first()) {
            None => return false,
            Some(SegmentValue::Integer(value)) => Some(*value),
            Some(_) => None,
        };
        compare_one(order, &value, &last_kept) == Ordering::Greater
    }

    pub fn add_row(&mut self, row: DocId, score: Score) {
        if self.limit == 0 {
            return;
        }
        // Most rows of a large result are refused by their first value.
        if let (Some(last_kept), Some(values), Some(order)) = (&self.last_kept, self.values.first(), self.order.first())
            && compare_one(*order, &values.get(row, score), &last_kept[0]) == Ordering::Greater
        {
            return;
        }
        let values: Vec<SegmentValue> = self.values.iter().map(|values| values.get(row, score)).collect();
        let is_late = |bound: &Vec<SegmentValue>| compare_values(self.order, &values, bound) != Ordering::Less;
        if self.last_kept.as_ref().is_some_and(is_late) {
            return;
        }
        if self.after.as_ref().is_some_and(|after| compare_values(self.order, &values, after) != Ordering::Greater) {
            return;
        }
        self.rows.push((values, row));
        if self.rows.len() >= self.limit.saturating_mul(2) {
            self.discard_surplus_rows();
        }
    }

    fn discard_surplus_rows(&mut self) {
        let order = self.order;
        if self.rows.len() > self.limit {
            self.rows.select_nth_unstable_by(self.limit - 1, |(a, _), (b, _)| compare_values(order, a, b));
            self.rows.truncate(self.limit);
            self.last_kept = self.rows.last().map(|(values, _)| values.clone());
        }
    }

    /// The rows with their values, unsorted.
    pub fn finish(mut self) -> Result<Vec<(Vec<SortValue>, DocId)>, IndexError> {
        self.discard_surplus_rows();
        let resolve = |values: Vec<SegmentValue>| {
            values
                .into_iter()
                .zip(&self.values)
                .map(|(value, values)| values.to_sort_value(value))
                .collect::<Result<_, _>>()
        };
        self.rows.into_iter().map(|(values, row)| Ok((resolve(values)?, row))).collect()
    }
}

impl SortColumn {
    fn open(segment: &SegmentReader, entity: EntityKind, key: SortKey) -> Result<Self, IndexError> {
        let fields = segment.fast_fields();
        let integers =
            |name: &str| Ok::<_, IndexError>(fields.column_opt::<i64>(name)?.map_or(Self::None, Self::Integers));
        match key {
            SortKey::Score => Ok(Self::Score),
            SortKey::Id => integers(&id_field(entity)),
            SortKey::Relation(relation) => integers(&relation_field(entity, relation)),
            SortKey::Attribute(name) => match entity.find_attribute(name).map(|attribute| attribute.kind) {
                Some(ValueKind::Integer) => integers(&value_field(entity, name)),
                Some(ValueKind::Number) => {
                    Ok(fields.column_opt::<f64>(&value_field(entity, name))?.map_or(Self::None, Self::Numbers))
                }
                _ => Ok(fields.str(&term_field(entity, name, TermKind::Whole))?.map_or(Self::None, Self::Texts)),
            },
        }
    }

    fn get(&self, row: DocId, score: Score) -> SegmentValue {
        match self {
            Self::Score => SegmentValue::Number(f64::from(score)),
            Self::Integers(column) => column.first(row).map_or(SegmentValue::Missing, SegmentValue::Integer),
            Self::Numbers(column) => column.first(row).map_or(SegmentValue::Missing, SegmentValue::Number),
            Self::Texts(column) => {
                column.ords().first(row).map_or(SegmentValue::Missing, |n| SegmentValue::Text(2 * n + 1))
            }
            Self::None => SegmentValue::Missing,
        }
    }

    fn to_segment_value(&self, value: &SortValue) -> Result<SegmentValue, IndexError> {
        Ok(match value {
            SortValue::Missing => SegmentValue::Missing,
            SortValue::Integer(integer) => SegmentValue::Integer(*integer),
            SortValue::Number(number) => SegmentValue::Number(*number),
            SortValue::Text(text) => {
                let Self::Texts(column) = self else { return Ok(SegmentValue::Text(0)) };
                match column.dictionary().term_ord_or_next(text)? {
                    TermOrdHit::Exact(number) => SegmentValue::Text(2 * number + 1),
                    TermOrdHit::Next(number) => SegmentValue::Text(number.saturating_mul(2)),
                }
            }
        })
    }

    fn to_sort_value(&self, value: SegmentValue) -> Result<SortValue, IndexError> {
        Ok(match (value, self) {
            (SegmentValue::Integer(integer), _) => SortValue::Integer(integer),
            (SegmentValue::Number(number), _) => SortValue::Number(number),
            (SegmentValue::Text(number), Self::Texts(column)) => {
                let mut text = String::new();
                column.ord_to_str(number / 2, &mut text)?;
                SortValue::Text(text)
            }
            (SegmentValue::Missing | SegmentValue::Text(_), _) => SortValue::Missing,
        })
    }
}
