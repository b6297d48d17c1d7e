//! Exports entries as text, CSV (RFC 4180) and JSON lines.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use crate::domain::dates;
use crate::domain::entry::Entry;
use crate::entries::lists::Cursor;
use crate::export::Exporter;
use crate::export::format::Format;
use crate::export::sink::{ExportError, Sink};

impl Exporter {
    /// Writes entries in chunks; only one chunk is in memory.
    pub(super) async fn write_text(&self, mut cursor: Cursor, format: Format, sink: &Sink) -> Result<(), ExportError> {
        if let Format::Csv { has_byte_order_mark } = format {
            if has_byte_order_mark {
                sink.send(BYTE_ORDER_MARK).await?;
            }
            sink.send(format!("{}\r\n", COLUMNS.join(","))).await?;
        }
        loop {
            let found = cursor.next_entries(&mut self.db.read().await?).await?;
            if found.is_empty() {
                return Ok(());
            }
            let mut out = String::new();
            match format {
                Format::Csv { .. } => found.iter().for_each(|entry| write_csv_line(&mut out, entry)),
                Format::Text => found.iter().for_each(|entry| write_plain_entry(&mut out, entry, &self.zone)),
                _ => {
                    for rendered in self.renderer.render_entries(&found).await? {
                        let _ = writeln!(out, "{rendered}");
                    }
                }
            }
            sink.send(out).await?;
        }
    }
}

/// The byte order mark, by which spreadsheets recognise UTF-8.
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

fn write_csv_line(out: &mut String, entry: &Entry) {
    let content = &entry.content;
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields: [String; COLUMNS.len()] = [
        entry.id.clone(),
        dates::render_time(content.at),
        content.kind.name().to_owned(),
        content.category.name().to_owned(),
        or_empty(&content.username),
        content.investigation_id.map(|id| id.to_string()).unwrap_or_default(),
        or_empty(&content.investigation_name),
        or_empty(&content.instrument_name),
        or_empty(&content.dataset_name),
        or_empty(&content.title),
        content.tags.join("; "),
        content.plain_text().unwrap_or_default(),
        or_empty(&content.filename),
        or_empty(&content.software),
        or_empty(&content.machine),
        dates::render_time(entry.updated_at),
    ];
    out.push_str(&fields.map(|field| quote_field(&field)).join(","));
    out.push_str("\r\n");
}

/// Escapes a field (RFC 4180). Text that a spreadsheet would take for a formula gets an apostrophe, which is not shown.
fn quote_field(field: &str) -> String {
    let apostrophe = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if !apostrophe.is_empty() || field.contains(['"', ',', '\r', '\n']) {
        return format!("\"{apostrophe}{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

fn write_plain_entry(out: &mut String, entry: &Entry, zone: &TimeZone) {
    let content = &entry.content;
    let at = zone.to_datetime(content.at.to_timestamp());
    let _ = write!(out, "{}  {} {}", at.strftime("%Y-%m-%d %H:%M:%S"), content.kind.name(), content.category.name());
    for more in [&content.username, &content.instrument_name, &content.filename].into_iter().flatten() {
        let _ = write!(out, "  {more}");
    }
    if !content.tags.is_empty() {
        let _ = write!(out, "  [{}]", content.tags.join(", "));
    }
    out.push('\n');
    let plain = content.plain_text().unwrap_or_default();
    for line in content.title.iter().flat_map(|title| title.lines()).chain(plain.lines()) {
        let _ = writeln!(out, "    {line}");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_leave_their_place_and_are_no_formulas() {
        assert_eq!(quote_field("plain"), "plain");
        assert_eq!(quote_field("a \"b\",\nc"), "\"a \"\"b\"\",\nc\"");
        assert_eq!(quote_field("=1+1"), "\"'=1+1\"");
    }
}
