//! A row of a result as its template shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use service_kit::pages::percent_encode_segment;

use super::number_format::{format_bytes, format_count};
use super::page_query::{PageQuery, Tab};
use crate::results::highlights::TextPart;
use crate::searches::hits::{InvestigationOfRow, NamedRow, SearchHit};

/// A moment and a day as people read them.
const MOMENT: &str = "%-d %b %Y, %H:%M";
const DAY: &str = "%-d %b %Y";
/// Characters of an excerpt, and of the text before the first word that was found.
const MAX_EXCERPT: usize = 260;
const MAX_BEFORE: usize = 60;

#[derive(Debug, Serialize)]
pub struct HitView {
    id: i64,
    /// The whole name, for labels.
    plain_name: String,
    name: Vec<TextPart>,
    /// Of investigations.
    visit: Option<String>,
    title: Vec<TextPart>,
    /// A part of the description.
    excerpt: Vec<TextPart>,
    location: Option<LocationView>,
    /// Size, type and the like, in a few words each.
    facts: Vec<String>,
    /// When it was written or measured, and as machines read it.
    date: Option<String>,
    datetime: Option<String>,
    links: Vec<LinkView>,
    logbook: Option<String>,
    doi: Option<DoiView>,
}

/// The path of a file.
#[derive(Debug, Serialize)]
struct LocationView {
    directory: String,
    name: String,
    /// Whether the row has the same name, so that a small screen need not show it twice.
    is_name_of_row: bool,
    /// The address of the search in its directory.
    address: Option<String>,
}

/// A related row, or the rows that belong to this one.
#[derive(Debug, Serialize)]
struct LinkView {
    label: Option<&'static str>,
    text: String,
    title: Option<String>,
    address: String,
}

#[derive(Debug, Serialize)]
struct DoiView {
    text: String,
    address: String,
}

/// What views of rows need besides the rows.
pub struct HitContext<'a> {
    pub query: &'a PageQuery,
    pub zone: &'a TimeZone,
    pub logbook_page: Option<&'a str>,
}

impl HitContext<'_> {
    pub fn render_hit(&self, hit: SearchHit) -> HitView {
        let tab = self.query.tab;
        let mut highlights = hit.highlights;
        let excerpt = cut_excerpt(take_parts(&mut highlights, "description", hit.description.as_deref()));
        let (date, datetime) = (self.render_date(tab, hit.date, hit.end_date), hit.date.map(|date| date.to_string()));
        let mut facts: Vec<String> = Vec::new();
        let files = hit.file_count.and_then(|count| u64::try_from(count).ok()).filter(|_| tab != Tab::Datafiles);
        // A dataset or investigation without a number of files may well have some: then nothing is said.
        let (files, has_size) =
            (files.filter(|count| *count > 0), tab == Tab::Datafiles || files.is_some_and(|n| n > 0));
        facts.extend(hit.file_size.filter(|_| has_size).and_then(|size| u64::try_from(size).ok()).map(format_bytes));
        facts.extend(
            files.map(|count| format!("{} {}", format_count(count), if count == 1 { "file" } else { "files" })),
        );
        facts.extend(hit.format.into_iter().chain(hit.kind).map(|row| row.name));
        facts.extend(hit.sample.map(|sample| format!("Sample {}", sample.name)));
        let instruments: Vec<String> = hit.instruments.into_iter().map(|instrument| instrument.name).collect();
        facts.extend((!instruments.is_empty()).then(|| instruments.join(", ")));
        let own = (tab == Tab::Investigations).then(|| InvestigationOfRow {
            id: hit.id,
            name: hit.name.clone(),
            visit_id: hit.visit_id.clone(),
            title: hit.title.clone(),
        });
        let investigation = hit.investigation.or(own);
        let own_dataset = (tab == Tab::Datasets).then(|| NamedRow { id: hit.id, name: hit.name.clone() });
        let links = list_links(tab, hit.dataset.or(own_dataset), investigation.as_ref());
        let logbook = investigation.as_ref().zip(self.logbook_page);
        HitView {
            id: hit.id,
            name: take_parts(&mut highlights, "name", Some(&hit.name)),
            title: take_parts(&mut highlights, "title", hit.title.as_deref()),
            visit: hit.visit_id.filter(|_| tab == Tab::Investigations),
            location: hit.location.map(|location| self.render_location(&location, &hit.name)),
            plain_name: hit.name,
            excerpt,
            facts,
            date,
            datetime,
            links,
            logbook: logbook.map(|(investigation, page)| format!("{page}/investigation/{}", investigation.id)),
            doi: hit.doi.filter(|doi| !doi.is_empty()).map(|doi| DoiView { address: doi_address(&doi), text: doi }),
        }
    }

    /// A moment, or the days of a dataset or investigation.
    fn render_date(&self, tab: Tab, from: Option<Timestamp>, until: Option<Timestamp>) -> Option<String> {
        let format = |at: Timestamp, format| self.zone.to_datetime(at).strftime(format).to_string();
        let from = from?;
        if tab == Tab::Datafiles {
            return Some(format(from, MOMENT));
        }
        let (first, last) = (format(from, DAY), until.map(|until| format(until, DAY)));
        Some(match last {
            Some(last) if last != first => format!("{first} – {last}"),
            _ => first,
        })
    }

    /// The path in two parts; files of `/` have no directory that can be searched.
    fn render_location(&self, location: &str, row: &str) -> LocationView {
        let end = location.rfind(['/', '\\']).map_or(0, |separator| separator + 1);
        let (directory, name) = location.split_at(end);
        let searched = directory.trim_end_matches(['/', '\\']);
        let address = (!searched.is_empty())
            .then(|| self.query.change_query(|query| searched.clone_into(&mut query.directory)).address());
        let is_name_of_row = name == row && !directory.is_empty();
        LocationView { directory: directory.to_owned(), name: name.to_owned(), is_name_of_row, address }
    }
}

/// The dataset and the investigation of a row, and what belongs to it, as searches.
fn list_links(tab: Tab, dataset: Option<NamedRow>, investigation: Option<&InvestigationOfRow>) -> Vec<LinkView> {
    let mut of_investigation = PageQuery::default();
    if let Some(investigation) = investigation {
        of_investigation = of_investigation.with_value("investigation.name", &investigation.name);
        if let Some(visit) = &investigation.visit_id {
            of_investigation = of_investigation.with_value("visitId", visit);
        }
    }
    let files_of = |dataset: &NamedRow| of_investigation.with_value("dataset.name", &dataset.name).address();
    let in_tab = |tab| of_investigation.change_query(|query| query.tab = tab).address();
    let link = |text: &str, address: String| LinkView { label: None, text: text.to_owned(), title: None, address };
    let to_investigation = investigation.map(|investigation| LinkView {
        label: Some("Investigation"),
        text: investigation.name.clone(),
        title: investigation.title.clone(),
        address: in_tab(Tab::Datasets),
    });
    match tab {
        Tab::Datafiles => {
            let to_dataset = dataset.map(|dataset| LinkView {
                label: Some("Dataset"),
                address: files_of(&dataset),
                text: dataset.name,
                title: None,
            });
            to_dataset.into_iter().chain(to_investigation).collect()
        }
        Tab::Datasets => {
            let files = dataset.map(|dataset| link("Datafiles", files_of(&dataset)));
            to_investigation.into_iter().chain(files).collect()
        }
        Tab::Investigations => {
            vec![link("Datasets", in_tab(Tab::Datasets)), link("Datafiles", in_tab(Tab::Datafiles))]
        }
    }
}

fn take_parts(highlights: &mut BTreeMap<String, Vec<TextPart>>, member: &str, text: Option<&str>) -> Vec<TextPart> {
    let plain =
        || text.filter(|text| !text.is_empty()).map(|text| vec![TextPart { text: text.to_owned(), found: false }]);
    highlights.remove(member).or_else(plain).unwrap_or_default()
}

/// The beginning of a text, or what is around the first word that was found.
fn cut_excerpt(parts: Vec<TextPart>) -> Vec<TextPart> {
    let has_found = parts.iter().any(|part| part.found);
    let (mut excerpt, mut room) = (Vec::new(), MAX_EXCERPT);
    for (place, TextPart { text, found }) in parts.into_iter().enumerate() {
        let length = text.chars().count();
        let text = if place == 0 && !found && has_found && length > MAX_BEFORE {
            format!("…{}", text.chars().skip(length - MAX_BEFORE).collect::<String>())
        } else {
            text
        };
        let length = text.chars().count();
        if length > room {
            let text = format!("{}…", text.chars().take(room).collect::<String>());
            excerpt.push(TextPart { text, found });
            break;
        }
        room -= length;
        excerpt.push(TextPart { text, found });
    }
    excerpt
}

fn doi_address(doi: &str) -> String {
    let segments: Vec<String> = doi.split('/').map(percent_encode_segment).collect();
    format!("https://doi.org/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, found: bool) -> TextPart {
        TextPart { text: text.to_owned(), found }
    }

    #[test]
    fn excerpts_show_what_was_found() {
        let short = vec![part("a ", false), part("word", true), part(" b", false)];
        assert_eq!(cut_excerpt(short.clone()), short);
        let far = cut_excerpt(vec![part(&"x".repeat(500), false), part("word", true), part(&"y".repeat(500), false)]);
        assert_eq!(far[0].text, format!("…{}", "x".repeat(MAX_BEFORE)));
        assert_eq!((far[1].text.as_str(), far[1].found), ("word", true));
        assert_eq!(far[2].text.chars().count(), MAX_EXCERPT - MAX_BEFORE - 1 - 4 + 1);
        let plain = cut_excerpt(vec![part(&"é".repeat(500), false)]);
        assert_eq!(plain[0].text, format!("{}…", "é".repeat(MAX_EXCERPT)));
    }

    #[test]
    fn a_path_leads_to_its_directory() {
        let zone = TimeZone::UTC;
        let query = PageQuery::default();
        let context = HitContext { query: &query, zone: &zone, logbook_page: None };
        for (location, directory, name, address) in [
            ("/data/a b/x.nxs", "/data/a b/", "x.nxs", Some("/search/app?dir=/data/a%20b")),
            ("\\\\isis\\inst$\\x.raw", "\\\\isis\\inst$\\", "x.raw", Some("/search/app?dir=%5C%5Cisis%5Cinst%24")),
            ("/x", "/", "x", None),
            ("x", "", "x", None),
        ] {
            let view = context.render_location(location, name);
            assert_eq!(view.is_name_of_row, !directory.is_empty());
            assert_eq!((view.directory.as_str(), view.name.as_str()), (directory, name));
            assert_eq!(view.address.as_deref(), address);
        }
        assert_eq!(doi_address("10.5072/a b"), "https://doi.org/10.5072/a%20b");
    }
}
