//! The YAML format. Every string is quoted, because python-icat reads YAML 1.1, in which unquoted `081`, `1e3`, `yes` and
//! dates are no strings.

use std::io::Write;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use service_kit::Micros;

use super::{ExportError, KindRows, MemberValue, RowNode, format_write_time};

pub fn render_head(now: Micros) -> String {
    format!("%YAML 1.1\n# Date: {}\n# ICAT-API: 6.2.0\n# Generator: Undulator\n", format_write_time(now))
}

/// Writes one document.
pub fn write_chunk(out: &mut (dyn Write + Send), kinds: &[KindRows]) -> Result<(), ExportError> {
    if kinds.is_empty() {
        return Ok(());
    }
    let options = serde_saphyr::ser_options! { quote_all: true, prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&SerializedKinds(kinds), options);
    let text = text.map_err(|e| ExportError::Yaml(e.to_string()))?;
    write!(out, "---\n{text}")?;
    Ok(())
}

struct SerializedKinds<'k>(&'k [KindRows]);

impl Serialize for SerializedKinds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|kind| (&kind.tag, SerializedRows(&kind.rows))))
    }
}

struct SerializedRows<'r>(&'r [(String, RowNode)]);

impl Serialize for SerializedRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, node)| (key, node)))
    }
}

impl Serialize for RowNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, item) in &self.members {
            map.serialize_entry(name, item)?;
        }
        map.end()
    }
}

impl Serialize for MemberValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) | Self::Reference(text) => serializer.serialize_str(text),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Parts(nodes) => serializer.collect_seq(nodes),
        }
    }
}
