//! What a client asks for.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::days::{parse_from, parse_until};
use super::json_object::deserialize_objects;
use crate::domain::entity::EntityKind;
use crate::error::Error;
use crate::planner::{MAX_ALTERNATIVES, SearchQuery};
use crate::results::count_field::resolve_field;

/// Rows of a page if the client does not say how many.
const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 1_000;
/// Fields that are counted in one search.
const MAX_FACETS: usize = 20;
/// Values that are counted for each field.
const DEFAULT_VALUES: usize = 10;
const MAX_VALUES: usize = 1_000;

/// A search. All conditions must hold; without any, it finds all rows that the caller may read.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SearchBody {
    /// Words, phrases and conditions on fields, such as `lysozyme AND name:scan*`
    #[schema(example = "lysozyme AND name:scan*")]
    pub text: Option<String>,
    /// Only datafiles in a directory, or whose path matches a pattern: `*` stands for any characters but the separator, `**`
    /// for any directories
    #[schema(example = "/data/2025/**/scan_0*.nxs")]
    pub path: Option<String>,
    /// Of the page: only datafiles in this directory, as the list of directories has it.
    #[serde(skip)]
    pub directory: Option<String>,
    /// The first day in the time zone of the facility, or a moment
    #[schema(example = "2025-01-01")]
    pub from: Option<String>,
    /// The last day in the time zone of the facility, or a moment
    #[schema(example = "2025-12-31")]
    pub until: Option<String>,
    /// Values of fields, such as those that facets count; one of the values of each field must match
    #[schema(example = json!({"datafileFormat.name": ["NeXus"], "instrument.name": ["ID29"]}))]
    pub values: BTreeMap<String, Vec<String>>,
    /// Parameters of the row
    #[serde(deserialize_with = "deserialize_objects")]
    pub parameters: Vec<ParameterCondition>,
    /// Only what belongs to the caller's investigations, or was measured at an instrument whose scientist the caller is
    pub mine: bool,
    pub sort: SortBy,
    /// At most so many rows; 1,000 at most
    #[schema(minimum = 1, maximum = 1000, default = 25)]
    pub limit: Option<usize>,
    /// `cursor` of the previous page; send it with the same conditions and the same sort. `limit`, `facets` and `highlight` may differ
    pub cursor: Option<String>,
    /// Fields whose values are counted in the whole result
    #[serde(deserialize_with = "deserialize_objects")]
    pub facets: Vec<FacetBody>,
    /// Whether to mark the words that were found
    pub highlight: bool,
}

/// The order of the rows; ids decide between equal ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SortBy {
    /// The best matches first
    #[default]
    Relevance,
    Newest,
    Oldest,
    Name,
    Largest,
    Smallest,
}

/// A parameter that a row must have.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterCondition {
    /// The name of its type
    #[schema(example = "temperature")]
    pub name: String,
    /// At least this number
    pub from: Option<f64>,
    /// At most this number
    pub to: Option<f64>,
    /// The units of the numbers; values in other units are converted
    #[schema(example = "K")]
    pub units: Option<String>,
    /// Exactly this text, instead of numbers
    pub text: Option<String>,
}

/// A field whose values are counted.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FacetBody {
    #[schema(example = "datafileFormat.name")]
    pub field: String,
    /// The most frequent values; 1,000 at most
    #[schema(minimum = 1, maximum = 1000, default = 10)]
    pub limit: Option<usize>,
}

impl FacetBody {
    pub fn limit(&self) -> Result<usize, Error> {
        match self.limit.unwrap_or(DEFAULT_VALUES) {
            limit @ 1..=MAX_VALUES => Ok(limit),
            _ => Err(Error::Query(format!("the limit of the facet {} must be between 1 and {MAX_VALUES}", self.field))),
        }
    }
}

impl SearchBody {
    pub fn limit(&self) -> Result<usize, Error> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            _ => Err(Error::Query(format!("limit must be between 1 and {MAX_LIMIT}"))),
        }
    }

    pub fn check_facets(&self, target: EntityKind) -> Result<(), Error> {
        if self.facets.len() > MAX_FACETS {
            return Err(Error::Query(format!("at most {MAX_FACETS} fields can be counted at once")));
        }
        self.facets.iter().try_for_each(|facet| {
            facet.limit()?;
            resolve_field(target, &facet.field).map(drop)
        })
    }

    /// What decides which rows are found, and in which order.
    pub fn describe_conditions(&self) -> String {
        let Self { text, path, directory, from, until, values, parameters, mine, sort, .. } = self;
        json!([text, path, directory, from, until, values, parameters, mine, sort]).to_string()
    }

    /// The conditions; `user` is the name of the caller.
    pub fn to_query(&self, target: EntityKind, zone: &TimeZone, user: &str) -> Result<SearchQuery, Error> {
        if (self.path.is_some() || self.directory.is_some()) && target != EntityKind::Datafile {
            return Err(Error::Query("path is only possible for datafiles".to_owned()));
        }
        let mut filter = Map::new();
        if self.parameters.len() > MAX_ALTERNATIVES {
            return Err(Error::Query(format!("a search has conditions for at most {MAX_ALTERNATIVES} parameters")));
        }
        for (field, values) in &self.values {
            if values.len() > MAX_ALTERNATIVES {
                return Err(Error::Query(format!("a search has at most {MAX_ALTERNATIVES} values of {field}")));
            }
            let resolved = resolve_field(target, field)?;
            filter.insert(resolved.filter_key(field), json!(values));
        }
        if !self.parameters.is_empty() {
            let conditions =
                self.parameters.iter().map(ParameterCondition::to_filter).collect::<Result<Vec<_>, _>>()?;
            filter.insert(format!("{target}Parameter"), Value::Array(conditions));
        }
        let bound = |text: &Option<String>, parse: fn(&str, &TimeZone) -> Result<i64, Error>| {
            text.as_deref().map(|text| parse(text, zone).map(Value::from)).transpose()
        };
        let (lower, upper) = (bound(&self.from, parse_from)?, bound(&self.until, parse_until)?);
        if let (Some(lower), Some(upper), Some(from), Some(until)) = (&lower, &upper, &self.from, &self.until)
            && lower.as_i64() > upper.as_i64()
        {
            return Err(Error::Query(format!("the period ends before it begins: from {from} until {until}")));
        }
        let units = self.parameters.iter().filter_map(|parameter| Some((&parameter.name, parameter.units.as_ref()?)));
        Ok(SearchQuery {
            parameter_units: units.map(|(name, units)| (name.clone(), units.clone())).collect(),
            text: self.text.as_deref().filter(|text| !text.trim().is_empty()).map(Value::from),
            path: self.path.clone(),
            directory: self.directory.clone(),
            user: self.mine.then(|| user.to_owned()),
            is_own_user: self.mine,
            lower,
            upper,
            filter: (!filter.is_empty()).then_some(filter),
            ..SearchQuery::default()
        })
    }
}

impl SortBy {
    /// `sort` as icat.server sends it.
    pub fn to_sort(self) -> Option<&'static str> {
        match self {
            Self::Relevance => None,
            Self::Newest => Some(r#"{"date":"desc"}"#),
            Self::Oldest => Some(r#"{"date":"asc"}"#),
            Self::Name => Some(r#"{"name":"asc"}"#),
            Self::Largest => Some(r#"{"fileSize":"desc"}"#),
            Self::Smallest => Some(r#"{"fileSize":"asc"}"#),
        }
    }
}

impl ParameterCondition {
    fn to_filter(&self) -> Result<Value, Error> {
        let mut conditions = vec![json!({"field": "type.name", "value": self.name})];
        match (&self.text, self.from, self.to) {
            (Some(text), None, None) => conditions.push(json!({"field": "stringValue", "value": text})),
            (None, None, None) => {}
            (None, Some(from), Some(to)) if from > to => {
                return Err(Error::Query(format!(
                    "the range of the parameter {} ends before it begins: from {from} to {to}",
                    self.name
                )));
            }
            (None, from, to) => {
                let (from, to) = (from.unwrap_or(f64::MIN), to.unwrap_or(f64::MAX));
                let mut range = json!({"field": "numericValue", "from": from, "to": to});
                if let Some(units) = &self.units {
                    range["units"] = json!(units);
                }
                conditions.push(range);
            }
            (Some(_), ..) => {
                return Err(Error::Query(format!("the parameter {} has a text or numbers, not both", self.name)));
            }
        }
        Ok(json!({"filter": conditions}))
    }
}
