//! What bodies are, by the names of `operations.csv`: enough to tell one from another and from a failure.

use serde_json::Value;

/// Of every entry in an answer.
const EVENT: [&str; 12] = [
    "_id",
    "investigationId",
    "instrumentName",
    "type",
    "category",
    "tag",
    "content",
    "creationDate",
    "file",
    "username",
    "previousVersionEvent",
    "removed",
];
const TYPES: [&str; 4] = ["annotation", "notification", "broadcast", "attachment"];

/// Whether the body of a success is what it should be.
pub fn is_of_class(class: &str, media_type: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    match class {
        "redirect" => bytes.is_empty(),
        "bytes" => media_type == "image/png" && bytes.starts_with(b"\x89PNG"),
        "records" => {
            let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
            let head = lines.next().unwrap_or_default();
            media_type == "application/jsonl"
                && head["book"].is_string()
                && usize::try_from(head["records"].as_u64().unwrap_or_default()).ok() == Some(lines.count())
        }
        _ => {
            media_type == "application/json" && serde_json::from_slice(bytes).is_ok_and(|value| is_json(class, &value))
        }
    }
}

fn is_json(class: &str, value: &Value) -> bool {
    if let Some(class) = class.strip_suffix("[]") {
        return value.as_array().is_some_and(|items| items.iter().all(|item| is_json(class, item)));
    }
    match class {
        "Event" => {
            has_keys(value, &EVENT)
                && value["_id"].as_str().is_some_and(is_id)
                && value["type"].as_str().is_some_and(|kind| TYPES.contains(&kind))
                && value["file"].is_array()
        }
        "number" => value.is_u64(),
        "day" => value.as_str().is_some_and(|day| day.len() == 10 && day.starts_with("20")),
        "Meta" => {
            has_only_keys(value, &["page"])
                && has_only_keys(&value["page"], &["total", "totalPages", "currentPage"])
                && value["page"].as_object().is_some_and(|page| page.values().all(Value::is_u64))
        }
        "Moved" => has_only_keys(value, &["n", "nModified", "ok"]) && value["ok"] == 1,
        "Tag" => has_only_keys(value, &["_id", "name", "description", "color", "beamlineName", "investigationId"]),
        "DayCount" => has_only_keys(value, &["_id", "count"]),
        "InvestigationCount" => {
            has_keys(value, &["investigationId", "count", "annotations", "notifications"])
                && value["investigationId"].is_string()
        }
        "Filled" => has_only_keys(value, &["count", "missing", "updated"]),
        "Message" => has_only_keys(value, &["_id", "type", "message"]),
        "Preferences" => value["username"].is_string() && value.get("type").is_none(),
        other => panic!("no class {other}"),
    }
}

/// A plain sentence, as every failure is.
pub fn is_sentence(media_type: &str, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    media_type.starts_with("text/plain") && !text.is_empty() && !text.starts_with(['[', '{', '<', '"'])
}

fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn has_keys(value: &Value, keys: &[&str]) -> bool {
    value.as_object().is_some_and(|object| keys.iter().all(|key| object.contains_key(*key)))
}

fn has_only_keys(value: &Value, keys: &[&str]) -> bool {
    has_keys(value, keys) && value.as_object().is_some_and(|object| object.len() == keys.len())
}
