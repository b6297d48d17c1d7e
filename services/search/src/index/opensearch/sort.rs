//! The order of results, and the values by which rows were sorted.

use serde_json::{Value, json};

use super::names::rename_field;
use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::plan::{Order, SortKey, SortValue, TermKind};
use crate::index::error::IndexError;
use crate::index::fields::{id_field, relation_field, term_field, value_field};

/// What the values of a sort key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SortType {
    Score,
    Integer,
    Number,
    Text,
}

impl SortType {
    fn of_key(entity: EntityKind, key: SortKey) -> Self {
        match key {
            SortKey::Score => Self::Score,
            SortKey::Id | SortKey::Relation(_) => Self::Integer,
            SortKey::Attribute(name) => match entity.find_attribute(name).map(|attribute| attribute.kind) {
                Some(ValueKind::Integer) => Self::Integer,
                Some(ValueKind::Number) => Self::Number,
                _ => Self::Text,
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Integer => "long",
            Self::Number | Self::Score => "double",
            Self::Text => "keyword",
        }
    }
}

/// Rows without a value come first in ascending order.
pub fn write_order(entity: EntityKind, order: &[Order]) -> Value {
    let entries = order.iter().map(|Order { key, descending }| {
        let direction = if *descending { "desc" } else { "asc" };
        let field = match key {
            SortKey::Score => return json!({"_score": {"order": direction}}),
            SortKey::Id => id_field(entity),
            SortKey::Relation(relation) => relation_field(entity, relation),
            SortKey::Attribute(name) => match SortType::of_key(entity, *key) {
                SortType::Text => term_field(entity, name, TermKind::Whole),
                _ => value_field(entity, name),
            },
        };
        let missing = if *descending { "_last" } else { "_first" };
        let unmapped = SortType::of_key(entity, *key).name();
        json!({(rename_field(&field)): {"order": direction, "missing": missing, "unmapped_type": unmapped}})
    });
    entries.collect()
}

/// Values for `search_after`. A missing integer or number is the lowest one, because that is how they are sorted.
pub fn write_position(entity: EntityKind, order: &[Order], values: &[SortValue]) -> Result<Value, IndexError> {
    let write = |(order, value): (&Order, &SortValue)| match (value, SortType::of_key(entity, order.key)) {
        (SortValue::Missing, SortType::Integer) => Ok(i64::MIN.into()),
        (SortValue::Missing, SortType::Number | SortType::Score) => Ok("-Infinity".into()),
        (SortValue::Missing, SortType::Text) => Ok(Value::Null),
        (SortValue::Integer(integer), SortType::Integer | SortType::Number | SortType::Score) => Ok((*integer).into()),
        (SortValue::Number(number), SortType::Number | SortType::Score) => Ok(json!(number)),
        (SortValue::Text(text), SortType::Text) => Ok(text.as_str().into()),
        _ => Err(IndexError::Position),
    };
    order.iter().zip(values).map(write).collect()
}

/// The values of a hit.
pub fn read_values(entity: EntityKind, order: &[Order], values: &Value) -> Result<Vec<SortValue>, IndexError> {
    let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
    if values.len() != order.len() {
        return Err(IndexError::Refused("OpenSearch did not say by which values it sorted".to_owned()));
    }
    let read = |(order, value): (&Order, &Value)| match (value, SortType::of_key(entity, order.key)) {
        (Value::Number(number), SortType::Integer) => match number.as_i64() {
            None | Some(i64::MIN) => SortValue::Missing,
            Some(integer) => SortValue::Integer(integer),
        },
        (Value::Number(number), _) => number.as_f64().map_or(SortValue::Missing, SortValue::Number),
        (Value::String(text), SortType::Text) => SortValue::Text(text.clone()),
        // `-Infinity` and null.
        _ => SortValue::Missing,
    };
    Ok(order.iter().zip(values).map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: [Order; 2] = [
        Order { key: SortKey::Attribute("fileSize"), descending: true },
        Order { key: SortKey::Attribute("name"), descending: false },
    ];

    #[test]
    fn a_missing_value_is_read_and_written_as_the_lowest_one() {
        let missing = [SortValue::Missing, SortValue::Missing];
        let written = write_position(EntityKind::Datafile, &ORDER, &missing).unwrap();
        assert_eq!(written, json!([i64::MIN, null]));
        assert_eq!(read_values(EntityKind::Datafile, &ORDER, &written).unwrap(), missing);
    }

    #[test]
    fn rows_without_a_value_come_first_in_ascending_order() {
        let written = write_order(EntityKind::Datafile, &ORDER);
        assert_eq!(written[0]["Datafile:fileSize"]["missing"], "_last");
        assert_eq!(written[1]["Datafile:name:whole"]["missing"], "_first");
    }
}
