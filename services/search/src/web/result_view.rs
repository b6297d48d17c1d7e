//! A page of the search as its template shows it.

use serde::Serialize;

use super::PAGE_ADDRESS;
use super::facet_view::FacetView;
use super::folder_view::FolderView;
use super::hit_view::{HitContext, HitView};
use super::number_format::format_count;
use super::page_query::{PageQuery, SORTS, Tab, label_field};
use super::pages::Pages;
use crate::searches::find_directories::DirectoryTree;
use crate::searches::find_page::SearchPage;

/// The number of rows in another tab.
pub struct TabTotal {
    pub tab: Tab,
    pub total: u64,
    pub is_lower_bound: bool,
}

/// What was found.
pub struct Found {
    pub page: SearchPage,
    pub totals: Vec<TabTotal>,
}

#[derive(Debug, Serialize)]
pub struct SearchView {
    text: String,
    tab: &'static str,
    from: String,
    until: String,
    mine: bool,
    /// Whether one of the conditions beside the box is set.
    has_conditions: bool,
    sorts: Vec<SortView>,
    /// What the form keeps.
    kept: Vec<(&'static str, String)>,
    tabs: Vec<TabView>,
    chips: Vec<ChipView>,
    is_narrowed: bool,
    start: &'static str,
    facets: Vec<FacetView>,
    folders: Option<FolderView>,
    examples: Vec<ExampleView>,
    /// What is wrong with the search.
    mistake: Option<MistakeView>,
    result: Option<ResultView>,
}

#[derive(Debug, Serialize)]
struct MistakeView {
    text: String,
    /// Whether it is the text of the box, and not one of the conditions beside it.
    is_in_box: bool,
}

#[derive(Debug, Serialize)]
struct SortView {
    name: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Debug, Serialize)]
struct TabView {
    label: &'static str,
    address: String,
    total: Option<String>,
    is_current: bool,
}

/// A condition that can be removed.
#[derive(Debug, Serialize)]
struct ChipView {
    label: String,
    value: String,
    address: String,
}

#[derive(Debug, Serialize)]
struct ExampleView {
    text: String,
    meaning: &'static str,
    address: String,
}

#[derive(Debug, Serialize)]
struct ResultView {
    total: String,
    hits: Vec<HitView>,
    /// Ids of the rows of this page.
    shown_ids: String,
    next: Option<String>,
    first: Option<String>,
    is_incomplete: bool,
    is_lower_bound: bool,
    is_newer_than_first_page: bool,
    /// Ways to find more.
    wider: Vec<WiderView>,
}

#[derive(Debug, Serialize)]
struct WiderView {
    text: String,
    address: String,
}

impl SearchView {
    pub fn new(pages: &Pages, query: &PageQuery, found: Result<Found, String>, tree: Option<DirectoryTree>) -> Self {
        let are_paths_relative = tree.as_ref().is_some_and(|tree| query.directory.is_empty() && tree.is_relative());
        let folders = tree.and_then(|tree| FolderView::from_tree(query, tree));
        let (found, mistake) = match found {
            Ok(found) => (Some(found), None),
            Err(mistake) => (None, Some(mistake)),
        };
        let tabs = list_tabs(query, found.as_ref());
        let (facets, result) = match found {
            Some(found) => split_page(pages, query, found, are_paths_relative),
            None => (Vec::new(), None),
        };
        let sort = query.effective_sort();
        Self {
            text: query.text.clone(),
            tab: query.tab.name(),
            from: query.from.clone(),
            until: query.until.clone(),
            mine: query.mine,
            has_conditions: !(query.from.is_empty() && query.until.is_empty()) || query.mine || query.sort.is_some(),
            sorts: SORTS
                .iter()
                .map(|(known, name, label)| SortView { name, label, is_chosen: *known == sort })
                .collect(),
            kept: query.list_kept_parameters(),
            tabs,
            chips: list_chips(query),
            is_narrowed: query.is_narrowed(),
            start: PAGE_ADDRESS,
            facets,
            examples: list_examples(query, folders.as_ref()),
            folders,
            mistake: mistake.map(|text| MistakeView { text, is_in_box: is_text_mistaken(pages, query) }),
            result,
        }
    }
}

/// Whether a search that was refused would be right without its text. Further pages have the text of the first one.
fn is_text_mistaken(pages: &Pages, query: &PageQuery) -> bool {
    let conditions = query.to_body().to_query(query.tab.target(), &pages.searches.zone, "");
    !query.text.is_empty() && query.cursor.is_none() && conditions.is_ok()
}

fn split_page(
    pages: &Pages,
    query: &PageQuery,
    found: Found,
    are_paths_relative: bool,
) -> (Vec<FacetView>, Option<ResultView>) {
    let Found { page, totals } = found;
    let facets = page.facets.into_iter().filter_map(|facet| FacetView::from_page(query, facet)).collect();
    let context = HitContext { query, zone: &pages.searches.zone, logbook_page: pages.logbook_page.as_deref() };
    let ids: Vec<String> = page.hits.iter().map(|hit| hit.id.to_string()).collect();
    let next = page.cursor.map(|cursor| {
        let mut next = query.change_query(|_| {});
        next.cursor = Some(cursor);
        next.address()
    });
    let at_least = if page.is_total_lower_bound { "At least " } else { "" };
    let result = ResultView {
        total: format!("{at_least}{} {}", format_count(page.total), query.tab.noun(page.total)),
        wider: if page.hits.is_empty() && query.cursor.is_none() {
            list_wider(query, &totals, are_paths_relative)
        } else {
            Vec::new()
        },
        hits: page.hits.into_iter().map(|hit| context.render_hit(hit)).collect(),
        shown_ids: ids.join(","),
        next,
        first: query.cursor.is_some().then(|| query.change_query(|_| {}).address()),
        is_incomplete: !page.is_index_complete,
        is_lower_bound: page.is_total_lower_bound,
        is_newer_than_first_page: page.is_newer_than_cursor,
    };
    (facets, Some(result))
}

fn list_tabs(query: &PageQuery, found: Option<&Found>) -> Vec<TabView> {
    let total_of = |tab: Tab| {
        let found = found?;
        let (total, is_lower_bound) = if tab == query.tab {
            (found.page.total, found.page.is_total_lower_bound)
        } else {
            let other = found.totals.iter().find(|total| total.tab == tab)?;
            (other.total, other.is_lower_bound)
        };
        Some(format!("{}{}", format_count(total), if is_lower_bound { "+" } else { "" }))
    };
    let view = |tab: Tab| TabView {
        label: tab.label(),
        address: query.in_tab(tab).address(),
        total: total_of(tab),
        is_current: tab == query.tab,
    };
    Tab::ALL.into_iter().map(view).collect()
}

fn list_chips(query: &PageQuery) -> Vec<ChipView> {
    let chip = |label: &str, value: &str, without: PageQuery| ChipView {
        label: label.to_owned(),
        value: value.to_owned(),
        address: without.address(),
    };
    let mut chips = Vec::new();
    if !query.directory.is_empty() {
        chips.push(chip("Folder", &query.directory, query.change_query(|query| query.directory.clear())));
    }
    for (field, value) in &query.values {
        chips.push(chip(label_field(field), value, query.without_value(field, value)));
    }
    if !query.from.is_empty() {
        chips.push(chip("From", &query.from, query.change_query(|query| query.from.clear())));
    }
    if !query.until.is_empty() {
        chips.push(chip("Until", &query.until, query.change_query(|query| query.until.clear())));
    }
    if query.mine {
        chips.push(chip("Only", "mine", query.change_query(|query| query.mine = false)));
    }
    chips
}

/// What the box understands, where nothing is asked for yet.
fn list_examples(query: &PageQuery, folders: Option<&FolderView>) -> Vec<ExampleView> {
    if query.is_narrowed() {
        return Vec::new();
    }
    let directory = folders.and_then(FolderView::first_path).filter(|path| !path.contains(char::is_whitespace));
    let directory = directory.unwrap_or("/data");
    let mut examples = vec![
        ("lysozyme".to_owned(), "a word, in any of its forms"),
        ("\"room temperature\"".to_owned(), "words in this order"),
        ("lysozyme AND NOT test".to_owned(), "one word without the other"),
        ("name:scan*".to_owned(), "names that begin like this"),
    ];
    if query.tab == Tab::Datafiles {
        examples.extend([
            (format!("{directory}/"), "all files in this folder"),
            (format!("{directory}/**/*.nxs"), "paths that match: * for any characters, ** for any folders"),
            ("fileSize:>1000000000".to_owned(), "more than a gigabyte"),
        ]);
    }
    let view = |(text, meaning): (String, &'static str)| {
        let address = query.change_query(|query| query.text.clone_from(&text)).address();
        ExampleView { text, meaning, address }
    };
    examples.into_iter().map(view).collect()
}

/// Where nothing was found: the conditions to leave out, words to shorten, and tabs that have rows.
fn list_wider(query: &PageQuery, totals: &[TabTotal], are_paths_relative: bool) -> Vec<WiderView> {
    let mut wider: Vec<WiderView> = Vec::new();
    for chip in list_chips(query) {
        let text = format!("Search without the condition {}: {}", chip.label, chip.value);
        wider.push(WiderView { text, address: chip.address });
    }
    let relative = query.text.trim_start_matches('/');
    if are_paths_relative && relative != query.text && !relative.is_empty() {
        let text = format!("No path here begins with /. Search for {relative}");
        let address = query.change_query(|query| relative.clone_into(&mut query.text)).address();
        wider.push(WiderView { text, address });
    }
    let is_word = !query.text.is_empty() && query.text.chars().all(char::is_alphanumeric);
    if is_word {
        let begins = query.change_query(|query| query.text.push('*'));
        wider.push(WiderView {
            text: format!("Search for words that begin with {}", query.text),
            address: begins.address(),
        });
    }
    for other in totals.iter().filter(|total| total.total > 0) {
        let TabTotal { tab, total, is_lower_bound } = other;
        let (count, plus) = (format_count(*total), if *is_lower_bound { "+" } else { "" });
        let text = format!("{}: {count}{plus} found", tab.label());
        wider.push(WiderView { text, address: query.in_tab(*tab).address() });
    }
    wider
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_result_says_how_to_find_more() {
        let query = PageQuery { text: "lyso".to_owned(), mine: true, ..PageQuery::default() };
        let query = query.with_value("instrument.name", "BL07");
        let totals = [
            TabTotal { tab: Tab::Datasets, total: 1, is_lower_bound: false },
            TabTotal { tab: Tab::Investigations, total: 0, is_lower_bound: false },
        ];
        let wider: Vec<(String, String)> =
            list_wider(&query, &totals, true).into_iter().map(|wider| (wider.text, wider.address)).collect();
        let expected = [
            ("Search without the condition Instrument: BL07", "/search/app?q=lyso&mine=true"),
            ("Search without the condition Only: mine", "/search/app?q=lyso&f=instrument.name:BL07"),
            ("Search for words that begin with lyso", "/search/app?q=lyso%2A&f=instrument.name:BL07&mine=true"),
            ("Datasets: 1 found", "/search/app?q=lyso&in=datasets&f=instrument.name:BL07&mine=true"),
        ];
        assert_eq!(wider, expected.map(|(text, address)| (text.to_owned(), address.to_owned())));
    }

    #[test]
    fn an_absolute_path_becomes_a_relative_one_where_there_are_no_others() {
        let query = PageQuery { text: "/MX-1/*.h5".to_owned(), ..PageQuery::default() };
        let wider = list_wider(&query, &[], true);
        assert_eq!(wider[0].text, "No path here begins with /. Search for MX-1/*.h5");
        assert_eq!(wider[0].address, "/search/app?q=MX-1/%2A.h5");
        assert!(list_wider(&query, &[], false).is_empty());
    }

    #[test]
    fn examples_are_for_an_empty_box() {
        let texts = |query: &PageQuery| -> Vec<String> {
            list_examples(query, None).into_iter().map(|example| example.text).collect()
        };
        assert!(texts(&PageQuery::default()).contains(&"/data/**/*.nxs".to_owned()));
        assert_eq!(texts(&PageQuery { tab: Tab::Datasets, ..PageQuery::default() }).len(), 4);
        assert_eq!(texts(&PageQuery { text: "a".to_owned(), ..PageQuery::default() }).len(), 0);
    }
}
