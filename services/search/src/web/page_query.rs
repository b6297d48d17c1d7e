//! A search as an address of the page: what is searched for, the tab, and what narrows it.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use serde::Serialize;
use service_kit::pages::percent_encode_segment;
use service_kit::{Code, Problem};

use super::PAGE_ADDRESS;
use crate::domain::entity::EntityKind;
use crate::results::count_field::resolve_field;
use crate::searches::search_body::{SearchBody, SortBy};

/// Which rows are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    #[default]
    Datafiles,
    Datasets,
    Investigations,
}

/// The orders of rows: name in the address, text for people.
pub const SORTS: [(SortBy, &str, &str); 6] = [
    (SortBy::Relevance, "relevance", "Best match"),
    (SortBy::Newest, "newest", "Newest"),
    (SortBy::Oldest, "oldest", "Oldest"),
    (SortBy::Name, "name", "Name"),
    (SortBy::Largest, "largest", "Largest"),
    (SortBy::Smallest, "smallest", "Smallest"),
];

/// Fields whose values may be conditions, with their names for people.
const FIELDS: [(&str, &str); 10] = [
    ("datafileFormat.name", "Format"),
    ("type.name", "Type"),
    ("instrument.name", "Instrument"),
    ("technique.name", "Technique"),
    ("sample.name", "Sample"),
    ("facility.name", "Facility"),
    ("dataset.name", "Dataset"),
    ("investigation.name", "Investigation"),
    ("visitId", "Visit"),
    ("user.fullName", "Person"),
];

impl Tab {
    pub const ALL: [Self; 3] = [Self::Datafiles, Self::Datasets, Self::Investigations];

    /// As it stands in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Datafiles => "datafiles",
            Self::Datasets => "datasets",
            Self::Investigations => "investigations",
        }
    }

    pub fn find_by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.name() == name)
    }

    /// The name of so many of its rows.
    pub fn noun(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::Datafiles, 1) => "datafile",
            (Self::Datasets, 1) => "dataset",
            (Self::Investigations, 1) => "investigation",
            _ => self.name(),
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Datafiles => "Datafiles",
            Self::Datasets => "Datasets",
            Self::Investigations => "Investigations",
        }
    }

    pub fn target(self) -> EntityKind {
        match self {
            Self::Datafiles => EntityKind::Datafile,
            Self::Datasets => EntityKind::Dataset,
            Self::Investigations => EntityKind::Investigation,
        }
    }

    /// Fields whose values are counted beside the rows.
    pub fn facet_fields(self) -> &'static [&'static str] {
        match self {
            Self::Datafiles => &["datafileFormat.name", "instrument.name", "technique.name", "sample.name"],
            Self::Datasets => &["type.name", "instrument.name", "sample.name"],
            Self::Investigations => &["type.name", "instrument.name", "facility.name"],
        }
    }
}

/// The name of a field for people.
pub fn label_field(field: &str) -> &str {
    FIELDS.iter().find(|(name, _)| *name == field).map_or(field, |(_, label)| label)
}

/// What the address of a search says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageQuery {
    /// The text of the box.
    pub text: String,
    pub tab: Tab,
    /// Only files in this directory; empty for all.
    pub directory: String,
    pub from: String,
    pub until: String,
    pub mine: bool,
    pub sort: Option<SortBy>,
    /// Fields and values, in the order in which they were chosen.
    pub values: Vec<(String, String)>,
    pub cursor: Option<String>,
    /// The field all of whose values are listed, or `folders`.
    pub expanded: Option<String>,
}

impl PageQuery {
    /// Reads the address of a request; parameters that are not known are ignored.
    pub fn from_request(request: &HttpRequest) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs.map_err(|e| Problem::new(Code::BadRequest, "search/bad-query", e.to_string()))?;
        let mut query = Self::default();
        for (name, value) in pairs.into_inner() {
            let value = value.trim();
            match name.as_str() {
                _ if value.is_empty() => {}
                "q" => value.clone_into(&mut query.text),
                "in" => query.tab = Tab::find_by_name(value).unwrap_or_default(),
                "dir" => value.clone_into(&mut query.directory),
                "from" => value.clone_into(&mut query.from),
                "until" => value.clone_into(&mut query.until),
                "mine" => query.mine = value == "true",
                "sort" => query.sort = SORTS.iter().find(|(_, name, _)| *name == value).map(|(sort, ..)| *sort),
                "f" => query.values.extend(value.split_once(':').map(|(f, v)| (f.to_owned(), v.to_owned()))),
                "cursor" => query.cursor = Some(value.to_owned()),
                "all" => query.expanded = Some(value.to_owned()),
                _ => {}
            }
        }
        Ok(query)
    }

    /// The address of this search.
    pub fn address(&self) -> String {
        let pairs: Vec<String> = self
            .list_parameters()
            .into_iter()
            .map(|(name, value)| format!("{name}={}", encode_value(&value)))
            .collect();
        if pairs.is_empty() { PAGE_ADDRESS.to_owned() } else { format!("{PAGE_ADDRESS}?{}", pairs.join("&")) }
    }

    fn list_parameters(&self) -> Vec<(&'static str, String)> {
        let text = |name, value: &str| (!value.is_empty()).then(|| (name, value.to_owned()));
        let tab = (self.tab != Tab::default()).then(|| ("in", self.tab.name().to_owned()));
        let mine = self.mine.then(|| ("mine", "true".to_owned()));
        let values = self.values.iter().map(|(field, value)| ("f", format!("{field}:{value}")));
        let fixed = [text("q", &self.text), tab, text("dir", &self.directory)].into_iter().flatten();
        let rest = [
            text("from", &self.from),
            text("until", &self.until),
            mine,
            self.sort.and_then(|sort| text("sort", sort_name(sort))),
            text("all", self.expanded.as_deref().unwrap_or_default()),
            text("cursor", self.cursor.as_deref().unwrap_or_default()),
        ];
        fixed.chain(values).chain(rest.into_iter().flatten()).collect()
    }

    /// What the form keeps besides its own fields: the tab, the directory and the values.
    pub fn list_kept_parameters(&self) -> Vec<(&'static str, String)> {
        let all = self.list_parameters();
        all.into_iter().filter(|(name, _)| matches!(*name, "in" | "dir" | "f")).collect()
    }

    /// A search like this one, from its first page.
    pub fn change_query(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut changed = Self { cursor: None, expanded: None, ..self.clone() };
        change(&mut changed);
        changed
    }

    /// The same search in another tab, without what is not possible there.
    pub fn in_tab(&self, tab: Tab) -> Self {
        self.change_query(|query| {
            query.tab = tab;
            query.values.retain(|(field, _)| resolve_field(tab.target(), field).is_ok());
            if tab != Tab::Datafiles {
                query.directory.clear();
            }
        })
    }

    pub fn without_value(&self, field: &str, value: &str) -> Self {
        self.change_query(|query| query.values.retain(|(f, v)| (f.as_str(), v.as_str()) != (field, value)))
    }

    pub fn with_value(&self, field: &str, value: &str) -> Self {
        self.change_query(|query| query.values.push((field.to_owned(), value.to_owned())))
    }

    pub fn has_value(&self, field: &str, value: &str) -> bool {
        self.values.iter().any(|(f, v)| (f.as_str(), v.as_str()) == (field, value))
    }

    /// Whether anything besides the tab and the order is asked for.
    pub fn is_narrowed(&self) -> bool {
        !(self.text.is_empty() && self.directory.is_empty() && self.from.is_empty() && self.until.is_empty())
            || self.mine
            || !self.values.is_empty()
    }

    /// The order: without words, no row matches better than another.
    pub fn effective_sort(&self) -> SortBy {
        self.sort.unwrap_or(if self.text.is_empty() { SortBy::Newest } else { SortBy::Relevance })
    }

    /// The search, without facets.
    pub fn to_body(&self) -> SearchBody {
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (field, value) in &self.values {
            values.entry(field.clone()).or_default().push(value.clone());
        }
        SearchBody {
            text: optional(&self.text),
            directory: optional(&self.directory),
            from: optional(&self.from),
            until: optional(&self.until),
            values,
            mine: self.mine,
            sort: self.effective_sort(),
            cursor: self.cursor.clone(),
            ..SearchBody::default()
        }
    }
}

/// As it stands in addresses.
pub fn sort_name(sort: SortBy) -> &'static str {
    SORTS.iter().find(|(known, ..)| *known == sort).map_or("", |(_, name, _)| name)
}

/// Separators of paths stay readable: they mean nothing in a query.
fn encode_value(value: &str) -> String {
    percent_encode_segment(value).replace("%2F", "/").replace("%3A", ":")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn parse_address(address: &str) -> PageQuery {
        PageQuery::from_request(&TestRequest::with_uri(address).to_http_request()).unwrap()
    }

    #[test]
    fn an_address_says_what_it_was_made_from() {
        let address = "/search/app?q=%22a%20b%22%20%26&in=datasets&f=instrument.name:BL07&f=sample.name:a:b&from=2025-01-01\
                       &mine=true&sort=name&cursor=x";
        let query = parse_address(address);
        assert_eq!((query.text.as_str(), query.tab, query.mine), ("\"a b\" &", Tab::Datasets, true));
        assert_eq!(query.values[1], ("sample.name".to_owned(), "a:b".to_owned()));
        assert_eq!(query.address(), address);
        assert_eq!(parse_address("/search/app?q=+&from=&in=nothing&sort=x&unknown=1&f=x"), PageQuery::default());
        assert_eq!(PageQuery::default().address(), "/search/app");
    }

    #[test]
    fn a_change_leads_to_the_first_page() {
        let query = parse_address(
            "/search/app?dir=/data&f=technique.name:MX&f=instrument.name:BL07&cursor=x&all=technique.name",
        );
        assert_eq!(
            query.without_value("technique.name", "MX").address(),
            "/search/app?dir=/data&f=instrument.name:BL07"
        );
        let datasets = query.in_tab(Tab::Datasets).address();
        assert_eq!(datasets, "/search/app?in=datasets&f=technique.name:MX&f=instrument.name:BL07");
        let investigations = query.in_tab(Tab::Investigations).address();
        assert_eq!(investigations, "/search/app?in=investigations&f=instrument.name:BL07");
    }

    #[test]
    fn rows_are_sorted_by_words_only_if_there_are_some() {
        assert_eq!(parse_address("/search/app").to_body().sort, SortBy::Newest);
        assert_eq!(parse_address("/search/app?q=a").to_body().sort, SortBy::Relevance);
        assert_eq!(parse_address("/search/app?q=a&sort=oldest").to_body().sort, SortBy::Oldest);
    }
}
