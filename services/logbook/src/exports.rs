//! Lists of entries as files, piece by piece: whatever their number, only one piece is in memory.

use std::fmt::Write as _;
use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use service_kit::Problem;

use crate::domain::dates;
use crate::domain::filter::{Filter, Page};
use crate::entries;
use crate::error::Error;
use crate::state::State;
use crate::store::entries::{Entry, Scope, list_after};

/// Entries of a piece.
const PIECE: i64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Text,
    JsonLines,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Text, Self::Csv, Self::JsonLines];

    /// `None` for JSON, which is no file.
    pub fn parse(text: Option<&str>) -> Result<Option<Self>, Error> {
        match text.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "json" => Ok(None),
            "csv" => Ok(Some(Self::Csv)),
            "txt" | "text" => Ok(Some(Self::Text)),
            "jsonl" => Ok(Some(Self::JsonLines)),
            other => Err(Error::bad(format!("format must be json, csv, txt or jsonl, not {other}"))),
        }
    }

    /// Also the end of file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Text => "txt",
            Self::JsonLines => "jsonl",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::JsonLines => "application/jsonl",
        }
    }
}

struct Export {
    state: Arc<State>,
    scope: Scope,
    filter: Filter,
    page: Page,
    format: Format,
    last: Option<Entry>,
    is_begun: bool,
}

/// The whole file. Each piece is read by itself, so that a slow reader holds nothing of the database.
pub fn stream(
    state: Arc<State>,
    scope: Scope,
    filter: Filter,
    page: Page,
    format: Format,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    let export = Export { state, scope, filter, page, format, last: None, is_begun: false };
    stream::try_unfold(export, |mut export| async move {
        let piece = export.piece().await.inspect_err(|e| tracing::error!(error = %e, "an export broke off"))?;
        Ok(piece.map(|piece| (Bytes::from(piece), export)))
    })
}

impl Export {
    /// The next entries; `None` after the last.
    async fn piece(&mut self) -> Result<Option<String>, Problem> {
        let left = self.page.limit.unwrap_or(i64::MAX);
        let page = Page { limit: Some(left.min(PIECE)), ..self.page };
        let mut tx = self.state.db.read().await?;
        let found = list_after(&mut tx, &self.scope, &self.filter, page, self.last.as_ref()).await?;
        let mut out = String::new();
        if !self.is_begun && self.format == Format::Csv {
            out.push_str(&COLUMNS.join(","));
            out.push_str("\r\n");
        }
        match self.format {
            Format::Csv => found.iter().for_each(|entry| csv(&mut out, entry)),
            Format::Text => found.iter().for_each(|entry| text(&mut out, entry, &self.state.zone)),
            Format::JsonLines => {
                for shown in entries::show_all(&self.state, &mut tx, &found).await? {
                    let _ = writeln!(out, "{shown}");
                }
            }
        }
        self.page.limit = Some(left - i64::try_from(found.len()).unwrap_or(i64::MAX));
        self.page.skip = 0;
        self.is_begun = true;
        self.last = found.into_iter().last().or(self.last.take());
        Ok(if out.is_empty() { None } else { Some(out) })
    }
}

const COLUMNS: [&str; 16] = [
    "_id",
    "creationDate",
    "type",
    "category",
    "username",
    "investigationId",
    "investigationName",
    "instrumentName",
    "datasetName",
    "title",
    "tags",
    "text",
    "filename",
    "software",
    "machine",
    "updatedAt",
];

fn csv(out: &mut String, entry: &Entry) {
    let event = &entry.event;
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields: [String; COLUMNS.len()] = [
        entry.id.clone(),
        dates::shown(event.at),
        event.kind.clone(),
        event.category.clone(),
        or_empty(&event.username),
        event.investigation_id.map(|id| id.to_string()).unwrap_or_default(),
        or_empty(&event.investigation_name),
        or_empty(&event.instrument_name),
        or_empty(&event.dataset_name),
        or_empty(&event.title),
        event.tags.join("; "),
        event.plain().unwrap_or_default(),
        or_empty(&event.filename),
        or_empty(&event.software),
        or_empty(&event.machine),
        dates::shown(entry.updated_at),
    ];
    out.push_str(&fields.map(|field| quoted(&field)).join(","));
    out.push_str("\r\n");
}

/// RFC 4180; what a spreadsheet would take for a formula gets an apostrophe, which it does not show.
fn quoted(field: &str) -> String {
    let apostrophe = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if !apostrophe.is_empty() || field.contains(['"', ',', '\r', '\n']) {
        return format!("\"{apostrophe}{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

fn text(out: &mut String, entry: &Entry, zone: &TimeZone) {
    let event = &entry.event;
    let at = zone.to_datetime(Timestamp::from_microsecond(event.at).unwrap_or_default());
    let _ = write!(out, "{}  {} {}", at.strftime("%Y-%m-%d %H:%M:%S"), event.kind, event.category);
    for more in [&event.username, &event.instrument_name, &event.filename].into_iter().flatten() {
        let _ = write!(out, "  {more}");
    }
    if !event.tags.is_empty() {
        let _ = write!(out, "  [{}]", event.tags.join(", "));
    }
    out.push('\n');
    let plain = event.plain().unwrap_or_default();
    for line in event.title.iter().flat_map(|title| title.lines()).chain(plain.lines()) {
        let _ = writeln!(out, "    {line}");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_leave_their_place_and_are_no_formulas() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a \"b\",\nc"), "\"a \"\"b\"\",\nc\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert!(Format::parse(Some("docx")).is_err());
        assert_eq!(Format::parse(Some(" JSON")).unwrap(), None);
    }
}
