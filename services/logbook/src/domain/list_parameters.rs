//! Query parameters of lists.

use std::collections::HashMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use service_kit::fulltext::fold_text;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::domain::dates;
use crate::domain::entry_kind::EntryType;
use crate::domain::filter::{Filter, Order, Page, split_names};
use crate::domain::invalid::Invalid;
use crate::domain::logbook::Logbook;
use crate::domain::values::{parse_flag, parse_number, trim_value};

/// Which entries. The page repeats them in its links.
#[derive(Debug, Clone, Default, Deserialize, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct FilterQuery {
    #[param(value_type = Option<i64>, nullable = false)]
    pub investigation_id: Option<String>,
    #[param(nullable = false)]
    pub instrument_name: Option<String>,
    /// Such as `annotation-comment,notification-error,broadcast`.
    #[param(nullable = false)]
    pub types: Option<String>,
    /// Omits entries that belong to an investigation.
    #[param(value_type = Option<bool>, nullable = false)]
    pub filter_investigation: Option<String>,
    /// A day, `2025-03-02`.
    #[param(nullable = false, format = Date)]
    pub date: Option<String>,
    /// Tags that an entry must all have. Names with a comma need quotation marks: `beam,"a, b"`.
    #[param(nullable = false)]
    pub tags: Option<String>,
    /// Tags of which an entry must have at least one.
    #[param(nullable = false)]
    pub or_tags: Option<String>,
    /// Tags of which an entry must have none.
    #[param(nullable = false)]
    pub not_tags: Option<String>,
    #[param(nullable = false, format = DateTime)]
    pub start_time: Option<String>,
    #[param(nullable = false, format = DateTime)]
    pub end_time: Option<String>,
}

/// What part of them, and in which order.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    /// A part of the text; case and accents are ignored.
    #[param(nullable = false)]
    pub search: Option<String>,
    #[param(value_type = Option<SortBy>, nullable = false, inline)]
    pub sort_by: Option<String>,
    /// `1` ascending, `-1` descending; without it the newest is first, in a PDF the oldest.
    #[param(schema_with = sort_order, required = false)]
    pub sort_order: Option<String>,
    #[param(value_type = Option<i64>, nullable = false, minimum = 0)]
    pub skip: Option<String>,
    #[param(value_type = Option<i64>, nullable = false, minimum = 0)]
    pub limit: Option<String>,
}

// What `ListQuery::sort_by` may be. No doc comment: the document would show it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document; parsed by `ListParameters::to_page`")]
enum SortBy {
    #[serde(rename = "_id")]
    Id,
    #[serde(rename = "creationDate")]
    CreationDate,
    #[serde(rename = "createdAt")]
    CreatedAt,
    #[serde(rename = "updatedAt")]
    UpdatedAt,
}

fn sort_order() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([1, -1])).build()
}

/// An entry whose page is asked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryQuery {
    #[serde(rename = "_id")]
    #[param(nullable = false)]
    pub id: Option<String>,
}

/// Of a CSV.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CsvQuery {
    /// Adds a byte order mark, by which spreadsheets recognize UTF-8.
    #[param(nullable = false, value_type = Option<bool>)]
    pub bom: Option<String>,
}

/// All parameters of lists.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ListParameters {
    #[serde(flatten)]
    pub filter: FilterQuery,
    #[serde(flatten)]
    pub list: ListQuery,
    #[serde(flatten)]
    pub entry: EntryQuery,
    #[serde(flatten)]
    pub csv: CsvQuery,
    /// Of an export.
    pub format: Option<String>,
    /// Where the next part of a search begins.
    pub before: Option<String>,
    /// Unknown parameters. Lists ignore them, as ICAT+ does.
    #[serde(flatten)]
    unknown: HashMap<String, String>,
}

/// Names in a list, and bytes of a search.
const MAX_NAMES: usize = 200;
const MAX_SEARCH: usize = 2_000;

impl ListParameters {
    /// The logbook that the request names.
    pub fn parse_logbook(&self) -> Result<Logbook, Invalid> {
        Logbook::parse(self.filter.investigation_id.as_deref(), self.filter.instrument_name.as_deref())
    }

    /// Removed entries are left out, as in ICAT+.
    pub fn to_filter(&self, zone: &TimeZone) -> Result<Filter, Invalid> {
        for (name, list) in [
            ("types", &self.filter.types),
            ("tags", &self.filter.tags),
            ("orTags", &self.filter.or_tags),
            ("notTags", &self.filter.not_tags),
        ] {
            if list.as_deref().is_some_and(|list| list.split(',').count() > MAX_NAMES) {
                return Err(Invalid::new(format!("{name} may have {MAX_NAMES} names")));
            }
        }
        for (name, text) in [
            ("types", &self.filter.types),
            ("tags", &self.filter.tags),
            ("orTags", &self.filter.or_tags),
            ("notTags", &self.filter.not_tags),
            ("search", &self.list.search),
            ("_id", &self.entry.id),
        ] {
            if text.as_deref().is_some_and(|text| text.contains('\0')) {
                return Err(Invalid::new(format!("there must be no NUL in {name}")));
            }
        }
        if self.list.search.as_deref().is_some_and(|text| text.len() > MAX_SEARCH) {
            return Err(Invalid::new(format!("search may have {MAX_SEARCH} bytes")));
        }
        let mut filter = Filter {
            types: parse_types(self.filter.types.as_deref()),
            without_investigation: parse_flag("filterInvestigation", self.filter.filter_investigation.as_deref())?,
            search: self.list.search.as_deref().map(fold_text).filter(|text| !text.trim().is_empty()),
            all_tags: fold_names(self.filter.tags.as_deref()),
            any_tags: fold_names(self.filter.or_tags.as_deref()),
            no_tags: fold_names(self.filter.not_tags.as_deref()),
            removed: Some(false),
            ..Filter::default()
        };
        if let Some(text) = trim_value(self.filter.date.as_deref()) {
            let (from, before) = dates::parse_day("date", text, zone)?;
            (filter.from, filter.before) = (Some(from), Some(before));
        }
        if let Some(text) = trim_value(self.filter.start_time.as_deref()) {
            let from = dates::parse_time("startTime", text, zone)?;
            filter.from = Some(filter.from.map_or(from, |known| known.max(from)));
        }
        if let Some(text) = trim_value(self.filter.end_time.as_deref()) {
            let before = dates::parse_time("endTime", text, zone)? + Duration::from_micros(1);
            filter.before = Some(filter.before.map_or(before, |known| known.min(before)));
        }
        Ok(filter)
    }

    /// Refuses unknown parameters where all matching entries are changed: with a mistyped condition that would be the whole logbook.
    pub fn refuse_unknown(&self) -> Result<(), Invalid> {
        let Some(name) = self.unknown.keys().min() else { return Ok(()) };
        Err(Invalid::new(format!("there is no parameter {name} here; nothing was changed")))
    }

    /// `default` rows where the request does not say, at most `most`.
    pub fn to_page(&self, default: u32, most: u32) -> Result<Page, Invalid> {
        let by = match trim_value(self.list.sort_by.as_deref()) {
            None | Some("_id") => Order::Id,
            Some("creationDate") => Order::CreationDate,
            Some("createdAt") => Order::CreatedAt,
            Some("updatedAt") => Order::UpdatedAt,
            Some(other) => {
                let text = format!("sortBy must be _id, creationDate, createdAt or updatedAt, not {other}");
                return Err(Invalid::new(text));
            }
        };
        let descending = match trim_value(self.list.sort_order.as_deref()) {
            None | Some("-1") => true,
            Some("1") => false,
            Some(other) => return Err(Invalid::new(format!("sortOrder must be 1 or -1, not {other}"))),
        };
        let skip = parse_number("skip", self.list.skip.as_deref())?.unwrap_or(0);
        let limit = parse_number("limit", self.list.limit.as_deref())?.unwrap_or_else(|| i64::from(default));
        if skip < 0 || limit < 0 {
            return Err(Invalid::new("skip and limit must not be negative"));
        }
        Ok(Page { by, descending, skip, limit: Some(limit.min(i64::from(most))) })
    }
}

/// `ANNOTATION-COMMENT, notification-error, broadcast`, in any case.
fn parse_types(value: Option<&str>) -> Vec<(Option<String>, Option<String>)> {
    let items = value.unwrap_or_default().split(',').map(|item| item.trim().to_lowercase());
    items
        .filter(|item| !item.is_empty())
        .map(|item| match item.split_once('-') {
            Some((kind, category)) => (Some(kind.trim().to_owned()), Some(category.trim().to_owned())),
            None if EntryType::ALL.iter().any(|kind| kind.name() == item) => (Some(item), None),
            None => (None, Some(item)),
        })
        .collect()
}

/// Folded names of a list.
fn fold_names(list: Option<&str>) -> Vec<String> {
    split_names(list.unwrap_or_default()).iter().map(|name| fold_text(name)).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_portals_write_them() {
        let zone = TimeZone::UTC;
        let some = |text: &str| Some(text.to_owned());
        let filter = FilterQuery {
            investigation_id: some("4711.0"),
            types: some("NOTIFICATION-ERROR, annotation,info"),
            tags: some("Beam, night shift"),
            date: some("2025-03-02"),
            end_time: some("2025-03-02T12:00:00"),
            ..FilterQuery::default()
        };
        let list = ListQuery { search: some("  "), limit: some("5000"), sort_order: some("1"), ..ListQuery::default() };
        let parameters = ListParameters { filter, list, ..ListParameters::default() };
        assert_eq!(parse_number("investigationId", parameters.filter.investigation_id.as_deref()).unwrap(), Some(4711));
        let filter = parameters.to_filter(&zone).unwrap();
        assert_eq!(
            filter.types,
            [(some("notification"), some("error")), (some("annotation"), None), (None, some("info"))]
        );
        assert_eq!((filter.all_tags.len(), filter.search), (2, None));
        assert_eq!(
            filter.before.unwrap().duration_since(filter.from.unwrap()),
            Duration::from_micros(12 * 3_600_000_000 + 1)
        );
        let page = parameters.to_page(100, 1000).unwrap();
        assert_eq!((page.limit, page.descending), (Some(1000), false));
        let broken = parse_number("investigationId", Some("abc")).unwrap_err();
        assert_eq!(broken.to_string(), "investigationId must be a number, not abc");
        assert!(
            ListParameters {
                list: ListQuery { sort_by: some("body"), ..ListQuery::default() },
                ..ListParameters::default()
            }
            .to_page(1, 1)
            .is_err()
        );
        assert!(
            ListParameters {
                filter: FilterQuery { date: some("x"), ..FilterQuery::default() },
                ..ListParameters::default()
            }
            .to_filter(&zone)
            .is_err()
        );
    }
}
