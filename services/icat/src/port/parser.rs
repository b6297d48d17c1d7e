//! Parses headers and lines of values.

use icat_client::schema::{self, Entity, Field, FieldKind, Member, ToOne};
use service_kit::{Micros, Val};

use super::{Attributes, stamp_fields};
use crate::domain::values::{parse_date, to_exact_i64};

/// One value of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A quoted text.
    Text(String),
    /// A number, date or word without quotes.
    Unquoted(String),
    Null,
}

impl Cell {
    /// The text of the cell; `None` for NULL.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Unquoted(text) => Some(text),
            Self::Null => None,
        }
    }
}

/// What a column of a header holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// `?:n`: the row's name within the file.
    Name(usize),
    Field(&'static Field, usize),
    One(&'static ToOne, Reference),
}

/// How a row refers to another.
#[derive(Debug, Clone, PartialEq)]
pub enum Reference {
    /// `rel(?:n)`
    Name(usize),
    /// `rel(name:1,facility(name:2))`
    Key(Vec<KeyPart>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum KeyPart {
    Field(&'static Field, usize),
    One(&'static ToOne, Reference),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub entity: &'static Entity,
    pub columns: Vec<Column>,
}

impl Header {
    /// How many values a line must have.
    pub fn column_count(&self) -> usize {
        let column = |column: &Column| match column {
            Column::Name(number) | Column::Field(_, number) => *number,
            Column::One(_, reference) => reference.last_column(),
        };
        self.columns.iter().map(column).max().map_or(0, |last| last + 1)
    }
}

impl Reference {
    fn last_column(&self) -> usize {
        match self {
            Self::Name(number) => *number,
            Self::Key(parts) => {
                let part = |part: &KeyPart| match part {
                    KeyPart::Field(_, number) => *number,
                    KeyPart::One(_, inner) => inner.last_column(),
                };
                parts.iter().map(part).max().unwrap_or_default()
            }
        }
    }
}

/// How deep references may nest; the schema's own keys nest four deep.
const MAX_DEPTH: usize = 10;

/// Parses `Dataset(name:0,investigation(name:1,…))`; white space is allowed between its parts.
pub fn parse_header(line: &str, attributes: Attributes) -> Result<Header, String> {
    let mut reader = HeaderReader { rest: line.trim() };
    let name = reader.take_word();
    let entity = schema::find_entity(name).ok_or_else(|| format!("{name} is not an ICAT entity"))?;
    reader.expect_sign('(')?;
    let mut columns = Vec::new();
    loop {
        let name = reader.take_word();
        columns.push(match resolve_member(entity, name, attributes)? {
            None => Column::Name(reader.read_column_number()?),
            Some(Member::Field(field)) => Column::Field(field, reader.read_column_number()?),
            Some(Member::One(one)) => Column::One(one, reader.read_reference(one.target(), 0)?),
            Some(Member::Many(many)) => return Err(format!("{} cannot stand in a header", many.name)),
        });
        if !reader.take_sign(',') {
            break;
        }
    }
    reader.expect_sign(')')?;
    if reader.rest.is_empty() { Ok(Header { entity, columns }) } else { Err(format!("unexpected {}", reader.rest)) }
}

/// `None` for `?`.
fn resolve_member(entity: &'static Entity, name: &str, attributes: Attributes) -> Result<Option<Member>, String> {
    if name == "?" {
        return Ok(None);
    }
    let is_stamp = stamp_fields().iter().any(|field| field.name == name);
    if name == "id" || (is_stamp && attributes == Attributes::User) {
        return Err(format!("{name} is set by the server; only an import with attributes ALL may have it"));
    }
    entity.find_member(name).map(Some).ok_or_else(|| format!("Field {name} not found in {}", entity.name))
}

struct HeaderReader<'t> {
    rest: &'t str,
}

impl<'t> HeaderReader<'t> {
    fn take_word(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '?' || c == '_')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let taken = self.rest.strip_prefix(sign);
        self.rest = taken.unwrap_or(self.rest).trim_start();
        taken.is_some()
    }

    fn expect_sign(&mut self, sign: char) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(format!("expected '{sign}' before '{}'", self.rest)) }
    }

    fn read_column_number(&mut self) -> Result<usize, String> {
        self.expect_sign(':')?;
        let word = self.take_word();
        word.parse().map_err(|_| format!("'{word}' is no number of a column"))
    }

    fn read_reference(&mut self, target: &'static Entity, depth: usize) -> Result<Reference, String> {
        if depth > MAX_DEPTH {
            return Err("references are nested too deeply".to_owned());
        }
        self.expect_sign('(')?;
        let mut parts = Vec::new();
        loop {
            let name = self.take_word();
            if name == "?" {
                let number = self.read_column_number()?;
                self.expect_sign(')')?;
                return Ok(Reference::Name(number));
            }
            parts.push(match target.find_member(name) {
                Some(Member::Field(field)) => KeyPart::Field(field, self.read_column_number()?),
                Some(Member::One(one)) => KeyPart::One(one, self.read_reference(one.target(), depth + 1)?),
                _ => return Err(format!("Field {name} not found in {}", target.name)),
            });
            if !self.take_sign(',') {
                break;
            }
        }
        self.expect_sign(')')?;
        Ok(Reference::Key(parts))
    }
}

/// Parses the values of a line. `NA`, which pads the key of an absent row, counts as NULL.
pub fn parse_cells(line: &str) -> Result<Vec<Cell>, String> {
    let mut cells = Vec::new();
    let mut rest = line.trim();
    loop {
        let (cell, after) =
            if let Some(text) = rest.strip_prefix('"') { parse_quoted(text)? } else { parse_bare(rest) };
        cells.push(cell);
        match after.trim_start().strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if after.trim().is_empty() => return Ok(cells),
            None => return Err(format!("expected ',' before '{}'", after.trim())),
        }
    }
}

fn parse_bare(text: &str) -> (Cell, &str) {
    let (word, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
    let word = word.trim();
    let null = word.eq_ignore_ascii_case("NULL") || word == "NA";
    (if null { Cell::Null } else { Cell::Unquoted(word.to_owned()) }, rest)
}

fn parse_quoted(text: &str) -> Result<(Cell, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((Cell::Text(value), &text[at + 1..])),
            '\\' => {
                let escaped = chars.next().map(|(_, c)| c);
                value.push(match escaped {
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('n') => '\n',
                    Some('f') => '\u{c}',
                    Some('b') => '\u{8}',
                    Some(c @ ('"' | '\\')) => c,
                    _ => return Err("a backslash must be followed by one of \\ \" t r n f b".to_owned()),
                });
            }
            c => value.push(c),
        }
    }
    Err("a text has no end".to_owned())
}

/// Parses a cell as a value of an attribute; times without a zone are in `zone`.
pub fn parse_value(field: &Field, cell: &Cell, zone: &jiff::tz::TimeZone) -> Result<Val, String> {
    let misfit = |what: &str| format!("{} must be {what}", field.name);
    match (field.kind, cell) {
        (FieldKind::String, Cell::Null) => Ok(Val::Text(None)),
        (FieldKind::Double, Cell::Null) => Ok(Val::F64(None)),
        (FieldKind::Boolean, Cell::Null) => Ok(false.into()),
        (_, Cell::Null) => Ok(Val::I64(None)),
        (FieldKind::String, Cell::Text(text)) => Ok(text.into()),
        (FieldKind::String, Cell::Unquoted(_)) => Err(misfit("a text in quotes")),
        (_, Cell::Text(text) | Cell::Unquoted(text)) => match field.kind {
            FieldKind::Long | FieldKind::Integer => {
                let number = text.parse().ok().or_else(|| text.parse().ok().and_then(to_exact_i64));
                number.map(Val::from).ok_or_else(|| misfit("a whole number"))
            }
            FieldKind::Double => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                number.map(Val::from).ok_or_else(|| misfit("a number"))
            }
            FieldKind::Boolean if text.eq_ignore_ascii_case("true") => Ok(true.into()),
            FieldKind::Boolean if text.eq_ignore_ascii_case("false") => Ok(false.into()),
            FieldKind::Boolean => Err(misfit("TRUE or FALSE")),
            FieldKind::Date => parse_local_date(text, zone).map(Val::from).ok_or_else(|| misfit("a time")),
            FieldKind::Enum(def) => {
                let at = def.values.iter().position(|name| name.eq_ignore_ascii_case(text));
                let at = at.ok_or_else(|| misfit(&format!("one of {}", def.values.join(", "))))?;
                Ok(Val::I64(i64::try_from(at).ok()))
            }
            FieldKind::String => unreachable!("handled above"),
        },
    }
}

fn parse_local_date(text: &str, zone: &jiff::tz::TimeZone) -> Option<Micros> {
    parse_date(text).or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        zone.to_timestamp(local).ok().map(Micros::from)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_take_blanks_and_name_what_is_wrong() {
        let read = |text| parse_header(text, Attributes::User);
        let dense = read("Dataset(name:0,investigation(name:1,visitId:2,facility(name:3)))").unwrap();
        assert_eq!(read(" Dataset ( name : 0, investigation(name:1 , visitId:2, facility ( name:3 ) ) ) "), Ok(dense));
        assert_eq!(read("Rule(?:0,what:1)").unwrap().columns[0], Column::Name(0));
        assert_eq!(read("Datset(name:0)"), Err("Datset is not an ICAT entity".to_owned()));
        assert_eq!(read("Dataset(colour:0)"), Err("Field colour not found in Dataset".to_owned()));
        assert!(read("Dataset(createId:0)").is_err() && parse_header("Dataset(createId:0)", Attributes::All).is_ok());
        for broken in ["Dataset", "Dataset(", "Dataset(name)", "Dataset(name:x)", "Dataset(name:0", "Dataset(name:0)x"]
        {
            assert!(read(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn values_survive_being_written() {
        for text in ["", "a\"b\\c\td\re\nf\u{c}g\u{8}h", "é, \"x\""] {
            let line = format!("{},NULL,1.5,na", super::super::renderer::quote_text(text));
            let expected = [
                Cell::Text(text.to_owned()),
                Cell::Null,
                Cell::Unquoted("1.5".to_owned()),
                Cell::Unquoted("na".to_owned()),
            ];
            assert_eq!(parse_cells(&line).unwrap(), expected);
        }
        for broken in ["\"a", "\"a\\x\"", "\"a\" b"] {
            assert!(parse_cells(broken).is_err(), "{broken}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_line_panics(text in "\\PC{0,60}|[A-Za-z(),:?0-9\" \\\\]{0,60}") {
            parse_header(&text, Attributes::All).map(drop).unwrap_or_default();
            parse_header(&format!("Dataset({text}"), Attributes::User).map(drop).unwrap_or_default();
            parse_cells(&text).map(drop).unwrap_or_default();
        }
    }
}
