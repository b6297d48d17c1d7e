//! The YAML form. Every string is in quotes: python-icat reads YAML 1.1, in which `081`, `1e3`, `yes` and dates are none.

use std::io::Write;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::{ExportError, Item, Kind, Node, written_at};

pub fn head(now_micros: i64) -> String {
    format!("%YAML 1.1\n# Date: {}\n# ICAT-API: 6.2.0\n# Generator: Undulator\n", written_at(now_micros))
}

/// One document.
pub fn write(out: &mut (dyn Write + Send), kinds: &[Kind]) -> Result<(), ExportError> {
    if kinds.is_empty() {
        return Ok(());
    }
    let options = serde_saphyr::ser_options! { quote_all: true, prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&Kinds(kinds), options);
    let text = text.map_err(|e| ExportError::Yaml(e.to_string()))?;
    write!(out, "---\n{text}")?;
    Ok(())
}

struct Kinds<'k>(&'k [Kind]);

impl Serialize for Kinds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|kind| (&kind.tag, Rows(&kind.rows))))
    }
}

struct Rows<'r>(&'r [(String, Node)]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, node)| (key, node)))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, item) in &self.members {
            map.serialize_entry(name, item)?;
        }
        map.end()
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) | Self::Reference(text) => serializer.serialize_str(text),
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Parts(nodes) => serializer.collect_seq(nodes),
        }
    }
}
