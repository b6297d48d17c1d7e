//! The metadata of an RO-Crate of another notebook: a graph of nodes that refer to each other. Notebooks differ in whether a
//! single value is in a list, and whether a path begins with `./`; these differences are removed here.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use service_kit::Micros;

use crate::domain::dates;
use crate::domain::filter::split_names;

/// The metadata of a crate.
pub struct Crate {
    nodes: HashMap<String, Value>,
    root: String,
}

/// Normalizes a path in the crate or another address: without `./`, a trailing slash or percent-encoding.
pub fn normalize_path(id: &str) -> String {
    let id = percent_decode_str(id).decode_utf8_lossy();
    let id = id.trim_start_matches("./").trim_end_matches('/');
    if id.is_empty() { ".".to_owned() } else { id.to_owned() }
}

/// The values of a property, which may be a single value or a list.
fn list_values(value: &Value) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Value::Array(many) => (None, many.as_slice()),
        Value::Null => (None, [].as_slice()),
        one => (Some(one), [].as_slice()),
    };
    one.into_iter().chain(many)
}

/// A value as text; numbers and booleans are accepted too.
pub fn to_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is_so) => is_so.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

impl Crate {
    /// Parses the metadata; the error says what is wrong with them.
    pub fn parse(metadata: &[u8]) -> Result<Self, String> {
        let document: Value = serde_json::from_slice(metadata).map_err(|e| format!("ro-crate-metadata.json: {e}"))?;
        let graph = document["@graph"].as_array().ok_or("ro-crate-metadata.json has no @graph")?;
        let mut nodes = HashMap::new();
        for node in graph {
            if let Some(id) = node["@id"].as_str() {
                nodes.entry(normalize_path(id)).or_insert_with(|| node.clone());
            }
        }
        let descriptor = nodes.iter().find(|(id, _)| id.ends_with("ro-crate-metadata.json"));
        let about = descriptor.and_then(|(_, node)| node["about"]["@id"].as_str()).map(normalize_path);
        let root = about.filter(|id| nodes.contains_key(id)).unwrap_or_else(|| ".".to_owned());
        if !nodes.contains_key(&root) {
            return Err("ro-crate-metadata.json does not describe its root (./)".to_owned());
        }
        Ok(Self { nodes, root })
    }

    pub fn root(&self) -> &Value {
        &self.nodes[&self.root]
    }

    pub fn node(&self, id: &str) -> Option<&Value> {
        self.nodes.get(id)
    }

    /// The notebook that exported the crate.
    pub fn publisher(&self) -> Option<String> {
        let descriptor = self.nodes.get("ro-crate-metadata.json")?;
        let publisher = &descriptor["sdPublisher"];
        let named = publisher["@id"].as_str().and_then(|id| self.nodes.get(&normalize_path(id))).unwrap_or(publisher);
        to_text(&named["name"]).or_else(|| to_text(publisher))
    }

    /// The time of the crate, for nodes without a time.
    pub fn find_time(&self, zone: &TimeZone) -> Option<Micros> {
        let descriptor = self.nodes.get("ro-crate-metadata.json").unwrap_or(&Value::Null);
        parse_node_time(self.root(), zone).or_else(|| parse_node_time(descriptor, zone))
    }

    /// The nodes that a property refers to or contains, with their ids.
    pub fn list_named_nodes<'c>(&'c self, node: &'c Value, property: &str) -> Vec<(String, &'c Value)> {
        let found = list_values(&node[property]).filter_map(|value| {
            // The first version of the consortium's specification lists plain paths.
            let id = value.as_str().or_else(|| value["@id"].as_str());
            match id.map(normalize_path) {
                Some(id) => Some((id.clone(), self.nodes.get(&id).unwrap_or(value))),
                None if value.is_object() => Some((String::new(), value)),
                None => None,
            }
        });
        found.collect()
    }

    /// Names of the authors.
    pub fn join_authors(&self, node: &Value) -> Option<String> {
        let people = ["author", "creator"]
            .iter()
            .map(|property| self.list_named_nodes(node, property))
            .find(|named| !named.is_empty())?;
        let name = |person: &Value| {
            let parts = [&person["givenName"], &person["familyName"]];
            let both: Vec<String> = parts.into_iter().filter_map(to_text).collect();
            let both = (!both.is_empty()).then(|| both.join(" "));
            to_text(&person["name"]).or(both).or_else(|| to_text(&person["email"])).or_else(|| to_text(person))
        };
        let names: Vec<String> = people.iter().filter_map(|(_, person)| name(person)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

pub fn has_type(node: &Value, name: &str) -> bool {
    list_values(&node["@type"]).any(|kind| kind == name)
}

/// Keywords: comma-separated, or a list.
pub fn list_keywords(node: &Value) -> Vec<String> {
    let words = match &node["keywords"] {
        Value::String(list) => split_names(list),
        words => list_values(words).filter_map(|word| to_text(word).or_else(|| to_text(&word["name"]))).collect(),
    };
    // RSpace encloses each of them in apostrophes.
    words.iter().map(|word| word.trim_matches('\'').trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// When the node was written; times without a zone are in the zone of the facility.
pub fn parse_node_time(node: &Value, zone: &TimeZone) -> Option<Micros> {
    let given = ["dateCreated", "datePublished", "dateModified"].iter().filter_map(|name| to_text(&node[name]));
    let parsed = given.filter_map(|add_text| {
        dates::parse_time("date", &add_text, zone)
            .or_else(|_| dates::parse_day("date", &add_text, zone).map(|(start, _)| start))
            .ok()
    });
    parsed.into_iter().find(|at| *at >= Micros::default())
}

/// `variableMeasured` and similar properties, in which some notebooks put all content: names, and values with units.
pub fn list_measured_values(node: &Value) -> Vec<(String, String)> {
    let found = list_values(&node["variableMeasured"]).filter_map(|value| {
        let name = to_text(&value["name"]).or_else(|| to_text(&value["propertyID"]))?;
        let unit = to_text(&value["unitText"]).or_else(|| to_text(&value["unitCode"]));
        let shown = to_text(&value["value"])?;
        Some((name, unit.map_or_else(|| shown.clone(), |unit| format!("{shown} {unit}"))))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_is_read_in_every_form() {
        let graph = json!({"@graph": [
            {"@id": "./ro-crate-metadata.json", "about": {"@id": "./"}, "sdPublisher": {"name": "eLabFTW"}},
            {"@id": "./", "hasPart": ["./a%20b", {"@id": "./c/"}]},
            {"@id": "./a b/", "@type": ["Message", "Dataset"], "keywords": ["x", "y, z"], "author": {"@id": "p"},
                "dateCreated": "2022-05-29 16:17:38"},
            {"@id": "c", "@type": "Dataset", "keywords": "x, y", "author": [{"givenName": "Ada", "familyName": "L"}],
                "dateCreated": "2024-08-20T07:46:40.566495", "variableMeasured": [{"name": "T", "value": 5.5, "unitText": "K"}]},
            {"@id": "p", "name": "Bob"},
        ]});
        let read = Crate::parse(graph.to_string().as_bytes()).unwrap();
        let parts = read.list_named_nodes(read.root(), "hasPart");
        assert_eq!(parts.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a b", "c"]);
        let (first, second) = (parts[0].1, parts[1].1);
        assert!(has_type(first, "Dataset") && has_type(second, "Dataset"));
        assert_eq!(
            (list_keywords(first), list_keywords(second)),
            (vec!["x".to_owned(), "y, z".to_owned()], vec!["x".to_owned(), "y".to_owned()])
        );
        assert_eq!(
            (read.join_authors(first).as_deref(), read.join_authors(second).as_deref()),
            (Some("Bob"), Some("Ada L"))
        );
        let zone = TimeZone::UTC;
        assert_eq!(dates::render_time(parse_node_time(first, &zone).unwrap()), "2022-05-29T16:17:38Z");
        assert_eq!(dates::render_time(parse_node_time(second, &zone).unwrap()), "2024-08-20T07:46:40.566495Z");
        assert_eq!(list_measured_values(second), [("T".to_owned(), "5.5 K".to_owned())]);
        assert_eq!(read.publisher().as_deref(), Some("eLabFTW"));
        assert!(Crate::parse(b"{}").is_err() && Crate::parse(b"{\"@graph\": []}").is_err());
    }
}
