//! The XML format.

use std::io::Write;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesRef, BytesStart, BytesText, Event};
use service_kit::Micros;

use super::{ExportError, KindRows, MemberValue, RowNode, format_write_time};

pub const DOCUMENT_END: &str = "</icatdata>\n";

pub fn render_head(now: Micros) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<icatdata>\n<head>\n  <date>{}</date>\n  \
         <apiversion>6.2.0</apiversion>\n  <generator>Undulator</generator>\n</head>\n",
        format_write_time(now)
    )
}

/// Writes one `data` element.
pub fn write_chunk(out: &mut (dyn Write + Send), kinds: &[KindRows]) -> Result<(), ExportError> {
    if kinds.is_empty() {
        return Ok(());
    }
    let mut writer = Writer::new_with_indent(&mut *out, b' ', 2);
    writer.write_event(Event::Start(BytesStart::new("data")))?;
    for kind in kinds {
        for (key, node) in &kind.rows {
            let mut start = BytesStart::new(kind.tag.as_str());
            start.push_attribute(("id", key.as_str()));
            write_element(&mut writer, &start, node, key)?;
        }
    }
    writer.write_event(Event::End(BytesEnd::new("data")))?;
    out.write_all(b"\n")?;
    Ok(())
}

fn write_element<W: Write>(
    writer: &mut Writer<W>,
    start: &BytesStart<'_>,
    node: &RowNode,
    row: &str,
) -> Result<(), ExportError> {
    let end = start.to_end().into_owned();
    writer.write_event(Event::Start(start.borrow()))?;
    for (name, item) in &node.members {
        match item {
            MemberValue::Reference(key) => {
                let mut reference = BytesStart::new(*name);
                reference.push_attribute(("ref", key.as_str()));
                writer.write_event(Event::Empty(reference))?;
            }
            MemberValue::Parts(nodes) => {
                for node in nodes {
                    write_element(writer, &BytesStart::new(*name), node, row)?;
                }
            }
            MemberValue::Boolean(truth) => write_value(writer, name, if *truth { "true" } else { "false" }, row)?,
            MemberValue::Integer(number) => write_value(writer, name, &number.to_string(), row)?,
            MemberValue::Text(text) => write_value(writer, name, text, row)?,
        }
    }
    writer.write_event(Event::End(end))?;
    Ok(())
}

fn write_value<W: Write>(writer: &mut Writer<W>, name: &'static str, text: &str, row: &str) -> Result<(), ExportError> {
    if let Some(character) = text.chars().find(|c| !is_allowed(*c)) {
        return Err(ExportError::Xml { row: row.to_owned(), member: name, character });
    }
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    // XML readers normalize a literal carriage return to a line feed.
    for (n, piece) in text.split('\r').enumerate() {
        if n > 0 {
            writer.write_event(Event::GeneralRef(BytesRef::new("#13")))?;
        }
        writer.write_event(Event::Text(BytesText::new(piece)))?;
    }
    writer.write_event(Event::End(BytesEnd::new(name)))?;
    Ok(())
}

/// XML 1.0, production 2.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
