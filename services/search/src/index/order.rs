//! The first rows of a result in the order that was asked for.

use std::cmp::Ordering;

use tantivy::columnar::{Column, StrColumn, TermOrdHit};
use tantivy::index::SegmentReader;
use tantivy::{DocId, Score};

use super::error::IndexError;
use super::schema::{id_field, relation_field, term_field, value_field};
use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::plan::{Order, SortKey, SortValue, TermKind};

/// Where the values of a sort key are, in one segment.
enum Values {
    Score,
    Integers(Column<i64>),
    Numbers(Column<f64>),
    Texts(StrColumn),
    /// No row of the segment has one.
    None,
}

/// A value within a segment, where texts are numbered in their order.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum LocalValue {
    Missing,
    Integer(i64),
    Number(f64),
    /// Twice the number of the text plus 1; even numbers are texts between two of the segment.
    Text(u64),
}

/// Collects the first rows of a segment.
pub struct SegmentTop<'o> {
    order: &'o [Order],
    values: Vec<Values>,
    after: Option<Vec<LocalValue>>,
    limit: usize,
    /// Unsorted; cut to `limit` whenever it has grown to twice that.
    rows: Vec<(Vec<LocalValue>, DocId)>,
    /// The last row that still counts, once `limit` rows were found.
    worst: Option<Vec<LocalValue>>,
}

impl<'o> SegmentTop<'o> {
    pub fn new(
        segment: &SegmentReader,
        entity: EntityKind,
        order: &'o [Order],
        after: Option<&[SortValue]>,
        limit: usize,
    ) -> Result<Self, IndexError> {
        let values =
            order.iter().map(|order| Values::open(segment, entity, order.key)).collect::<Result<Vec<_>, _>>()?;
        let after = after.map(|after| {
            after.iter().zip(&values).map(|(value, values)| values.to_local(value)).collect::<Result<Vec<_>, _>>()
        });
        Ok(Self { order, values, after: after.transpose()?, limit, rows: Vec::new(), worst: None })
    }

    pub fn add_row(&mut self, row: DocId, score: Score) {
        if self.limit == 0 {
            return;
        }
        // Most rows of a large result are refused by their first value.
        if let (Some(worst), Some(values), Some(order)) = (&self.worst, self.values.first(), self.order.first())
            && compare_one(*order, &values.get(row, score), &worst[0]) == Ordering::Greater
        {
            return;
        }
        let values: Vec<LocalValue> = self.values.iter().map(|values| values.get(row, score)).collect();
        let is_late = |bound: &Vec<LocalValue>| compare_values(self.order, &values, bound) != Ordering::Less;
        if self.worst.as_ref().is_some_and(is_late) {
            return;
        }
        if self.after.as_ref().is_some_and(|after| compare_values(self.order, &values, after) != Ordering::Greater) {
            return;
        }
        self.rows.push((values, row));
        if self.rows.len() >= self.limit.saturating_mul(2) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let order = self.order;
        if self.rows.len() > self.limit {
            self.rows.select_nth_unstable_by(self.limit - 1, |(a, _), (b, _)| compare_values(order, a, b));
            self.rows.truncate(self.limit);
            self.worst = self.rows.last().map(|(values, _)| values.clone());
        }
    }

    /// The rows with their values, unsorted.
    pub fn finish(mut self) -> Result<Vec<(Vec<SortValue>, DocId)>, IndexError> {
        self.shrink();
        let resolve = |values: Vec<LocalValue>| {
            values
                .into_iter()
                .zip(&self.values)
                .map(|(value, values)| values.to_global(value))
                .collect::<Result<_, _>>()
        };
        self.rows.into_iter().map(|(values, row)| Ok((resolve(values)?, row))).collect()
    }
}

impl Values {
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

    fn get(&self, row: DocId, score: Score) -> LocalValue {
        match self {
            Self::Score => LocalValue::Number(f64::from(score)),
            Self::Integers(column) => column.first(row).map_or(LocalValue::Missing, LocalValue::Integer),
            Self::Numbers(column) => column.first(row).map_or(LocalValue::Missing, LocalValue::Number),
            Self::Texts(column) => {
                column.ords().first(row).map_or(LocalValue::Missing, |n| LocalValue::Text(2 * n + 1))
            }
            Self::None => LocalValue::Missing,
        }
    }

    fn to_local(&self, value: &SortValue) -> Result<LocalValue, IndexError> {
        Ok(match value {
            SortValue::Missing => LocalValue::Missing,
            SortValue::Integer(integer) => LocalValue::Integer(*integer),
            SortValue::Number(number) => LocalValue::Number(*number),
            SortValue::Text(text) => {
                let Self::Texts(column) = self else { return Ok(LocalValue::Text(0)) };
                match column.dictionary().term_ord_or_next(text)? {
                    TermOrdHit::Exact(number) => LocalValue::Text(2 * number + 1),
                    TermOrdHit::Next(number) => LocalValue::Text(number.saturating_mul(2)),
                }
            }
        })
    }

    fn to_global(&self, value: LocalValue) -> Result<SortValue, IndexError> {
        Ok(match (value, self) {
            (LocalValue::Integer(integer), _) => SortValue::Integer(integer),
            (LocalValue::Number(number), _) => SortValue::Number(number),
            (LocalValue::Text(number), Self::Texts(column)) => {
                let mut text = String::new();
                column.ord_to_str(number / 2, &mut text)?;
                SortValue::Text(text)
            }
            (LocalValue::Missing | LocalValue::Text(_), _) => SortValue::Missing,
        })
    }
}

fn compare_one<T: PartialOrd>(order: Order, a: &T, b: &T) -> Ordering {
    let ordering = a.partial_cmp(b).unwrap_or(Ordering::Equal);
    if order.descending { ordering.reverse() } else { ordering }
}

/// Compares the values of two rows.
pub fn compare_values<T: PartialOrd>(order: &[Order], a: &[T], b: &[T]) -> Ordering {
    order
        .iter()
        .zip(a.iter().zip(b))
        .map(|(order, (a, b))| compare_one(*order, a, b))
        .fold(Ordering::Equal, Ordering::then)
}
