//! The conditions of a search, as icat.server 6 sends them.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The value of `query`. Other keys, such as `target` and `facets`, are for icat.server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchQuery {
    /// Anything but a text is ignored, as in icat.lucene.
    pub text: Option<Value>,
    pub user: Option<String>,
    pub user_full_name: Option<String>,
    pub lower: Option<Value>,
    pub upper: Option<Value>,
    #[serde(default)]
    pub parameters: Vec<ParameterQuery>,
    pub filter: Option<Map<String, Value>>,
    /// A directory or a pattern for the paths of datafiles; not in requests of icat.server.
    #[serde(skip)]
    pub path: Option<String>,
    /// Names of parameters, each with the units that a condition in `filter` has, which must be of its dimension; not in requests of
    /// icat.server.
    #[serde(skip)]
    pub parameter_units: Vec<(String, String)>,
    /// Whether `user` is the caller.
    #[serde(skip)]
    pub is_own_user: bool,
    /// A directory of datafiles, exactly as the list of directories has it; not in requests of icat.server.
    #[serde(skip)]
    pub directory: Option<String>,
}

/// A parameter that a row must have. The first complete form of a value counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParameterQuery {
    pub name: Option<String>,
    pub units: Option<String>,
    pub string_value: Option<String>,
    pub lower_date_value: Option<Value>,
    pub upper_date_value: Option<Value>,
    pub lower_numeric_value: Option<Value>,
    pub upper_numeric_value: Option<Value>,
}
