//! What the author of an entry wrote.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use service_kit::Micros;
use service_kit::fulltext::fold_text;
use utoipa::ToSchema;

use crate::domain::entry_kind::{Category, EntryType};
use crate::domain::entry_request::EntryRequest;
use crate::domain::invalid::Invalid;
use crate::domain::{dates, plain_text, values};

/// One form of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewEntryContent)]
pub struct TextPart {
    /// `plainText` or `html`; other formats are stored unchanged.
    pub format: Option<String>,
    pub text: Option<String>,
}

impl TextPart {
    /// Also formats such as `text/html`, so that no HTML is stored without being sanitized.
    pub fn is_html(&self) -> bool {
        self.format.as_deref().is_some_and(|format| format.to_ascii_lowercase().contains("html"))
    }
}

/// Times of which a calendar of days can be made: from 1970 to 9999, in microseconds.
const CALENDAR: std::ops::Range<i64> = 0..253_402_300_800_000_000;
/// Tags of an entry.
const MAX_TAGS: usize = 100;

/// Checks the names of tags and removes duplicates; too many or too long names are refused.
pub fn check_tags(names: impl Iterator<Item = String>) -> Result<Vec<String>, Invalid> {
    let tags = remove_duplicates(names);
    if tags.len() > MAX_TAGS {
        return Err(Invalid::new(format!("an entry may have {MAX_TAGS} tags")));
    }
    tags.iter().try_for_each(|name| values::check_tag_name(name))?;
    Ok(tags)
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

/// What an author wrote, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryContent {
    #[serde(rename = "type")]
    pub kind: EntryType,
    pub category: Category,
    /// `creationDate`
    pub at: Micros,
    #[serde(default, rename = "content")]
    pub parts: Vec<TextPart>,
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

impl EntryContent {
    /// The content of a request; an absent time is `now`.
    pub fn from_request(request: EntryRequest, now: Micros, zone: &TimeZone) -> Result<Self, Invalid> {
        let kind = parse_one_of("type", request.kind, EntryType::ALL, EntryType::name, str::to_owned)?;
        let category = parse_one_of("category", request.category, Category::ALL, Category::name, str::to_lowercase)?;
        if let Some(instrument) = &request.instrument_name {
            values::check_instrument_name(instrument)?;
        }
        let at = match &request.creation_date {
            Some(text) => dates::parse_time("creationDate", text, zone)?,
            None => now,
        };
        Ok(Self {
            kind,
            category,
            at,
            parts: request.content.unwrap_or_default(),
            tags: check_tags(request.tag.unwrap_or_default().into_iter().map(|tag| tag.name))?,
            title: request.title,
            investigation_name: request.investigation_name,
            instrument_name: request.instrument_name,
            dataset_id: request.dataset_id,
            dataset_name: request.dataset_name,
            username: request.username,
            full_name: request.full_name,
            software: request.software,
            machine: request.machine,
            source: request.source,
            filename: request.filename,
            filepath: request.filepath,
            ..Self::default()
        })
    }

    /// Checks what is checked of requests, for entries of an archive.
    pub fn check_values(&self) -> Result<(), Invalid> {
        if !CALENDAR.contains(&self.at.as_i64()) {
            return Err(Invalid::new("its time is not between 1970 and 9999"));
        }
        if let Some(instrument) = &self.instrument_name {
            values::check_instrument_name(instrument)?;
        }
        check_tags(self.tags.iter().cloned()).map(drop)
    }

    /// Content of an entry that only has an attachment.
    pub fn new_attachment(now: Micros) -> Self {
        Self::new_of_kind(EntryType::Attachment, Category::File, now)
    }

    /// Content of a comment.
    pub fn new_comment(now: Micros) -> Self {
        Self::new_of_kind(EntryType::Annotation, Category::Comment, now)
    }

    /// Content of a notification.
    pub fn new_notification(category: Category, at: Micros) -> Self {
        Self::new_of_kind(EntryType::Notification, category, at)
    }

    fn new_of_kind(kind: EntryType, category: Category, at: Micros) -> Self {
        Self { kind, category, at, ..Self::default() }
    }

    /// Bytes of all written text.
    pub fn text_bytes(&self) -> usize {
        self.parts.iter().filter_map(|content| content.text.as_ref()).map(String::len).sum()
    }

    /// The HTML, as it is stored.
    pub fn html(&self) -> Option<&str> {
        let html = self.parts.iter().find(|part| part.is_html())?;
        html.text.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The written text without markup: the plain form if there is one.
    pub fn plain_text(&self) -> Option<String> {
        let plain = self.parts.iter().find(|part| !part.is_html()).and_then(|part| part.text.clone());
        plain.or_else(|| self.html().map(plain_text::render_plain_text))
    }

    /// The texts that people read, without markup, each once; the written text comes first. If an entry has HTML, its other
    /// form, such as its Markdown, is left out.
    pub fn readable_texts(&self) -> Vec<String> {
        let written = match self.html() {
            Some(html) => Some(plain_text::render_plain_text(html)),
            None => self.plain_text(),
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

    /// All texts that are searched, without markup; the written text comes first.
    pub fn searchable_texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for part in &self.parts {
            let Some(text) = &part.text else { continue };
            let text = if part.is_html() { plain_text::render_plain_text(text) } else { text.clone() };
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

fn parse_one_of<T: Copy, const N: usize>(
    parameter: &str,
    given: Option<String>,
    known: [T; N],
    name_of: fn(T) -> &'static str,
    form: impl Fn(&str) -> String,
) -> Result<T, Invalid> {
    let given = given.ok_or_else(|| Invalid::new(format!("{parameter} is missing")))?;
    let form = form(&given);
    known.into_iter().find(|value| name_of(*value) == form).ok_or_else(|| {
        Invalid::new(format!("{parameter} must be one of {}, not {given}", known.map(name_of).join(", ")))
    })
}

/// Names in the order in which they came, each once, whatever its case.
fn remove_duplicates(names: impl Iterator<Item = String>) -> Vec<String> {
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
