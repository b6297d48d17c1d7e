//! Reading `libs/icat-client/schema/icat-6.2.json`.

use serde_json::Value;

pub fn list_items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

pub fn text_member<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is a string in {value}"))
}

/// The column of a field or a relation.
pub fn column_name(member: &Value) -> String {
    text_member(member, "column").to_lowercase()
}

pub fn is_nullable(value: &Value) -> bool {
    value["nullable"].as_bool().unwrap_or(true)
}

/// The members of an entity's one unique key, in the order of its columns.
pub fn list_key<'v>(entity: &'v Value, which: &str) -> Vec<&'v str> {
    list_items(entity, which)
        .take(1)
        .flat_map(|key| key.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect()
}
