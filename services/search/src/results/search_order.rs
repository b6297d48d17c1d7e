//! The parameters `sort` and `search_after`, and the values that a client sends back for the next page.

use serde_json::{Map, Value, json};

use crate::domain::entity::{EntityKind, ValueKind};
use crate::domain::field::{FieldValue, find_field};
use crate::domain::plan::{Order, SortKey, SortValue};
use crate::error::Error;

const BY_ID: Order = Order { key: SortKey::Id, descending: false };

/// The order of a search: that of `sort`, or the best match first. The id decides between equal rows.
pub fn parse_sort(target: EntityKind, sort: Option<&str>) -> Result<Vec<Order>, Error> {
    let sort = sort.filter(|text| !text.trim().is_empty()).unwrap_or("{}");
    let keys: Map<String, Value> =
        serde_json::from_str(sort).map_err(|e| Error::Query(format!("sort must be a JSON object: {e}")))?;
    let mut order =
        keys.iter().map(|(name, direction)| parse_key(target, name, direction)).collect::<Result<Vec<_>, _>>()?;
    if order.is_empty() {
        order.push(Order { key: SortKey::Score, descending: true });
    }
    order.push(BY_ID);
    Ok(order)
}

fn parse_key(target: EntityKind, name: &str, direction: &Value) -> Result<Order, Error> {
    let descending = match direction.as_str() {
        Some("asc") => false,
        Some("desc") => true,
        _ => {
            let shown = direction.as_str().map_or_else(|| direction.to_string(), str::to_owned);
            return Err(Error::Query(format!("Sort order must be 'asc' or 'desc' but it was '{shown}'")));
        }
    };
    let refused = || Error::Query(format!("{target} cannot be sorted by {name}"));
    let field = find_field(target, name).filter(|field| field.path.is_empty()).ok_or_else(refused)?;
    let key = match field.value {
        FieldValue::Id => SortKey::Id,
        FieldValue::RelatedId(relation) => SortKey::Relation(relation),
        FieldValue::Attribute(attribute) if is_sortable(attribute.kind, attribute.name) => {
            SortKey::Attribute(attribute.name)
        }
        FieldValue::Attribute(_) => return Err(refused()),
    };
    Ok(Order { key, descending })
}

fn is_sortable(kind: ValueKind, name: &str) -> bool {
    match kind {
        ValueKind::Path => false,
        ValueKind::Text => !matches!(name, "description" | "summary" | "title"),
        ValueKind::Term | ValueKind::Integer | ValueKind::Number => true,
    }
}

/// The values of the last row of the previous page. What else the parameter contains does not matter.
pub fn parse_search_after(order: &[Order], text: Option<&str>) -> Result<Option<Vec<SortValue>>, Error> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let after: Value =
        serde_json::from_str(text).map_err(|e| Error::Query(format!("search_after must be a JSON object: {e}")))?;
    let fields = after.get("fields").and_then(Value::as_array);
    let fields = fields.ok_or_else(|| Error::Query("search_after needs an array named fields".to_owned()))?;
    if fields.len() != order.len() {
        let (got, expected) = (fields.len(), order.len());
        return Err(Error::Query(format!(
            "fields should have the same length as sort, but they were {got} and {expected}"
        )));
    }
    order.iter().zip(fields).map(|(order, value)| parse_sort_value(*order, value)).collect::<Result<_, _>>().map(Some)
}

/// The value of a row by which it is sorted.
pub fn parse_sort_value(order: Order, value: &Value) -> Result<SortValue, Error> {
    Ok(match value {
        Value::Null => SortValue::Missing,
        Value::String(text) => SortValue::Text(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if order.key != SortKey::Score => SortValue::Integer(integer),
            _ => SortValue::Number(number.as_f64().unwrap_or_default()),
        },
        _ => return Err(Error::Query("fields of search_after must be texts or numbers".to_owned())),
    })
}

/// What a client sends back to get the rows after this one.
pub fn render_search_after(number: usize, score: Option<f32>, values: &[SortValue]) -> Value {
    let fields: Vec<Value> = values.iter().map(render_sort_value).collect();
    let mut after = json!({"doc": number, "shardIndex": 0});
    if let Some(score) = score {
        after["score"] = json!(score);
    }
    after["fields"] = Value::Array(fields);
    after
}

pub fn render_sort_value(value: &SortValue) -> Value {
    match value {
        SortValue::Missing => Value::Null,
        SortValue::Integer(integer) => json!(integer),
        SortValue::Number(number) => json!(number),
        SortValue::Text(text) => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_decides_between_equal_rows() {
        let order = parse_sort(EntityKind::Datafile, Some(r#"{"fileSize":"desc","name":"asc"}"#)).unwrap();
        let keys: Vec<(SortKey, bool)> = order.iter().map(|order| (order.key, order.descending)).collect();
        let expected =
            [(SortKey::Attribute("fileSize"), true), (SortKey::Attribute("name"), false), (SortKey::Id, false)];
        assert_eq!(keys, expected);
        for sort in [None, Some(""), Some("{}")] {
            assert_eq!(parse_sort(EntityKind::Datafile, sort).unwrap()[0].key, SortKey::Score);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |sort: &str| parse_sort(EntityKind::Datafile, Some(sort)).unwrap_err().to_string();
        assert_eq!(refused(r#"{"name":"up"}"#), "Sort order must be 'asc' or 'desc' but it was 'up'");
        assert_eq!(refused(r#"{"visitId":"asc"}"#), "Datafile cannot be sorted by visitId");
        let order = parse_sort(EntityKind::Datafile, Some(r#"{"date":"asc"}"#)).unwrap();
        let refused = |after: &str| parse_search_after(&order, Some(after)).unwrap_err().to_string();
        assert_eq!(refused(r#"{"doc":1}"#), "search_after needs an array named fields");
        assert_eq!(
            refused(r#"{"doc":1,"shardIndex":0,"fields":[1]}"#),
            "fields should have the same length as sort, but they were 1 and 2"
        );
    }

    #[test]
    fn a_page_goes_on_after_its_last_row() {
        let order = parse_sort(EntityKind::Datafile, None).unwrap();
        let values = vec![SortValue::Number(f64::from(4.3_f32)), SortValue::Integer(401)];
        let rendered = render_search_after(7, Some(4.3), &values).to_string();
        assert_eq!(rendered, r#"{"doc":7,"shardIndex":0,"score":4.300000190734863,"fields":[4.300000190734863,401]}"#);
        assert_eq!(parse_search_after(&order, Some(&rendered)).unwrap(), Some(values));
    }
}
