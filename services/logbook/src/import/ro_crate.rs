//! What an RO-Crate of another notebook says: its metadata as a graph whose nodes name one another. Notebooks differ in whether
//! one value stands in a list, and whether a path begins with `./`; here they do not.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::domain::dates;
use crate::domain::filter::split_names;

/// The metadata of a crate.
pub struct Crate {
    nodes: HashMap<String, Value>,
    root: String,
}

/// A path within the crate, or another address: without `./`, without a slash at its end, and not percent-encoded.
pub fn normalized(id: &str) -> String {
    let id = percent_decode_str(id).decode_utf8_lossy();
    let id = id.trim_start_matches("./").trim_end_matches('/');
    if id.is_empty() { ".".to_owned() } else { id.to_owned() }
}

/// One value or several.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Value::Array(many) => (None, many.as_slice()),
        Value::Null => (None, [].as_slice()),
        one => (Some(one), [].as_slice()),
    };
    one.into_iter().chain(many)
}

/// A text, or the number that somebody has written in place of it.
pub fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is_so) => is_so.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

impl Crate {
    /// An error says what is wrong with the metadata.
    pub fn read(metadata: &[u8]) -> Result<Self, String> {
        let document: Value = serde_json::from_slice(metadata).map_err(|e| format!("ro-crate-metadata.json: {e}"))?;
        let graph = document["@graph"].as_array().ok_or("ro-crate-metadata.json has no @graph")?;
        let mut nodes = HashMap::new();
        for node in graph {
            if let Some(id) = node["@id"].as_str() {
                nodes.entry(normalized(id)).or_insert_with(|| node.clone());
            }
        }
        let descriptor = nodes.iter().find(|(id, _)| id.ends_with("ro-crate-metadata.json"));
        let about = descriptor.and_then(|(_, node)| node["about"]["@id"].as_str()).map(normalized);
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

    /// What made the crate.
    pub fn publisher(&self) -> Option<String> {
        let descriptor = self.nodes.get("ro-crate-metadata.json")?;
        let publisher = &descriptor["sdPublisher"];
        let named = publisher["@id"].as_str().and_then(|id| self.nodes.get(&normalized(id))).unwrap_or(publisher);
        text_of(&named["name"]).or_else(|| text_of(publisher))
    }

    /// When the crate was made, for what says no time of its own.
    pub fn time(&self, zone: &TimeZone) -> Option<i64> {
        let descriptor = self.nodes.get("ro-crate-metadata.json").unwrap_or(&Value::Null);
        time(self.root(), zone).or_else(|| time(descriptor, zone))
    }

    /// Nodes that a property names, or that stand in it, with their ids.
    pub fn named<'c>(&'c self, node: &'c Value, property: &str) -> Vec<(String, &'c Value)> {
        let found = each(&node[property]).filter_map(|value| {
            // The first form of the consortium's specification lists plain paths.
            let id = value.as_str().or_else(|| value["@id"].as_str());
            match id.map(normalized) {
                Some(id) => Some((id.clone(), self.nodes.get(&id).unwrap_or(value))),
                None if value.is_object() => Some((String::new(), value)),
                None => None,
            }
        });
        found.collect()
    }

    /// Names of who has written it.
    pub fn authors(&self, node: &Value) -> Option<String> {
        let people =
            ["author", "creator"].iter().map(|property| self.named(node, property)).find(|named| !named.is_empty())?;
        let name = |person: &Value| {
            let parts = [&person["givenName"], &person["familyName"]];
            let both: Vec<String> = parts.into_iter().filter_map(text_of).collect();
            let both = (!both.is_empty()).then(|| both.join(" "));
            text_of(&person["name"]).or(both).or_else(|| text_of(&person["email"])).or_else(|| text_of(person))
        };
        let names: Vec<String> = people.iter().filter_map(|(_, person)| name(person)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

pub fn has_type(node: &Value, name: &str) -> bool {
    each(&node["@type"]).any(|kind| kind == name)
}

/// Comma-separated, or a list.
pub fn keywords(node: &Value) -> Vec<String> {
    let words = match &node["keywords"] {
        Value::String(list) => split_names(list),
        words => each(words).filter_map(|word| text_of(word).or_else(|| text_of(&word["name"]))).collect(),
    };
    // RSpace puts each in apostrophes.
    words.iter().map(|word| word.trim_matches('\'').trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// When it was written, in microseconds UTC; forms without a zone are the facility's.
pub fn time(node: &Value, zone: &TimeZone) -> Option<i64> {
    let given = ["dateCreated", "datePublished", "dateModified"].iter().filter_map(|name| text_of(&node[name]));
    let parsed = given.filter_map(|text| {
        dates::time("date", &text, zone).or_else(|_| dates::day("date", &text, zone).map(|(start, _)| start)).ok()
    });
    parsed.into_iter().find(|at| *at >= 0)
}

/// `variableMeasured` and such, in which some notebooks have all that was written: name and value with its unit.
pub fn values(node: &Value) -> Vec<(String, String)> {
    let found = each(&node["variableMeasured"]).filter_map(|value| {
        let name = text_of(&value["name"]).or_else(|| text_of(&value["propertyID"]))?;
        let unit = text_of(&value["unitText"]).or_else(|| text_of(&value["unitCode"]));
        let shown = text_of(&value["value"])?;
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
        let read = Crate::read(graph.to_string().as_bytes()).unwrap();
        let parts = read.named(read.root(), "hasPart");
        assert_eq!(parts.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a b", "c"]);
        let (first, second) = (parts[0].1, parts[1].1);
        assert!(has_type(first, "Dataset") && has_type(second, "Dataset"));
        assert_eq!(
            (keywords(first), keywords(second)),
            (vec!["x".to_owned(), "y, z".to_owned()], vec!["x".to_owned(), "y".to_owned()])
        );
        assert_eq!((read.authors(first).as_deref(), read.authors(second).as_deref()), (Some("Bob"), Some("Ada L")));
        let zone = TimeZone::UTC;
        assert_eq!(dates::shown(time(first, &zone).unwrap()), "2022-05-29T16:17:38Z");
        assert_eq!(dates::shown(time(second, &zone).unwrap()), "2024-08-20T07:46:40.566495Z");
        assert_eq!(values(second), [("T".to_owned(), "5.5 K".to_owned())]);
        assert_eq!(read.publisher().as_deref(), Some("eLabFTW"));
        assert!(Crate::read(b"{}").is_err() && Crate::read(b"{\"@graph\": []}").is_err());
    }
}
