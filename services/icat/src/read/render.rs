//! Entities as ICAT's JSON: base fields first, then every member in alphabetical order.

use icat_client::schema::{Entity, Member};
use service_kit::Val;

use super::include::{Level, Relation, key};
use crate::store::entities::{StoredRow, layout};
use crate::values::{date, write_json, write_string};

/// `{"Dataset":{…}}`: how an entity stands at the top of an answer.
pub fn wrapped(out: &mut String, entity: &'static Entity, row: &StoredRow, levels: &[Level]) {
    out.push_str("{\"");
    out.push_str(entity.name);
    out.push_str("\":");
    bare(out, entity, row, levels);
    out.push('}');
}

fn bare(out: &mut String, entity: &'static Entity, row: &StoredRow, levels: &[Level]) {
    out.push_str("{\"id\":");
    out.push_str(&row.id.to_string());
    for (id_key, time_key, stamp) in
        [(",\"createId\":", ",\"createTime\":", &row.created), (",\"modId\":", ",\"modTime\":", &row.modified)]
    {
        out.push_str(id_key);
        write_string(out, &stamp.user_name);
        out.push_str(time_key);
        write_string(out, &date(stamp.at));
    }
    for (member, place) in layout(entity) {
        let level = levels.iter().find(|level| level.relation.name() == member.name());
        match member {
            Member::Field(field) => {
                let val = place.and_then(|place| row.values.get(place)).unwrap_or(&Val::I64(None));
                let before = out.len();
                member_key(out, field.name);
                if write_json(out, field.kind, val).is_none() {
                    out.truncate(before);
                    // icat.server fills these two with its initial values when the column is NULL.
                    if matches!(field.name, "fileSize" | "fileCount") {
                        member_key(out, field.name);
                        out.push('0');
                    }
                }
            }
            Member::One(_) => one(out, row, level),
            Member::Many(many) => {
                member_key(out, many.name);
                many_rows(out, row, level);
            }
        }
    }
    out.push('}');
}

fn member_key(out: &mut String, name: &str) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
}

/// Left out when it is not included, empty or not readable.
fn one(out: &mut String, row: &StoredRow, level: Option<&Level>) {
    if let Some(level) = level
        && let Relation::One { name, place } = level.relation
        && let Some(target) = key(row, place).and_then(|id| level.rows.get(&id))
    {
        member_key(out, name);
        bare(out, level.target, target, &level.below);
    }
}

/// Always there: `[]` when it is not included.
fn many_rows(out: &mut String, row: &StoredRow, level: Option<&Level>) {
    out.push('[');
    if let Some(level) = level
        && let Relation::Many { children, .. } = &level.relation
    {
        let children = children.get(&row.id).into_iter().flatten().filter_map(|id| level.rows.get(id));
        for (n, child) in children.enumerate() {
            if n > 0 {
                out.push(',');
            }
            bare(out, level.target, child, &level.below);
        }
    }
    out.push(']');
}
