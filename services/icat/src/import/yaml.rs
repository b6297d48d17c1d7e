//! The YAML format: documents of `type: {key: {attribute: value, relation: key, parts: [{…}]}}`.
//!
//! Values are read as text and typed by the schema, not by their syntax: python-icat writes YAML 1.1, in which `081` and
//! `1e3` are strings that other parsers take for numbers.

use std::fmt;
use std::io::Read;

use icat_client::schema::{Entity, Member, ToMany, all_entities};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::ImportError;
use super::dump::RecordSink;
use super::record::{Record, entity_from_tag};

/// Passes the records of each document to `sink` when the document ends.
pub fn parse_yaml(mut text: impl Read, sink: RecordSink<'_>) -> Result<(), ImportError> {
    // The operator's own file is trusted, so only nesting is limited.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_documents: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_reader_input_bytes: None,
        },
        with_snippet: false,
    };
    for document in serde_saphyr::read_with_options::<_, Option<Chunk>>(&mut text, options) {
        let document = document.map_err(|e| ImportError::Format(format!("the file is not a valid dump: {e}")))?;
        for record in document.into_iter().flat_map(|chunk| chunk.0) {
            if !sink(record) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The records of a document, sorted so that parents come first.
struct Chunk(Vec<Record>);

impl<'de> Deserialize<'de> for Chunk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut kinds = deserializer.deserialize_map(Kinds)?;
        kinds.sort_by_key(|(entity, _)| all_entities().iter().position(|e| e.name == entity.name));
        Ok(Self(kinds.into_iter().flat_map(|(_, records)| records).collect()))
    }
}

struct Kinds;

impl<'de> Visitor<'de> for Kinds {
    type Value = Vec<(&'static Entity, Vec<Record>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of kinds of entities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kinds = Vec::new();
        while let Some(tag) = map.next_key::<String>()? {
            let entity = entity_from_tag(&tag).map_err(A::Error::custom)?;
            kinds.push((entity, map.next_value_seed(Records(entity))?));
        }
        Ok(kinds)
    }
}

/// `{key: {…}, …}` of one entity type.
struct Records(&'static Entity);

impl<'de> DeserializeSeed<'de> for Records {
    type Value = Vec<Record>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Records {
    type Value = Vec<Record>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mapping from keys to the {} of the dump", self.0.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            records.push(map.next_value_seed(Members(Record::new(self.0, key)))?);
        }
        Ok(records)
    }
}

/// `[{…}, …]`: the parts of a record.
struct Parts(&'static ToMany);

impl<'de> DeserializeSeed<'de> for Parts {
    type Value = Vec<Record>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Parts {
    type Value = Vec<Record>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.0.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element_seed(Members(Record::new(self.0.target(), String::new())))? {
            parts.push(part);
        }
        Ok(parts)
    }
}

/// The attributes, references and parts of one record.
struct Members(Record);

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Record;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mapping of the attributes of {}", self.0.label())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.0.find_member(&name).map_err(A::Error::custom)? {
                Member::Field(field) => {
                    if let Some(text) = map.next_value::<Option<String>>()? {
                        self.0.set_field(field, &text).map_err(A::Error::custom)?;
                    }
                }
                Member::One(one) => {
                    if let Some(key) = map.next_value::<Option<String>>()? {
                        self.0.ones.push((one, key));
                    }
                }
                Member::Many(many) => {
                    let parts = map.next_value_seed(Parts(many))?;
                    self.0.parts.extend(parts.into_iter().map(|part| (many, part)));
                }
            }
        }
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service_kit::Val;

    #[test]
    fn values_are_typed_by_the_schema_and_not_by_their_looks() {
        let text = "%YAML 1.1\n---\nuser:\n  u: {name: 081, fullName: 1e3, email: 'true', givenName: no, orcidId: null}\n---\n\
                    parameterType:\n  p: {enforced: true, maximumNumericValue: 1e3, minimumNumericValue: 5, name: 0x1}\n";
        let mut records = Vec::new();
        let mut keep = |record| {
            records.push(record);
            true
        };
        parse_yaml(text.as_bytes(), &mut keep).unwrap();
        let texts = |n: usize| records[n].fields.iter().map(|(f, v)| (f.name, v.clone())).collect::<Vec<_>>();
        let expected = ["081", "1e3", "true", "no"].map(Val::from);
        assert_eq!(texts(0).into_iter().map(|(_, v)| v).collect::<Vec<_>>(), expected);
        let expected = [
            ("enforced", Val::from(true)),
            ("maximumNumericValue", Val::from(1000.0)),
            ("minimumNumericValue", Val::from(5.0)),
            ("name", Val::from("0x1")),
        ];
        assert_eq!(texts(1), expected);
    }

    #[test]
    fn what_is_no_dump_is_refused_with_its_reason() {
        for (text, reason) in [
            ("- 1", "expected mapping"),
            ("nothing: {}", "`nothing` is not an entity type"),
            ("user: {u: {colour: red}}", "User has no `colour`"),
            ("study: {s: {startDate: soon}}", "`soon` is not a valid value for startDate"),
            ("user: {u: [", "not a valid dump"),
        ] {
            let refused = parse_yaml(text.as_bytes(), &mut |_| true).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
