//! Types of JSON values, as the messages of icat.lucene name them.

use serde_json::Value;

pub fn name_json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(true) => "TRUE",
        Value::Bool(false) => "FALSE",
        Value::Number(_) => "NUMBER",
        Value::String(_) => "STRING",
        Value::Array(_) => "ARRAY",
        Value::Object(_) => "OBJECT",
    }
}
