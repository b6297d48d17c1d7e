//! The XML format: `<icatdata><data><user id="key"><name>…</name><relation ref="key"/><parts>…</parts></user></data>`.

use std::io::BufRead;

use icat_client::schema::Member;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::ImportError;
use super::dump::RecordSink;
use super::record::{Record, entity_from_tag};

/// What an open element is.
enum OpenElement {
    /// `icatdata`, `data`, and the head with all it contains.
    Container,
    Record(Record),
    Part(&'static icat_client::schema::ToMany, Record),
    Field(&'static icat_client::schema::Field, String),
    Reference,
}

/// Passes each record to `sink` when its element ends.
pub fn parse_xml(text: impl BufRead, sink: RecordSink<'_>) -> Result<(), ImportError> {
    let mut reader = Reader::from_reader(text);
    let mut parser = Parser { open: Vec::new(), in_head: 0 };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let ended = match reader.read_event_into(&mut buffer).map_err(|e| broken_xml(&e))? {
            Event::Start(start) => parser.start_element(&start).map(|()| None)?,
            Event::Empty(start) => {
                parser.start_element(&start)?;
                parser.end_element()?
            }
            Event::End(_) => parser.end_element()?,
            Event::Text(piece) => parser.append_text(&piece.xml10_content()),
            Event::CData(piece) => parser.append_text(&piece.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|e| broken_xml(&e))?;
                let name = reference.xml10_content();
                let resolved = match character {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name)
                        .ok_or_else(|| ImportError::Format(format!("the entity &{name}; is not defined")))?
                        .to_owned(),
                };
                parser.append_text(&resolved)
            }
            Event::Eof if parser.open.is_empty() && parser.in_head == 0 => return Ok(()),
            Event::Eof => return Err(ImportError::Format("the file ends in the middle of an element".to_owned())),
            _ => None,
        };
        if let Some(record) = ended
            && !sink(record)
        {
            return Ok(());
        }
    }
}

fn broken_xml(e: &dyn std::fmt::Display) -> ImportError {
    ImportError::Format(format!("the file is not valid XML: {e}"))
}

struct Parser {
    open: Vec<OpenElement>,
    /// Depth within `head`, which is ignored.
    in_head: usize,
}

impl Parser {
    fn start_element(&mut self, start: &BytesStart<'_>) -> Result<(), ImportError> {
        let tag = start.name().as_ref().to_owned();
        if self.in_head > 0 || (tag == "head" && self.open.len() == 1) {
            self.in_head += 1;
            return Ok(());
        }
        let next = match self.open.last_mut() {
            None if tag == "icatdata" => OpenElement::Container,
            None => return Err(ImportError::Format(format!("the root element is `{tag}`, not `icatdata`"))),
            Some(OpenElement::Container) if tag == "data" => OpenElement::Container,
            Some(OpenElement::Container) => OpenElement::Record(Record::new(
                entity_from_tag(&tag)?,
                find_attribute(start, "id")?.unwrap_or_default(),
            )),
            Some(OpenElement::Record(record) | OpenElement::Part(_, record)) => match record.find_member(&tag)? {
                Member::Field(field) => OpenElement::Field(field, String::new()),
                Member::One(one) => {
                    let key = find_attribute(start, "ref")?.ok_or_else(|| {
                        let label = record.label();
                        ImportError::Format(format!(
                            "{label}: `{tag}` has no ref; references by attributes are not read"
                        ))
                    })?;
                    record.ones.push((one, key));
                    OpenElement::Reference
                }
                Member::Many(many) => OpenElement::Part(many, Record::new(many.target(), String::new())),
            },
            Some(OpenElement::Field(..) | OpenElement::Reference) => {
                return Err(ImportError::Format(format!("`{tag}` is nested in a value")));
            }
        };
        self.open.push(next);
        Ok(())
    }

    /// The record that ends with the element.
    fn end_element(&mut self) -> Result<Option<Record>, ImportError> {
        if self.in_head > 0 {
            self.in_head -= 1;
            return Ok(None);
        }
        let closed = self.open.pop();
        match (closed, self.open.last_mut()) {
            (Some(OpenElement::Record(record)), _) => return Ok(Some(record)),
            (Some(OpenElement::Part(many, part)), Some(OpenElement::Record(owner) | OpenElement::Part(_, owner))) => {
                owner.parts.push((many, part));
            }
            (Some(OpenElement::Field(field, text)), Some(OpenElement::Record(owner) | OpenElement::Part(_, owner))) => {
                owner.set_field(field, &text)?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Text completes no record.
    fn append_text(&mut self, piece: &str) -> Option<Record> {
        if let Some(OpenElement::Field(_, text)) = self.open.last_mut() {
            text.push_str(piece);
        }
        None
    }
}

fn find_attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, ImportError> {
    let attribute = start.try_get_attribute(name).map_err(|e| broken_xml(&e))?;
    attribute
        .map(|a| {
            a.normalized_value(XmlVersion::Explicit1_0).map(std::borrow::Cow::into_owned).map_err(|e| broken_xml(&e))
        })
        .transpose()
}
