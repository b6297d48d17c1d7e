//! Renders headers and values.

use std::fmt::Write as _;

use icat_client::schema::{Entity, Field, FieldKind, Member, ToOne};
use service_kit::{Micros, Val};

use super::{Attributes, stamp_fields};
use crate::domain::values::{format_date, format_java_double};
use crate::store::entities::{StoredRow, value_index};

/// `Dataset(complete:0,…,type(facility(name:8),name:9))`
pub fn render_header(entity: &'static Entity, attributes: Attributes) -> String {
    let mut number = 0;
    let mut columns = Vec::new();
    if entity.unique.is_empty() {
        columns.push(render_column("?", &mut number));
    }
    if attributes == Attributes::All {
        columns.extend(stamp_fields().iter().map(|field| render_column(field.name, &mut number)));
    }
    for member in entity.members().iter().copied() {
        match member {
            Member::Field(field) => columns.push(render_column(field.name, &mut number)),
            Member::One(one) => columns.push(render_relation(one, &mut number)),
            Member::Many(_) => {}
        }
    }
    format!("{}({})", entity.name, columns.join(","))
}

fn render_column(name: &str, number: &mut usize) -> String {
    let text = format!("{name}:{number}");
    *number += 1;
    text
}

fn render_relation(one: &ToOne, number: &mut usize) -> String {
    let target = one.target();
    if target.unique.is_empty() {
        return format!("{}({})", one.name, render_column("?", number));
    }
    let key = key_members(target).into_iter().map(|name| match target.find_to_one(name) {
        Some(one) => render_relation(one, number),
        None => render_column(name, number),
    });
    format!("{}({})", one.name, key.collect::<Vec<_>>().join(","))
}

/// The members of a unique key in the order of a dump.
pub fn key_members(entity: &Entity) -> Vec<&'static str> {
    let mut members = entity.unique.to_vec();
    members.sort_unstable();
    members
}

/// The number of columns of an entity's key.
pub fn key_width(entity: &'static Entity) -> usize {
    let key = entity.unique.iter().map(|name| entity.find_to_one(name).map_or(1, |one| key_width(one.target())));
    key.sum::<usize>().max(1)
}

/// Appends one line of values; `key_of` returns the rendered key of a referenced row.
pub fn append_row(
    out: &mut String,
    entity: &'static Entity,
    row: &StoredRow,
    attributes: Attributes,
    key_of: &dyn Fn(&'static Entity, i64) -> Option<String>,
) {
    let mut cells: Vec<String> = Vec::new();
    if entity.unique.is_empty() {
        cells.push(render_row_name(row.id));
    }
    if attributes == Attributes::All {
        for stamp in [&row.created, &row.modified] {
            cells.push(quote_text(&stamp.user_name));
            cells.push(format_date(stamp.at));
        }
    }
    for member in entity.members().iter().copied() {
        match member {
            Member::Field(field) => cells.push(render_field(entity, row, field)),
            Member::One(one) => {
                let id = value_index(entity, one.name).and_then(|at| row.values.get(at));
                let key = match id {
                    Some(Val::I64(Some(id))) => key_of(one.target(), *id),
                    _ => None,
                };
                cells.push(key.unwrap_or_else(|| render_absent_key(one.target())));
            }
            Member::Many(_) => {}
        }
    }
    out.push_str(&cells.join(","));
    out.push('\n');
}

/// Renders the name of a row without a unique key.
pub fn render_row_name(id: i64) -> String {
    format!("\"{id}\"")
}

/// Renders an absent key: `NULL`, and `NA` for its other columns.
fn render_absent_key(entity: &'static Entity) -> String {
    let mut text = String::from("NULL");
    for _ in 1..key_width(entity) {
        text.push_str(",NA");
    }
    text
}

pub fn render_field(entity: &'static Entity, row: &StoredRow, field: &Field) -> String {
    let val = value_index(entity, field.name).and_then(|at| row.values.get(at)).unwrap_or(&Val::I64(None));
    render_value(field.kind, val)
}

fn render_value(kind: FieldKind, val: &Val) -> String {
    match (kind, val) {
        (FieldKind::Boolean, Val::I64(v)) => if v.unwrap_or(0) == 0 { "false" } else { "true" }.to_owned(),
        (FieldKind::Date, Val::I64(Some(v))) => format_date(Micros::from_i64(*v)),
        (FieldKind::Enum(def), Val::I64(Some(v))) => {
            usize::try_from(*v).ok().and_then(|at| def.values.get(at)).copied().unwrap_or("NULL").to_owned()
        }
        (_, Val::I64(Some(v))) => v.to_string(),
        (_, Val::F64(Some(v))) => format_java_double(*v),
        (_, Val::Text(Some(v))) => quote_text(v),
        _ => "NULL".to_owned(),
    }
}

pub fn quote_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\u{8}' => out.push_str("\\b"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Renders the first lines of a dump.
pub fn render_preamble(user_name: &str) -> String {
    let mut text = String::new();
    // Control characters in a name must not end the comment line.
    let user_name: String = user_name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(text, "# ICAT Export file written by {user_name}\n1.0");
    text
}
