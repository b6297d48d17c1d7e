//! Reads many rows at once.
//!
//! The driver of `SQLite` copies each value of each row into memory of its own and passes each row to another thread, which takes
//! longer than reading it. Therefore the statement collects the integers and texts of all rows into one JSON text, which arrives
//! as one row: three to four times faster. `PostgreSQL` sends rows as they are.

use std::ops::Range;

use crate::{DbError, Engine, Row, Tx, Val};

/// What a column contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkColumn {
    Integer,
    Text,
    /// JSON texts of `SQLite` do not keep all digits, so a select with such a column yields one row of the driver per row.
    Real,
}

/// One of many rows. Its columns are found by their places.
pub struct BulkRow<'r> {
    row: &'r Row,
    packed: Option<Packed<'r>>,
}

/// A JSON array of the values, except numbers with decimals, which are columns of the row.
struct Packed<'r> {
    text: &'r str,
    /// Where the elements stand in the text.
    elements: &'r [Range<usize>],
    /// For each column its place among the elements, or in the row if it is real.
    places: &'r [usize],
}

/// A text, as it is or as a JSON string with quotes, whichever the database sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkText<'r> {
    Plain(&'r str),
    Json(&'r str),
}

impl<'r> From<&'r Row> for BulkRow<'r> {
    fn from(row: &'r Row) -> Self {
        Self { row, packed: None }
    }
}

impl<'r> BulkRow<'r> {
    /// The value of an integer column; `None` for NULL.
    pub fn get_integer(&self, place: usize) -> Result<Option<i64>, DbError> {
        let Some(packed) = &self.packed else { return self.row.get_at(place) };
        let Some(text) = packed.find(place) else { return Ok(None) };
        let reason =
            |e: std::num::ParseIntError| DbError::Column { column: format!("number {place}"), reason: e.to_string() };
        text.parse().map(Some).map_err(reason)
    }

    /// The value of a text column; `None` for NULL.
    pub fn get_text(&self, place: usize) -> Result<Option<BulkText<'r>>, DbError> {
        match &self.packed {
            Some(packed) => Ok(packed.find(place).map(BulkText::Json)),
            None => Ok(self.row.get_text_at(place)?.map(BulkText::Plain)),
        }
    }

    /// The value of a real column; `None` for NULL.
    pub fn get_real(&self, place: usize) -> Result<Option<f64>, DbError> {
        self.row.get_at(self.packed.as_ref().map_or(place, |packed| packed.places[place]))
    }
}

impl<'r> Packed<'r> {
    fn find(&self, place: usize) -> Option<&'r str> {
        let text = &self.text[self.elements.get(self.places[place])?.clone()];
        (text != "null").then_some(text)
    }
}

impl Tx {
    /// Passes each row of a SELECT to `visit`, in any order: an ORDER BY of the SELECT decides only which rows are within its LIMIT.
    /// For a limited number of rows, because `SQLite` collects them in memory. An error of `visit` ends the query.
    pub async fn visit_bulk<E: From<DbError>>(
        &mut self,
        select: &str,
        columns: &[BulkColumn],
        vals: &[Val],
        mut visit: impl FnMut(&BulkRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.engine() == Engine::Postgres {
            return self.visit_rows(select, vals, |row| visit(&row.into())).await;
        }
        let (sql, places) = pack_select(select, columns);
        let is_grouped = !columns.contains(&BulkColumn::Real);
        let mut elements = Vec::with_capacity(columns.len());
        self.visit_rows(&sql, vals, |row| {
            let text = row.get_text_at(0)?.unwrap_or_default();
            // The brackets of the array of rows, or none.
            let mut rest = if is_grouped { 1..text.len().saturating_sub(1) } else { 0..text.len() };
            while !rest.is_empty() {
                rest.start = find_elements(text, rest.start, &mut elements) + 1;
                let packed = Packed { text, elements: &elements, places: &places };
                visit(&BulkRow { row, packed: Some(packed) })?;
            }
            Ok(())
        })
        .await
    }
}

/// The statement that packs the rows of a SELECT, and the places of the columns.
fn pack_select(select: &str, columns: &[BulkColumn]) -> (String, Vec<usize>) {
    let (mut names, mut packed, mut reals, mut places) = (Vec::new(), Vec::new(), String::new(), Vec::new());
    let mut real_place = 1;
    for (number, column) in columns.iter().enumerate() {
        let name = format!("c{number}");
        if *column == BulkColumn::Real {
            reals.push_str(", ");
            reals.push_str(&name);
            places.push(real_place);
            real_place += 1;
        } else {
            places.push(packed.len());
            packed.push(name.clone());
        }
        names.push(name);
    }
    let array = format!("JSON_ARRAY({})", packed.join(", "));
    let selected = if reals.is_empty() { format!("JSON_GROUP_ARRAY({array})") } else { format!("{array}{reals}") };
    (format!("WITH r({}) AS ({select}) SELECT {selected} FROM r", names.join(", ")), places)
}

/// Finds the elements of the JSON array that begins at `start`, which contains numbers, strings and nulls; returns its end.
fn find_elements(text: &str, start: usize, elements: &mut Vec<Range<usize>>) -> usize {
    let bytes = text.as_bytes();
    elements.clear();
    // After the bracket.
    let mut place = start + 1;
    while place < bytes.len() && bytes[place] != b']' {
        let first = place;
        if bytes[place] == b'"' {
            place += 1;
            while place < bytes.len() && bytes[place] != b'"' {
                place += if bytes[place] == b'\\' { 2 } else { 1 };
            }
            place += 1;
        } else {
            while place < bytes.len() && !matches!(bytes[place], b',' | b']') {
                place += 1;
            }
        }
        elements.push(first..place.min(bytes.len()));
        if bytes.get(place) == Some(&b',') {
            place += 1;
        }
    }
    place + 1
}
