//! The addresses of logbooks in the page.

use serde::Serialize;
use service_kit::{Code, Problem};

use crate::domain::logbook::Logbook;
use crate::domain::values;
use crate::http::PAGE_ADDRESS;
use crate::markup::escape::percent_encode_segment;

/// `/logbook/app/{level}/{id}`
#[derive(Debug, Clone)]
pub struct LogbookPath {
    pub logbook: Logbook,
    /// As it stands in the address.
    pub id: String,
}

/// For templates.
#[derive(Debug, Clone, Serialize)]
pub struct LogbookSummary {
    pub address: String,
    pub name: String,
    pub title: Option<String>,
    pub day: Option<String>,
}

impl From<LogbookSummary> for minijinja::Value {
    fn from(shown: LogbookSummary) -> Self {
        minijinja::value::Serde(shown).into()
    }
}

impl LogbookPath {
    pub fn parse(level: &str, id: &str) -> Result<Self, Problem> {
        let missing = || Problem::new(Code::NotFound, "logbook/no-such-page", "there is no such logbook");
        let logbook = match level {
            "investigation" => Logbook::Investigation(id.parse().map_err(|_| missing())?),
            "instrument" if !id.trim().is_empty() && values::check_instrument_name(id).is_ok() => {
                Logbook::from_ids(None, Some(id))
            }
            "facility" if id == "all" => Logbook::Facility,
            _ => return Err(missing()),
        };
        Ok(Self { logbook, id: id.to_owned() })
    }

    /// The name of an instrument, as it was written.
    pub fn instrument(&self) -> Option<String> {
        matches!(self.logbook, Logbook::Instrument(_)).then(|| self.id.clone())
    }

    pub fn address(&self) -> String {
        match &self.logbook {
            Logbook::Investigation(id) => format!("{PAGE_ADDRESS}/investigation/{id}"),
            Logbook::Instrument(_) => format!("{PAGE_ADDRESS}/instrument/{}", percent_encode_segment(&self.id)),
            Logbook::Facility | Logbook::Unassigned => format!("{PAGE_ADDRESS}/facility/all"),
        }
    }
}

/// The page of a logbook by the name in the database, such as `investigation/4711`.
pub fn logbook_address(book: &str) -> String {
    match book.split_once('/') {
        Some((level, id)) => format!("{PAGE_ADDRESS}/{level}/{}", percent_encode_segment(id)),
        None => format!("{PAGE_ADDRESS}/facility/all"),
    }
}
