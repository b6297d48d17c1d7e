//! Entries as text, as CSV (RFC 4180) and as JSON lines.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::dates;
use crate::entries;
use crate::export::{Cursor, Format, Sink, Stopped};
use crate::state::State;
use crate::store::entries::Entry;

/// Piece by piece: whatever their number, only one piece is in memory.
pub async fn write(state: &State, mut cursor: Cursor, format: Format, sink: &Sink) -> Result<(), Stopped> {
    if let Format::Csv { has_byte_order_mark } = format {
        if has_byte_order_mark {
            sink.send(BYTE_ORDER_MARK).await?;
        }
        sink.send(format!("{}\r\n", COLUMNS.join(","))).await?;
    }
    loop {
        let found = cursor.next(state).await?;
        if found.is_empty() {
            return Ok(());
        }
        let mut out = String::new();
        match format {
            Format::Csv { .. } => found.iter().for_each(|entry| csv(&mut out, entry)),
            Format::Text => found.iter().for_each(|entry| text(&mut out, entry, &state.zone)),
            _ => {
                for shown in entries::show_all(state, &mut state.db.read().await?, &found).await? {
                    let _ = writeln!(out, "{shown}");
                }
            }
        }
        sink.send(out).await?;
    }
}

/// By which spreadsheets know UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

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
    }
}
