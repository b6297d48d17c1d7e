//! Renders entities as ICAT's JSON: base fields first, then all members in alphabetical order.

use icat_client::schema::{Entity, Member};
use service_kit::Val;

use super::includes::{IncludedRows, Relation, to_one_key};
use crate::domain::values::{append_json_string, append_json_value, format_date};
use crate::store::entities::{StoredRow, member_layout};

/// Appends a top-level entity: `{"Dataset":{…}}`.
pub fn append_entity(out: &mut String, entity: &'static Entity, row: &StoredRow, levels: &[IncludedRows]) {
    out.push_str("{\"");
    out.push_str(entity.name);
    out.push_str("\":");
    append_members(out, entity, row, levels);
    out.push('}');
}

fn append_members(out: &mut String, entity: &'static Entity, row: &StoredRow, levels: &[IncludedRows]) {
    out.push_str("{\"id\":");
    out.push_str(&row.id.to_string());
    for (id_key, time_key, stamp) in
        [(",\"createId\":", ",\"createTime\":", &row.created), (",\"modId\":", ",\"modTime\":", &row.modified)]
    {
        out.push_str(id_key);
        append_json_string(out, &stamp.user_name);
        out.push_str(time_key);
        append_json_string(out, &format_date(stamp.at));
    }
    for (member, place) in member_layout(entity) {
        let level = levels.iter().find(|level| level.relation.relation_name() == member.name());
        match member {
            Member::Field(field) => {
                let val = place.and_then(|place| row.values.get(place)).unwrap_or(&Val::I64(None));
                let before = out.len();
                append_key(out, field.name);
                if append_json_value(out, field.kind, val).is_none() {
                    out.truncate(before);
                    // icat.server writes its initial value for these two if the column is NULL.
                    if matches!(field.name, "fileSize" | "fileCount") {
                        append_key(out, field.name);
                        out.push('0');
                    }
                }
            }
            Member::One(_) => append_to_one(out, row, level),
            Member::Many(many) => {
                append_key(out, many.name);
                append_to_many(out, row, level);
            }
        }
    }
    out.push('}');
}

fn append_key(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

/// Appends a to-one relation, unless it is not included, empty or not readable.
fn append_to_one(out: &mut String, row: &StoredRow, level: Option<&IncludedRows>) {
    if let Some(level) = level
        && let Relation::One { name, place } = level.relation
        && let Some(target) = to_one_key(row, place).and_then(|id| level.rows.get(&id))
    {
        append_key(out, name);
        append_members(out, level.target, target, &level.children);
    }
}

/// Appends the rows of a to-many relation: `[]` if it is not included.
fn append_to_many(out: &mut String, row: &StoredRow, level: Option<&IncludedRows>) {
    out.push('[');
    if let Some(level) = level
        && let Relation::Many { children, .. } = &level.relation
    {
        let children = children.get(&row.id).into_iter().flatten().filter_map(|id| level.rows.get(id));
        for (n, child) in children.enumerate() {
            if n > 0 {
                out.push(',');
            }
            append_members(out, level.target, child, &level.children);
        }
    }
    out.push(']');
}
