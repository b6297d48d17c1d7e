//! What generators of clients need of a document, so that nobody has to guess: whether an operation asks for credentials, a
//! tag that makes a good name of a module, one shape per answer, named shapes in lists, bytes that are bytes, and types of
//! times and numbers.

use serde_json::{Value, json};

use super::{array_items, list_operations};

/// Media types of text; what other types hold is JSON or bytes.
const TEXTS: [&str; 2] = ["text/", "application/jsonl"];
/// Parameters that are whole numbers in every service.
const NUMBERS: [&str; 4] = ["skip", "limit", "investigationId", "datasetId"];

/// Panics with the first thing that would make a generated client wrong or hard to use.
pub fn check_for_clients(document: &Value) {
    assert!(array_items(&document["servers"]).any(|server| server["url"].is_string()), "the document has no server");
    for (method, path, operation) in &list_operations(document) {
        let operation_name = format!("{method} {path}");
        assert!(operation["security"].is_array(), "{operation_name} does not say whether it needs credentials");
        // Generated clients take it for an operation that needs credentials.
        let is_open =
            operation["security"].as_array().is_some_and(|schemes| schemes.len() == 1 && schemes[0] == json!({}));
        assert!(!is_open, "{operation_name} needs no credentials, so its security is `security()`");
        check_tags(document, &operation_name, operation);
        let bodies = [("the body", &operation["requestBody"]["content"])];
        let answers = operation["responses"].as_object().into_iter().flatten();
        let answers = answers.map(|(status, answer)| (status.as_str(), &answer["content"]));
        for (place, content) in bodies.into_iter().chain(answers) {
            check_content(document, &format!("{operation_name}: {place}"), content);
        }
        for parameter in array_items(&operation["parameters"]) {
            let name = parameter["name"].as_str().unwrap_or_default();
            let place = format!("{operation_name}: {name}");
            if NUMBERS.contains(&name) {
                assert!(has_type(&parameter["schema"], "integer"), "{place} is no integer");
            }
            check_time(&place, name, &parameter["schema"]);
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        assert!(name.chars().all(char::is_alphanumeric) && name != "Vec", "{name} is no name of a schema");
        check_schema(name, schema);
    }
}

/// One tag, a word that the document explains: generators make modules of tags.
fn check_tags(document: &Value, operation_name: &str, operation: &Value) {
    let tags: Vec<&str> = array_items(&operation["tags"]).filter_map(Value::as_str).collect();
    let [tag] = tags[..] else { panic!("{operation_name} has the tags {tags:?}, not one") };
    let is_explained =
        array_items(&document["tags"]).any(|known| known["name"] == tag && known["description"].is_string());
    assert!(is_explained, "{operation_name}: the document does not explain the tag {tag}");
    assert!(tag.chars().all(|c| c.is_ascii_lowercase()), "{operation_name}: the tag {tag} is no word");
}

/// All media types of an answer hold the same shape.
fn check_content(document: &Value, place: &str, content: &Value) {
    let media: Vec<_> = content.as_object().into_iter().flatten().collect();
    for pair in media.windows(2) {
        let same = pair[0].1["schema"] == pair[1].1["schema"];
        assert!(same, "{place} is one thing as {} and another as {}: a client has to guess", pair[0].0, pair[1].0);
    }
    for (media_type, content) in media {
        let schema = resolve_reference(document, &content["schema"]);
        check_schema(place, &content["schema"]);
        let is_text = TEXTS.iter().any(|text| media_type.starts_with(text));
        let is_structured = media_type.contains("json") || media_type.contains("form");
        if is_text {
            assert!(has_type(schema, "string"), "{place}: {media_type} is no text");
        } else if !is_structured {
            assert_eq!(schema["format"], "binary", "{place}: {media_type} is not bytes");
        }
    }
}

/// Objects stand among the components under a name; times have a format.
fn check_schema(place: &str, schema: &Value) {
    check_items(place, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        assert!(!property["properties"].is_object(), "{place} is an object without a name");
        check_items(&place, property);
        check_time(&place, name, property);
    }
}

fn check_items(place: &str, schema: &Value) {
    assert!(!schema["items"]["properties"].is_object(), "{place}: the objects of the list have no name");
    if schema["items"].is_object() && schema["items"]["items"].is_object() {
        check_items(place, &schema["items"]);
    }
}

fn check_time(place: &str, name: &str, schema: &Value) {
    let is_time = ["Date", "Time", "At"].iter().any(|end| name.ends_with(end)) || name == "date";
    if is_time && !has_type(schema, "integer") {
        let format = &schema["format"];
        assert!(format == "date-time" || format == "date", "{place} is a time without a format");
    }
}

/// A nullable schema has a list of types.
fn has_type(schema: &Value, wanted: &str) -> bool {
    schema["type"] == wanted || array_items(&schema["type"]).any(|known| known == wanted)
}

fn resolve_reference<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document with one operation in which something was replaced.
    fn changed_document(pointer: &str, value: Value) -> Value {
        let mut document = json!({
            "servers": [{"url": "/"}],
            "tags": [{"name": "things", "description": "Things"}],
            "paths": {"/things": {"get": {
                "tags": ["things"], "security": [],
                "parameters": [{"name": "limit", "schema": {"type": "integer"}},
                               {"name": "startTime", "schema": {"type": "string", "format": "date-time"}}],
                "responses": {"200": {"content": {
                    "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}}},
            }}},
            "components": {"schemas": {"Thing": {"type": "object", "properties": {
                "createdAt": {"type": ["string", "null"], "format": "date-time"}}}}},
        });
        if !pointer.is_empty() {
            *document.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        }
        document
    }

    #[test]
    fn a_good_document_passes_and_each_fault_is_found() {
        check_for_clients(&changed_document("", Value::Null));
        let get = "/paths/~1things/get";
        let content = format!("{get}/responses/200/content");
        let object = json!({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}});
        let two =
            json!({"application/json": {"schema": {"type": "array"}}, "text/csv": {"schema": {"type": "string"}}});
        let numbers = json!({"application/octet-stream": {"schema": {"type": "array", "items": {"type": "integer"}}}});
        for (pointer, value) in [
            ("/servers".to_owned(), json!([])),
            (format!("{get}/security"), Value::Null),
            (format!("{get}/security"), json!([{}])),
            (format!("{get}/tags"), json!(["things::list"])),
            ("/tags".to_owned(), json!([])),
            (content.clone(), two),
            (content.clone(), numbers),
            (format!("{content}/application~1json/schema"), object),
            (format!("{get}/parameters/0/schema/type"), json!("string")),
            (format!("{get}/parameters/1/schema/format"), Value::Null),
            ("/components/schemas/Thing/properties/createdAt/format".to_owned(), Value::Null),
        ] {
            let faulty = changed_document(&pointer, value);
            assert!(std::panic::catch_unwind(|| check_for_clients(&faulty)).is_err(), "{pointer} was not found");
        }
    }
}
