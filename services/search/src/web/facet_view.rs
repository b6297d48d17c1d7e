//! The values of fields beside the rows, each a link that adds or removes a condition.

use serde::Serialize;

use super::number_format::format_count;
use super::page_query::{PageQuery, label_field};
use crate::searches::find_page::{FacetPage, FacetValue};
use crate::searches::search_body::FacetBody;

/// Values of a field that are shown at first.
const FIRST_VALUES: usize = 8;
/// Values that are shown where somebody asks for all.
const ALL_VALUES: usize = 200;

/// A field with its values.
#[derive(Debug, Serialize)]
pub struct FacetView {
    label: String,
    values: Vec<ValueView>,
    /// The address of the page with all values; `None` if they are shown.
    more: Option<String>,
    /// The address of the page with the first ones.
    less: Option<String>,
}

#[derive(Debug, Serialize)]
struct ValueView {
    value: String,
    count: String,
    is_chosen: bool,
    address: String,
}

/// What to count of a field: one value more than is shown, to know whether there are more.
pub fn build_facet_body(query: &PageQuery, field: &str) -> FacetBody {
    FacetBody { field: field.to_owned(), limit: Some(shown_values(query, field) + 1) }
}

fn shown_values(query: &PageQuery, field: &str) -> usize {
    if query.expanded.as_deref() == Some(field) { ALL_VALUES } else { FIRST_VALUES }
}

impl FacetView {
    /// `None` if no row has a value.
    pub fn from_page(query: &PageQuery, page: FacetPage) -> Option<Self> {
        let FacetPage { field, mut values } = page;
        let shown = shown_values(query, &field);
        let has_more = values.len() > shown && shown < ALL_VALUES;
        values.truncate(shown);
        // A chosen value stays in the list, however rare it is.
        for (_, chosen) in query.values.iter().filter(|(of, _)| *of == field) {
            if !values.iter().any(|value| value.value == *chosen) {
                values.push(FacetValue { value: chosen.clone(), count: 0 });
            }
        }
        let expand = |expanded: Option<&str>| {
            let mut changed = query.clone();
            changed.expanded = expanded.map(str::to_owned);
            changed.address()
        };
        let view = Self {
            label: label_field(&field).to_owned(),
            more: has_more.then(|| expand(Some(&field))),
            less: (shown == ALL_VALUES).then(|| expand(None)),
            values: values.into_iter().map(|value| ValueView::new(query, &field, value)).collect(),
        };
        (!view.values.is_empty()).then_some(view)
    }
}

impl ValueView {
    fn new(query: &PageQuery, field: &str, counted: FacetValue) -> Self {
        let FacetValue { value, count } = counted;
        let is_chosen = query.has_value(field, &value);
        let changed = if is_chosen { query.without_value(field, &value) } else { query.with_value(field, &value) };
        Self { count: format_count(count), is_chosen, address: changed.address(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_values_that_are_chosen_are_shown_and_lead_back() {
        let query = PageQuery::default().with_value("technique.name", "rare");
        let value = |n: u64| FacetValue { value: format!("v{n}"), count: 100 - n };
        let page = || FacetPage { field: "technique.name".to_owned(), values: (0..9).map(value).collect() };
        let view = FacetView::from_page(&query, page()).unwrap();
        assert_eq!((view.label.as_str(), view.values.len()), ("Technique", 9));
        assert_eq!(view.more.as_deref(), Some("/search/app?f=technique.name:rare&all=technique.name"));
        assert!(view.values[8].is_chosen && view.values[8].address == "/search/app");
        assert_eq!(view.values[0].address, "/search/app?f=technique.name:rare&f=technique.name:v0");
        let all = PageQuery { expanded: Some("technique.name".to_owned()), ..query };
        let view = FacetView::from_page(&all, page()).unwrap();
        assert_eq!((view.more, view.values.len()), (None, 10));
        let none = FacetPage { field: "technique.name".to_owned(), values: Vec::new() };
        assert!(FacetView::from_page(&PageQuery::default(), none).is_none());
    }
}
