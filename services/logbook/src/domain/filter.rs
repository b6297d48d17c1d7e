//! Which entries a request asks for.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use service_kit::fulltext::fold_text;

use crate::domain::dates;
use crate::error::Error;

/// Query parameters of lists as they come.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    pub investigation_id: Option<String>,
    pub instrument_name: Option<String>,
    pub sort_by: Option<String>,
    pub sort_order: Option<String>,
    pub skip: Option<String>,
    pub limit: Option<String>,
    pub types: Option<String>,
    pub filter_investigation: Option<String>,
    pub search: Option<String>,
    pub format: Option<String>,
    /// Of CSV: with a byte order mark.
    pub bom: Option<String>,
    pub date: Option<String>,
    pub tags: Option<String>,
    pub or_tags: Option<String>,
    pub not_tags: Option<String>,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// Where the next part of a search begins.
    pub before: Option<String>,
    /// What nobody knows. Lists pass over it, as ICAT+ does.
    #[serde(flatten)]
    pub unknown: HashMap<String, String>,
}

/// Conditions that all must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Pairs of type and category; either may be open.
    pub types: Vec<(Option<String>, Option<String>)>,
    /// Leaves out what belongs to an investigation.
    pub without_investigation: bool,
    /// Folded; a literal part of the text.
    pub search: Option<String>,
    /// From and before, microseconds UTC.
    pub from: Option<i64>,
    pub before: Option<i64>,
    /// Folded names.
    pub all_tags: Vec<String>,
    pub any_tags: Vec<String>,
    pub no_tags: Vec<String>,
    /// `None`: both.
    pub removed: Option<bool>,
    /// Only these.
    pub ids: Option<Vec<String>>,
    /// Numbers of logbooks that are left out.
    pub not_books: Vec<i64>,
}

/// In which order, and which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub by: Order,
    pub descending: bool,
    pub skip: i64,
    /// `None`: all.
    pub limit: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `_id`
    Id,
    CreationDate,
    CreatedAt,
    UpdatedAt,
}

/// Names in a list, and bytes of a search.
const MOST_NAMES: usize = 200;
const LONGEST_SEARCH: usize = 2_000;

const TYPES: [&str; 4] = ["annotation", "notification", "broadcast", "attachment"];

impl Parameters {
    /// Removed entries are left out, as in ICAT+.
    pub fn filter(&self, zone: &TimeZone) -> Result<Filter, Error> {
        for (name, list) in
            [("types", &self.types), ("tags", &self.tags), ("orTags", &self.or_tags), ("notTags", &self.not_tags)]
        {
            if list.as_deref().is_some_and(|list| list.split(',').count() > MOST_NAMES) {
                return Err(Error::bad(format!("{name} may have {MOST_NAMES} names")));
            }
        }
        for (name, text) in [
            ("types", &self.types),
            ("tags", &self.tags),
            ("orTags", &self.or_tags),
            ("notTags", &self.not_tags),
            ("search", &self.search),
            ("_id", &self.id),
        ] {
            if text.as_deref().is_some_and(|text| text.contains('\0')) {
                return Err(Error::bad(format!("there must be no NUL in {name}")));
            }
        }
        if self.search.as_deref().is_some_and(|text| text.len() > LONGEST_SEARCH) {
            return Err(Error::bad(format!("search may have {LONGEST_SEARCH} bytes")));
        }
        let mut filter = Filter {
            types: types(self.types.as_deref()),
            without_investigation: flag("filterInvestigation", self.filter_investigation.as_deref())?,
            search: self.search.as_deref().map(fold_text).filter(|text| !text.trim().is_empty()),
            all_tags: folded_names(self.tags.as_deref()),
            any_tags: folded_names(self.or_tags.as_deref()),
            no_tags: folded_names(self.not_tags.as_deref()),
            removed: Some(false),
            ..Filter::default()
        };
        if let Some(text) = given(self.date.as_deref()) {
            let (from, before) = dates::day("date", text, zone)?;
            (filter.from, filter.before) = (Some(from), Some(before));
        }
        if let Some(text) = given(self.start_time.as_deref()) {
            let from = dates::time("startTime", text, zone)?;
            filter.from = Some(filter.from.map_or(from, |known| known.max(from)));
        }
        if let Some(text) = given(self.end_time.as_deref()) {
            let before = dates::time("endTime", text, zone)? + 1;
            filter.before = Some(filter.before.map_or(before, |known| known.min(before)));
        }
        Ok(filter)
    }

    /// For what changes all that matches: a mistyped condition must not make it the whole logbook.
    pub fn all_known(&self) -> Result<(), Error> {
        let Some(name) = self.unknown.keys().min() else { return Ok(()) };
        Err(Error::bad(format!("there is no parameter {name} here; nothing was changed")))
    }

    /// `default` rows where the request does not say, at most `most`.
    pub fn page(&self, default: u32, most: u32) -> Result<Page, Error> {
        let by = match given(self.sort_by.as_deref()) {
            None | Some("_id") => Order::Id,
            Some("creationDate") => Order::CreationDate,
            Some("createdAt") => Order::CreatedAt,
            Some("updatedAt") => Order::UpdatedAt,
            Some(other) => {
                let text = format!("sortBy must be _id, creationDate, createdAt or updatedAt, not {other}");
                return Err(Error::bad(text));
            }
        };
        let descending = match given(self.sort_order.as_deref()) {
            None | Some("-1") => true,
            Some("1") => false,
            Some(other) => return Err(Error::bad(format!("sortOrder must be 1 or -1, not {other}"))),
        };
        let skip = number("skip", self.skip.as_deref())?.unwrap_or(0);
        let limit = number("limit", self.limit.as_deref())?.unwrap_or_else(|| i64::from(default));
        if skip < 0 || limit < 0 {
            return Err(Error::bad("skip and limit must not be negative"));
        }
        Ok(Page { by, descending, skip, limit: Some(limit.min(i64::from(most))) })
    }
}

fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

/// Whole numbers; clients may write them as `4711.0`.
pub fn number(name: &str, value: Option<&str>) -> Result<Option<i64>, Error> {
    let Some(text) = given(value) else { return Ok(None) };
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().map(Some).map_err(|_| Error::bad(format!("{name} must be a number, not {text}")))
}

pub fn flag(name: &str, value: Option<&str>) -> Result<bool, Error> {
    match given(value) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) => Err(Error::bad(format!("{name} must be true or false, not {text}"))),
    }
}

/// `ANNOTATION-COMMENT, notification-error, broadcast`, in any case.
fn types(value: Option<&str>) -> Vec<(Option<String>, Option<String>)> {
    let items = value.unwrap_or_default().split(',').map(|item| item.trim().to_lowercase());
    items
        .filter(|item| !item.is_empty())
        .map(|item| match item.split_once('-') {
            Some((kind, category)) => (Some(kind.trim().to_owned()), Some(category.trim().to_owned())),
            None if TYPES.contains(&item.as_str()) => (Some(item), None),
            None => (None, Some(item)),
        })
        .collect()
}

/// Names of a list separated by commas. A name with a comma stands in quotation marks, which are doubled within it:
/// `beam, "a, b"`.
pub fn split_names(list: &str) -> Vec<String> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let (mut is_quoted, mut chars) = (false, list.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => name.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if name.trim().is_empty() => is_quoted = true,
            ',' if !is_quoted => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The inverse of [`split_names`].
pub fn join_names(names: &[String]) -> String {
    let quoted = |name: &String| {
        let is_plain = !name.contains(',') && !name.starts_with('"');
        if is_plain { name.clone() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Folded names of a list.
fn folded_names(list: Option<&str>) -> Vec<String> {
    split_names(list.unwrap_or_default()).iter().map(|name| fold_text(name)).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_stand_in_quotation_marks() {
        let all = ["beam", "a, b", "say \"x\"", "\"x\", y", "é"].map(str::to_owned);
        assert_eq!(split_names(&join_names(&all)), all);
        assert_eq!(join_names(&all[..2]), "beam, \"a, b\"");
        assert_eq!(split_names(" a ,, b\"c,\"d, e\" ,"), ["a", "b\"c", "d, e"]);
        assert_eq!(split_names("\"open, end"), ["open, end"]);
        assert_eq!(split_names(" , "), Vec::<String>::new());
    }

    #[test]
    fn parameters_are_read_as_portals_write_them() {
        let zone = TimeZone::UTC;
        let some = |text: &str| Some(text.to_owned());
        let parameters = Parameters {
            investigation_id: some("4711.0"),
            types: some("NOTIFICATION-ERROR, annotation,info"),
            tags: some("Beam, night shift"),
            search: some("  "),
            date: some("2025-03-02"),
            end_time: some("2025-03-02T12:00:00"),
            limit: some("5000"),
            sort_order: some("1"),
            ..Parameters::default()
        };
        assert_eq!(number("investigationId", parameters.investigation_id.as_deref()).unwrap(), Some(4711));
        let filter = parameters.filter(&zone).unwrap();
        assert_eq!(
            filter.types,
            [(some("notification"), some("error")), (some("annotation"), None), (None, some("info"))]
        );
        assert_eq!((filter.all_tags.len(), filter.search), (2, None));
        assert_eq!(filter.before.unwrap() - filter.from.unwrap(), 12 * 3_600_000_000 + 1);
        let page = parameters.page(100, 1000).unwrap();
        assert_eq!((page.limit, page.descending), (Some(1000), false));
        let broken = number("investigationId", Some("abc")).unwrap_err();
        assert_eq!(broken.to_string(), "investigationId must be a number, not abc");
        assert!(Parameters { sort_by: some("body"), ..Parameters::default() }.page(1, 1).is_err());
        assert!(Parameters { date: some("x"), ..Parameters::default() }.filter(&zone).is_err());
    }
}
