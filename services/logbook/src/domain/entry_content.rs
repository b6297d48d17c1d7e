//! An entry as clients send and read it: the Event of ICAT+ 5.7.

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use service_kit::fulltext::fold_text;
use utoipa::ToSchema;

use crate::domain::{dates, names};
use crate::error::Error;

const KINDS: [&str; 4] = ["annotation", "notification", "broadcast", "attachment"];
const CATEGORIES: [&str; 6] = ["comment", "info", "error", "debug", "commandline", "file"];

/// What an entry is: written by people, by programs, for everybody, or a file. [`KINDS`] has the names.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "texts of the database and of requests are checked against KINDS")]
pub enum EntryType {
    Annotation,
    Notification,
    Broadcast,
    Attachment,
}

/// What an entry is about; requests may have it in either case. [`CATEGORIES`] has the names.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "texts of the database and of requests are checked against CATEGORIES")]
pub enum Category {
    Comment,
    Info,
    Error,
    Debug,
    Commandline,
    File,
}

/// One form of what is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewEntryContent)]
pub struct Content {
    /// `plainText` or `html`; others are kept.
    pub format: Option<String>,
    pub text: Option<String>,
}

impl Content {
    /// Also under names such as `text/html`, so that no reader takes for harmless what was not cleaned.
    pub fn is_html(&self) -> bool {
        self.format.as_deref().is_some_and(|format| format.to_ascii_lowercase().contains("html"))
    }
}

/// A tag within an entry; clients may send more than the name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagName {
    pub name: String,
}

/// Times of which a calendar of days can be made: from 1970 to 9999, in microseconds.
const CALENDAR: std::ops::Range<i64> = 0..253_402_300_800_000_000;
/// Tags of an entry.
const MOST_TAGS: usize = 100;

/// Tags by their names, each once; more, or longer ones, than anybody reads are refused.
pub fn tags(names: impl Iterator<Item = String>) -> Result<Vec<String>, Error> {
    let tags = unique(names);
    if tags.len() > MOST_TAGS {
        return Err(Error::bad(format!("an entry may have {MOST_TAGS} tags")));
    }
    tags.iter().try_for_each(|name| names::check_tag(name))?;
    Ok(tags)
}

/// What a client sends. Keys that are not known are passed over.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewEntry)]
pub struct Incoming {
    /// Of the entry that is changed.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    #[serde(rename = "type")]
    #[schema(value_type = EntryType)]
    pub kind: Option<String>,
    #[schema(value_type = Category)]
    pub category: Option<String>,
    pub content: Option<Vec<Content>>,
    pub tag: Option<Vec<TagName>>,
    pub title: Option<String>,
    /// Now, if it is left out.
    #[schema(format = DateTime)]
    pub creation_date: Option<String>,
    pub dataset_id: Option<i64>,
    pub dataset_name: Option<String>,
    pub investigation_name: Option<String>,
    pub instrument_name: Option<String>,
    pub username: Option<String>,
    pub full_name: Option<String>,
    pub software: Option<String>,
    pub machine: Option<String>,
    pub source: Option<String>,
    pub filename: Option<String>,
    pub filepath: Option<String>,
}

/// Whether a text of the JSON has a NUL: `\u0000` whose backslash is not itself escaped.
pub fn has_nul(json: &[u8]) -> bool {
    const NUL: &[u8] = b"\\u0000";
    let is_here = |at: usize| {
        let backslashes = json[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        backslashes.is_multiple_of(2)
    };
    json.windows(NUL.len()).enumerate().any(|(at, part)| part == NUL && is_here(at))
}

/// What a body says; without one ICAT+ has a sentence of its own, else `otherwise` says what it is not.
pub fn parsed<T: DeserializeOwned>(body: &[u8], otherwise: &str) -> Result<T, Error> {
    if body.is_empty() {
        return Err(Error::NoBody);
    }
    // No database text can hold it.
    if has_nul(body) {
        return Err(Error::bad("there must be no NUL (\\u0000) in a text"));
    }
    serde_json::from_slice(body).map_err(|e| Error::bad(format!("{otherwise}: {e}")))
}

impl Incoming {
    /// Reads a body; an empty one or another shape is refused with what is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        parsed(body, "the body is no event")
    }
}

/// An entry's present values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: String,
    /// Lower case.
    pub category: String,
    /// `creationDate`, microseconds UTC.
    pub at: i64,
    #[serde(default)]
    pub content: Vec<Content>,
    /// Names, each once.
    #[serde(default)]
    pub tags: Vec<String>,
    pub title: Option<String>,
    pub investigation_id: Option<i64>,
    pub investigation_name: Option<String>,
    pub instrument_name: Option<String>,
    pub dataset_id: Option<i64>,
    pub dataset_name: Option<String>,
    pub username: Option<String>,
    pub full_name: Option<String>,
    pub software: Option<String>,
    pub machine: Option<String>,
    pub source: Option<String>,
    pub filename: Option<String>,
    pub filepath: Option<String>,
    pub file_size: Option<i64>,
    pub content_type: Option<String>,
    /// Ids of attachments.
    #[serde(default)]
    pub files: Vec<String>,
}

impl Event {
    /// Takes what a client sent; `now` stands in for an absent time.
    pub fn from_incoming(incoming: Incoming, now: i64, zone: &TimeZone) -> Result<Self, Error> {
        let kind = one_of("type", incoming.kind, &KINDS, str::to_owned)?;
        let category = one_of("category", incoming.category, &CATEGORIES, str::to_lowercase)?;
        if let Some(instrument) = &incoming.instrument_name {
            names::check_instrument(instrument)?;
        }
        let at = match &incoming.creation_date {
            Some(text) => dates::time("creationDate", text, zone)?,
            None => now,
        };
        Ok(Self {
            kind,
            category,
            at,
            content: incoming.content.unwrap_or_default(),
            tags: tags(incoming.tag.unwrap_or_default().into_iter().map(|tag| tag.name))?,
            title: incoming.title,
            investigation_id: None,
            investigation_name: incoming.investigation_name,
            instrument_name: incoming.instrument_name,
            dataset_id: incoming.dataset_id,
            dataset_name: incoming.dataset_name,
            username: incoming.username,
            full_name: incoming.full_name,
            software: incoming.software,
            machine: incoming.machine,
            source: incoming.source,
            filename: incoming.filename,
            filepath: incoming.filepath,
            file_size: None,
            content_type: None,
            files: Vec::new(),
        })
    }

    /// Whether it could have been sent; for what comes in an archive. The text says what could not.
    pub fn check(&self) -> Result<(), Error> {
        one_of("type", Some(self.kind.clone()), &KINDS, str::to_owned)?;
        one_of("category", Some(self.category.clone()), &CATEGORIES, str::to_owned)?;
        if !CALENDAR.contains(&self.at) {
            return Err(Error::bad("its time is not between 1970 and 9999"));
        }
        if let Some(instrument) = &self.instrument_name {
            names::check_instrument(instrument)?;
        }
        tags(self.tags.iter().cloned()).map(drop)
    }

    /// An attachment and nothing else.
    pub fn attachment(now: i64) -> Self {
        Self::empty("attachment", "file", now)
    }

    /// What somebody writes.
    pub fn comment(now: i64) -> Self {
        Self::empty("annotation", "comment", now)
    }

    /// What a program has to say.
    pub fn notification(category: &str, at: i64) -> Self {
        Self::empty("notification", category, at)
    }

    fn empty(kind: &str, category: &str, now: i64) -> Self {
        Self {
            kind: kind.to_owned(),
            category: category.to_owned(),
            at: now,
            content: Vec::new(),
            tags: Vec::new(),
            title: None,
            investigation_id: None,
            investigation_name: None,
            instrument_name: None,
            dataset_id: None,
            dataset_name: None,
            username: None,
            full_name: None,
            software: None,
            machine: None,
            source: None,
            filename: None,
            filepath: None,
            file_size: None,
            content_type: None,
            files: Vec::new(),
        }
    }

    /// Bytes of all that is written.
    pub fn written_bytes(&self) -> usize {
        self.content.iter().filter_map(|content| content.text.as_ref()).map(String::len).sum()
    }

    /// What is written as HTML, as it was stored.
    pub fn html(&self) -> Option<&str> {
        let html = self.content.iter().find(|part| part.is_html())?;
        html.text.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// What is written, without marks: the plain form if there is one.
    pub fn plain(&self) -> Option<String> {
        let plain = self.content.iter().find(|part| !part.is_html()).and_then(|part| part.text.clone());
        plain.or_else(|| self.html().map(super::plain_text::render_plain_text))
    }

    /// What people read of it, without marks, each text once: what is written comes first. Of an entry with HTML the other
    /// form, such as its Markdown, is left out.
    pub fn readable_texts(&self) -> Vec<String> {
        let written = match self.html() {
            Some(html) => Some(super::plain_text::render_plain_text(html)),
            None => self.plain(),
        };
        let more = [&self.title, &self.full_name, &self.username, &self.dataset_name, &self.filename];
        let mut texts: Vec<String> = Vec::new();
        for text in written.into_iter().chain(more.into_iter().flatten().cloned()) {
            if !texts.iter().any(|known| known.trim() == text.trim()) {
                texts.push(text);
            }
        }
        texts
    }

    /// All that a search looks at, without marks; what is written comes first.
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for content in &self.content {
            let Some(text) = &content.text else { continue };
            let text = if content.is_html() { super::plain_text::render_plain_text(text) } else { text.clone() };
            // Clients often send the same in both forms.
            if !texts.iter().any(|known| known.trim() == text.trim()) {
                texts.push(text);
            }
        }
        let more = [&self.title, &self.username, &self.full_name, &self.dataset_name, &self.filename];
        texts.extend(more.into_iter().flatten().cloned());
        texts.extend(self.tags.iter().cloned());
        texts
    }
}

fn one_of(name: &str, given: Option<String>, known: &[&str], form: impl Fn(&str) -> String) -> Result<String, Error> {
    let given = given.ok_or_else(|| Error::bad(format!("{name} is missing")))?;
    let form = form(&given);
    if known.contains(&form.as_str()) {
        return Ok(form);
    }
    Err(Error::bad(format!("{name} must be one of {}, not {given}", known.join(", "))))
}

/// Names in the order in which they came, each once, whatever its case.
fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    names.filter(|name| !name.trim().is_empty() && seen.insert(fold_text(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::has_nul;

    #[test]
    fn a_nul_is_told_from_a_backslash_that_is_written_out() {
        for (json, expected) in
            [(r#"{"a":"x\u0000"}"#, true), (r#"{"a":"x\\u0000"}"#, false), (r#"{"a":"\\\u0000"}"#, true)]
        {
            assert_eq!(has_nul(json.as_bytes()), expected, "{json}");
        }
    }
}
