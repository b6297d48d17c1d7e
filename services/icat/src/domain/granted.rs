//! What a set of granted rows is filled from, as it is stored with the set.

use serde::{Deserialize, Serialize};
use service_kit::Val;

/// A bound value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Param {
    I64(i64),
    F64(f64),
    Text(String),
}

impl From<Param> for Val {
    fn from(param: Param) -> Self {
        match param {
            Param::I64(v) => v.into(),
            Param::F64(v) => v.into(),
            Param::Text(v) => v.into(),
        }
    }
}

/// A table that a set is filled from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceTable {
    /// The name of its entity.
    pub entity: String,
    /// Its name in the select.
    pub alias: String,
    /// The columns that are compared or joined, without `id`.
    pub columns: Vec<String>,
    /// Whether one of them is a foreign key. If none is, a new row grants nothing before other rows refer to it.
    pub has_foreign_key: bool,
}

impl SourceTable {
    /// The id of the table in the select.
    pub fn id_column(&self) -> String {
        format!("{}.id", self.alias)
    }
}
