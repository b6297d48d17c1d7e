//! The investigations that somebody sees in the catalogue: narrowed by name, instrument and year, page by page.

use icat_client::client::quote_string;
use identity::Caller;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::Value;

use crate::http::PAGE_ADDRESS;
use crate::markup::escape::percent_encode_segment;
use crate::web::entry_view::DAY;
use crate::web::logbook_path::LogbookSummary;
use crate::web::pages::Pages;

/// Investigations of a page.
const PAGE: usize = 50;
/// Bytes of a name that is looked for.
const MAX_NAME: usize = 255;

/// What the start page is asked for; empty fields are those that nobody has filled in.
#[derive(Debug, Default, Clone, Deserialize)]
pub struct InvestigationQuery {
    /// A part of the name or the title.
    #[serde(default)]
    name: String,
    #[serde(default)]
    instrument: String,
    #[serde(default)]
    year: String,
    /// From 1.
    #[serde(default)]
    page: String,
}

/// A page of the list.
pub struct InvestigationPage {
    pub investigations: Vec<LogbookSummary>,
    /// Addresses of the pages around it.
    pub newer: Option<String>,
    pub older: Option<String>,
}

impl InvestigationQuery {
    pub fn name(&self) -> &str {
        self.name.trim()
    }

    pub fn instrument(&self) -> &str {
        self.instrument.trim()
    }

    /// `None` also for what is no year.
    pub fn year(&self) -> Option<i16> {
        self.year.trim().parse().ok().filter(|year| (1900..=9998).contains(year))
    }

    pub fn has_filter(&self) -> bool {
        !self.name().is_empty() || !self.instrument().is_empty() || self.year().is_some()
    }

    fn page_number(&self) -> usize {
        self.page.trim().parse().ok().filter(|page| (1..100_000).contains(page)).unwrap_or(1)
    }

    fn to_query(&self) -> String {
        let (mut joins, mut conditions) = (String::new(), Vec::new());
        if !self.name().is_empty() && self.name().len() <= MAX_NAME {
            let part = quote_string(&self.name().to_uppercase());
            conditions.push(format!("(LOCATE({part}, UPPER(i.name)) > 0 OR LOCATE({part}, UPPER(i.title)) > 0)"));
        }
        if !self.instrument().is_empty() {
            joins.push_str(" JOIN i.investigationInstruments ii JOIN ii.instrument n");
            conditions.push(format!("UPPER(n.name) = {}", quote_string(&self.instrument().to_uppercase())));
        }
        if let Some(year) = self.year() {
            let next = year + 1;
            conditions.push(format!(
                "i.startDate >= {{ts {year}-01-01 00:00:00}} AND i.startDate < {{ts {next}-01-01 00:00:00}}"
            ));
        }
        let conditions =
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        // One more row shows whether there are older investigations.
        format!(
            "SELECT DISTINCT i.id, i.name, i.title, i.startDate FROM Investigation i{joins}{conditions} \
             ORDER BY i.startDate DESC, i.id DESC LIMIT {}, {}",
            (self.page_number() - 1) * PAGE,
            PAGE + 1
        )
    }

    fn page_address(&self, page: usize) -> String {
        let given = [("name", self.name()), ("instrument", self.instrument()), ("year", self.year.trim())];
        let given = given.iter().filter(|(_, value)| !value.is_empty());
        let given: Vec<String> =
            given.map(|(name, value)| format!("{name}={}&", percent_encode_segment(value))).collect();
        format!("{PAGE_ADDRESS}?{}page={page}", given.concat())
    }
}

/// Those that began last first.
pub async fn find_investigations(pages: &Pages, caller: &Caller, asked: &InvestigationQuery) -> InvestigationPage {
    let rows = pages.users.search_catalogue(caller, &asked.to_query()).await;
    let page = asked.page_number();
    InvestigationPage {
        investigations: rows.iter().take(PAGE).filter_map(|row| summarize_row(row, &pages.zone)).collect(),
        newer: (page > 1).then(|| asked.page_address(page - 1)),
        older: (rows.len() > PAGE).then(|| asked.page_address(page + 1)),
    }
}

fn summarize_row(row: &Value, zone: &TimeZone) -> Option<LogbookSummary> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let day = row[3].as_str().and_then(|start| start.parse::<jiff::Timestamp>().ok());
    Some(LogbookSummary {
        address: format!("{PAGE_ADDRESS}/investigation/{}", row[0].as_i64()?),
        name: text(&row[1])?,
        title: text(&row[2]),
        day: day.map(|start| zone.to_datetime(start).strftime(DAY).to_string()),
    })
}

/// Names of all instruments, to choose from.
pub async fn list_instruments(pages: &Pages, caller: &Caller) -> Vec<String> {
    let rows =
        pages.users.search_catalogue(caller, "SELECT n.name FROM Instrument n ORDER BY n.name LIMIT 0, 500").await;
    rows.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_say_what_was_filled_in() {
        let asked = |name: &str, instrument: &str, year: &str, page: &str| InvestigationQuery {
            name: name.to_owned(),
            instrument: instrument.to_owned(),
            year: year.to_owned(),
            page: page.to_owned(),
        };
        let all = "SELECT DISTINCT i.id, i.name, i.title, i.startDate FROM Investigation i \
                   ORDER BY i.startDate DESC, i.id DESC LIMIT 0, 51";
        assert_eq!(InvestigationQuery::default().to_query(), all);
        assert_eq!(asked(" ", "", "x", "0").to_query(), all, "what says nothing does not count");
        let narrow = asked("o'x", "bl07", "2026", "3");
        assert_eq!(
            narrow.to_query(),
            "SELECT DISTINCT i.id, i.name, i.title, i.startDate FROM Investigation i \
             JOIN i.investigationInstruments ii JOIN ii.instrument n \
             WHERE (LOCATE('O''X', UPPER(i.name)) > 0 OR LOCATE('O''X', UPPER(i.title)) > 0) AND UPPER(n.name) = 'BL07' \
             AND i.startDate >= {ts 2026-01-01 00:00:00} AND i.startDate < {ts 2027-01-01 00:00:00} \
             ORDER BY i.startDate DESC, i.id DESC LIMIT 100, 51"
        );
        assert_eq!(narrow.page_address(4), "/logbook/app?name=o%27x&instrument=bl07&year=2026&page=4");
    }
}
