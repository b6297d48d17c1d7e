//! Rows of one entity type as ICAT's JSON: base fields first, then all members in alphabetical order. Each row is rendered once,
//! value by value from the row of the database, with gaps where included relations belong.

use icat_client::schema::{Entity, FieldKind, Member};
use service_kit::{BulkRow, BulkText, DbError, Micros, Tx};

use crate::domain::values::{append_date, append_integer, append_json_string, format_java_double};
use crate::query::Include;
use crate::store::entities::member_layout;
use crate::store::rows::{self, FIRST_VALUE_COLUMN};

/// What the JSON of a row consists of, after the base fields.
struct RowLayout {
    parts: Vec<Part>,
    gaps: usize,
}

enum Part {
    /// Text that is the same in all rows.
    Text(String),
    Field {
        key: String,
        kind: FieldKind,
        column: usize,
        /// What a NULL is rendered as; without it, a NULL is left out.
        null: Option<&'static str>,
    },
    /// Where an included relation belongs: its index among the includes, and the foreign key of a to-one relation.
    Gap { include: usize, foreign_key: Option<usize> },
}

impl RowLayout {
    fn new(entity: &'static Entity, includes: &[Include]) -> Self {
        let mut layout = Self { parts: Vec::new(), gaps: 0 };
        for (member, place) in member_layout(entity) {
            let column = FIRST_VALUE_COLUMN + place.unwrap_or_default();
            let include = includes.iter().position(|include| include.relation == member.name());
            match member {
                Member::Field(field) => layout.parts.push(Part::Field {
                    key: render_key(field.name),
                    kind: field.kind,
                    column,
                    null: match field.name {
                        // icat.server writes its initial value for these two if the column is NULL.
                        "fileSize" | "fileCount" => Some("0"),
                        _ => (field.kind == FieldKind::Boolean).then_some("false"),
                    },
                }),
                Member::One(_) => layout.add_gap(include, Some(column)),
                Member::Many(many) => {
                    layout.add_text(&render_key(many.name));
                    layout.add_text("[");
                    layout.add_gap(include, None);
                    layout.add_text("]");
                }
            }
        }
        layout.add_text("}");
        layout
    }

    fn add_text(&mut self, more: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push_str(more),
            _ => self.parts.push(Part::Text(more.to_owned())),
        }
    }

    fn add_gap(&mut self, include: Option<usize>, foreign_key: Option<usize>) {
        if let Some(include) = include {
            self.parts.push(Part::Gap { include, foreign_key });
            self.gaps += 1;
        }
    }
}

/// The key of a member that is not the first.
pub fn render_key(name: &str) -> String {
    format!(",\"{name}\":")
}

/// Rendered rows, sorted by id.
pub struct RenderedRows {
    layout: RowLayout,
    text: String,
    rows: Vec<RenderedRow>,
    /// The gaps of all rows, row by row.
    gaps: Vec<Gap>,
}

struct RenderedRow {
    id: i64,
    start: usize,
    end: usize,
    first_gap: usize,
}

/// Where an included relation belongs in the text of a row.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    place: usize,
    /// The index of the relation among the includes.
    pub include: usize,
    /// The foreign key of a to-one relation.
    pub target: Option<i64>,
}

impl RenderedRows {
    /// No rows yet; the rows will have gaps for these includes.
    pub fn new(entity: &'static Entity, includes: &[Include]) -> Self {
        Self { layout: RowLayout::new(entity, includes), text: String::new(), rows: Vec::new(), gaps: Vec::new() }
    }

    /// Reads and renders the rows with these ids.
    pub async fn load(
        tx: &mut Tx,
        entity: &'static Entity,
        ids: &[i64],
        includes: &[Include],
    ) -> Result<Self, DbError> {
        let mut rendered = Self::new(entity, includes);
        if !ids.is_empty() {
            rows::visit_by_ids(tx, entity, ids, |row| rendered.push(row)).await?;
        }
        rendered.sort();
        Ok(rendered)
    }

    /// Renders a row, which has the columns of [`rows::row_columns`].
    pub fn push(&mut self, row: &BulkRow<'_>) -> Result<(), DbError> {
        let Self { layout, text: out, rows, gaps } = self;
        let (id, start, first_gap) = (require_integer(row, 0)?, out.len(), gaps.len());
        out.push_str("{\"id\":");
        append_integer(out, id);
        append_stamp(out, row, (",\"createId\":", 1), (",\"createTime\":", 2))?;
        append_stamp(out, row, (",\"modId\":", 3), (",\"modTime\":", 4))?;
        for part in &layout.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field { key, kind, column, null } => {
                    let before = out.len();
                    out.push_str(key);
                    if !append_column(out, *kind, row, *column)? {
                        match null {
                            Some(null) => out.push_str(null),
                            None => out.truncate(before),
                        }
                    }
                }
                Part::Gap { include, foreign_key } => {
                    let target = foreign_key.map_or(Ok(None), |column| row.get_integer(column))?;
                    gaps.push(Gap { place: out.len(), include: *include, target });
                }
            }
        }
        rows.push(RenderedRow { id, start, end: out.len(), first_gap });
        Ok(())
    }

    /// Sorts the rows by id, without duplicates, after the last of them was pushed.
    pub fn sort(&mut self) {
        if !self.rows.is_sorted_by(|a, b| a.id < b.id) {
            self.rows.sort_unstable_by_key(|row| row.id);
            self.rows.dedup_by_key(|row| row.id);
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The size of the rendered rows, without what belongs into their gaps.
    pub fn count_bytes(&self) -> usize {
        self.text.len()
    }

    /// The ids of the rows in their order.
    pub fn list_ids(&self) -> Vec<i64> {
        self.rows.iter().map(|row| row.id).collect()
    }

    /// The index of a row.
    pub fn find(&self, id: i64) -> Option<usize> {
        self.rows.binary_search_by_key(&id, |row| row.id).ok()
    }

    /// The indexes of the rows that have a related row in a to-one relation, with the id of that row.
    pub fn list_targets(&self, include: usize) -> Vec<(usize, i64)> {
        let target = |row| self.gaps_of(row).iter().find(|gap| gap.include == include).and_then(|gap| gap.target);
        self.rows.iter().enumerate().filter_map(|(index, row)| Some((index, target(row)?))).collect()
    }

    /// Appends the row with this index; `fill` appends what belongs into its gaps.
    pub fn append_row(&self, out: &mut String, index: usize, mut fill: impl FnMut(&mut String, i64, Gap)) {
        let row = &self.rows[index];
        let mut from = row.start;
        for gap in self.gaps_of(row) {
            out.push_str(&self.text[from..gap.place]);
            fill(out, row.id, *gap);
            from = gap.place;
        }
        out.push_str(&self.text[from..row.end]);
    }

    fn gaps_of(&self, row: &RenderedRow) -> &[Gap] {
        &self.gaps[row.first_gap..row.first_gap + self.layout.gaps]
    }
}

fn append_stamp(
    out: &mut String,
    row: &BulkRow<'_>,
    (user_key, user): (&str, usize),
    (time_key, time): (&str, usize),
) -> Result<(), DbError> {
    out.push_str(user_key);
    if !append_column(out, FieldKind::String, row, user)? {
        return Err(column_is_null(user));
    }
    out.push_str(time_key);
    append_stored_integer(out, FieldKind::Date, require_integer(row, time)?);
    Ok(())
}

fn require_integer(row: &BulkRow<'_>, column: usize) -> Result<i64, DbError> {
    row.get_integer(column)?.ok_or_else(|| column_is_null(column))
}

fn column_is_null(column: usize) -> DbError {
    DbError::Column { column: format!("number {column}"), reason: "is NULL".to_owned() }
}

/// Appends the value of a column; returns false and appends nothing if it is NULL.
pub fn append_column(out: &mut String, kind: FieldKind, row: &BulkRow<'_>, column: usize) -> Result<bool, DbError> {
    match kind {
        FieldKind::String => match row.get_text(column)? {
            Some(BulkText::Plain(text)) => append_json_string(out, text),
            Some(BulkText::Json(text)) => out.push_str(text),
            None => return Ok(false),
        },
        FieldKind::Double => {
            let Some(number) = row.get_real(column)? else { return Ok(false) };
            out.push_str(&format_java_double(number));
        }
        FieldKind::Long | FieldKind::Integer | FieldKind::Boolean | FieldKind::Date | FieldKind::Enum(_) => {
            let Some(number) = row.get_integer(column)? else { return Ok(false) };
            append_stored_integer(out, kind, number);
        }
    }
    Ok(true)
}

/// Appends what an integer column holds: a number, a boolean, a moment, or the position of an enumeration's value.
fn append_stored_integer(out: &mut String, kind: FieldKind, number: i64) {
    match kind {
        FieldKind::Boolean => out.push_str(if number == 0 { "false" } else { "true" }),
        FieldKind::Date => {
            out.push('"');
            append_date(out, Micros::from_i64(number));
            out.push('"');
        }
        FieldKind::Enum(def) => {
            let name = usize::try_from(number).ok().and_then(|place| def.values.get(place));
            append_json_string(out, name.copied().unwrap_or_default());
        }
        FieldKind::Long | FieldKind::Integer | FieldKind::String | FieldKind::Double => append_integer(out, number),
    }
}
