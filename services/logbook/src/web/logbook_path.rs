//! Which logbook an address of the page names, and what is said of it.

use identity::Caller;
use serde::Serialize;
use service_kit::{Code, Problem};

use crate::catalogue::users;
use crate::domain::logbook::Book;
use crate::domain::names;
use crate::markup::escape::percent_encode_segment;
use crate::state::State;
use crate::web::session_cookie::HOME;

/// `/logbook/app/{level}/{id}`
#[derive(Debug, Clone)]
pub struct Level {
    pub book: Book,
    /// As it stands in the address.
    id: String,
}

/// For templates.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    pub address: String,
    pub name: String,
    pub title: Option<String>,
    pub day: Option<String>,
}

impl From<Shown> for minijinja::Value {
    fn from(shown: Shown) -> Self {
        minijinja::value::Serde(shown).into()
    }
}

impl Level {
    pub fn parse(level: &str, id: &str) -> Result<Self, Problem> {
        let missing = || Problem::new(Code::NotFound, "logbook/no-such-page", "there is no such logbook");
        let book = match level {
            "investigation" => Book::Investigation(id.parse().map_err(|_| missing())?),
            "instrument" if !id.trim().is_empty() && names::check_instrument(id).is_ok() => Book::of(None, Some(id)),
            "facility" if id == "all" => Book::Facility,
            _ => return Err(missing()),
        };
        Ok(Self { book, id: id.to_owned() })
    }

    /// Of an investigation.
    pub fn investigation(&self) -> Option<i64> {
        if let Book::Investigation(id) = self.book { Some(id) } else { None }
    }

    /// The name of an instrument, as it was written.
    pub fn instrument(&self) -> Option<String> {
        matches!(self.book, Book::Instrument(_)).then(|| self.id.clone())
    }

    pub fn address(&self) -> String {
        match &self.book {
            Book::Investigation(id) => format!("{HOME}/investigation/{id}"),
            Book::Instrument(_) => format!("{HOME}/instrument/{}", percent_encode_segment(&self.id)),
            Book::Facility | Book::Unplaced => format!("{HOME}/facility/all"),
        }
    }

    /// With the name and title that the catalogue has for it.
    pub async fn shown(&self, state: &State, caller: &Caller) -> Shown {
        let (mut name, mut title) = (self.id.clone(), None);
        match self.book {
            Book::Investigation(id) => {
                name = format!("Investigation {id}");
                if let Some(known) = users::investigations(state, caller, &[id]).await.remove(&id) {
                    let text = |key: &str| known[key].as_str().map(str::to_owned);
                    name = text("name").unwrap_or(name);
                    title = text("title");
                }
            }
            Book::Instrument(_) => title = Some("Everything that is written at this instrument".to_owned()),
            Book::Facility | Book::Unplaced => "Messages for everybody".clone_into(&mut name),
        }
        Shown { address: self.address(), name, title, day: None }
    }
}

/// The page of a logbook by the name in the database, such as `investigation/4711`.
pub fn address_of(book: &str) -> String {
    match book.split_once('/') {
        Some((level, id)) => format!("{HOME}/{level}/{}", percent_encode_segment(id)),
        None => format!("{HOME}/facility/all"),
    }
}
