//! Puts rendered rows together: each included row into the gap of the row that refers to it.

use icat_client::schema::Entity;

use super::includes::{IncludedRows, Relation};
use super::rendered_rows::{Gap, RenderedRows};

/// Appends a top-level entity: `{"Dataset":{…}}`.
pub fn append_entity(
    out: &mut String,
    entity: &'static Entity,
    (rows, index): (&RenderedRows, usize),
    levels: &[IncludedRows],
) {
    out.push_str("{\"");
    out.push_str(entity.name);
    out.push_str("\":");
    append_row(out, rows, index, levels);
    out.push('}');
}

fn append_row(out: &mut String, rows: &RenderedRows, index: usize, levels: &[IncludedRows]) {
    rows.append_row(out, index, |out, id, gap| append_related(out, id, gap, &levels[gap.include]));
}

/// Appends the related rows of the row with this id: the key and the row of a to-one relation, unless it is empty or not
/// readable; the elements of a to-many relation.
fn append_related(out: &mut String, id: i64, gap: Gap, level: &IncludedRows) {
    match &level.relation {
        Relation::One { key } => {
            if let Some(index) = gap.target.and_then(|target| level.rows.find(target)) {
                out.push_str(key);
                append_row(out, &level.rows, index, &level.children);
            }
        }
        Relation::Many { children } => {
            let first = children.partition_point(|(parent, _)| *parent < id);
            let own = children[first..].iter().take_while(|(parent, _)| *parent == id);
            for (n, index) in own.filter_map(|(_, child)| level.rows.find(*child)).enumerate() {
                if n > 0 {
                    out.push(',');
                }
                append_row(out, &level.rows, index, &level.children);
            }
        }
    }
}
