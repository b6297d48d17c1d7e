//! The datafile that an upload creates.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A datafile without location, size and checksum, which are known after the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDatafile {
    pub name: String,
    pub dataset: i64,
    pub format: i64,
    pub description: Option<String>,
    pub doi: Option<String>,
    pub created: Option<Timestamp>,
    pub modified: Option<Timestamp>,
}

impl NewDatafile {
    /// The row as ICAT takes it.
    pub fn to_entity(&self, location: &str, size: u64, crc: u32) -> Value {
        let mut members = json!({
            "name": self.name,
            "location": location,
            "fileSize": size,
            "checksum": format!("{crc:x}"),
            "dataset": {"id": self.dataset},
            "datafileFormat": {"id": self.format},
        });
        let optional = [
            ("description", self.description.clone()),
            ("doi", self.doi.clone()),
            ("datafileCreateTime", self.created.map(render_timestamp)),
            ("datafileModTime", self.modified.map(render_timestamp)),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                members[key] = value.into();
            }
        }
        json!({"Datafile": members})
    }
}

fn render_timestamp(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
