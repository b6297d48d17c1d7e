//! Updates rows of all entity types.

use std::collections::HashMap;

use events::messages::icat::Verb;
use icat_client::schema::Entity;
use service_kit::{DbError, RowUpdate, Tx, Val};

use super::Author;
use super::entities::{bump_version_if_rule, value_columns};

/// The changes of a row: indexes of values and new values.
#[derive(Debug, Clone, PartialEq)]
pub struct RowChanges {
    pub id: i64,
    pub changes: Vec<(usize, Val)>,
}

impl RowChanges {
    fn list_places(&self) -> Vec<usize> {
        self.changes.iter().map(|(place, _)| *place).collect()
    }

    /// The new value with this index.
    pub fn find_new_value(&self, place: usize) -> Option<&Val> {
        self.changes.iter().find(|(changed, _)| *changed == place).map(|(_, val)| val)
    }
}

/// Updates some values of a row, who modified it and when, and its revision.
pub async fn update_row(
    tx: &mut Tx,
    entity: &'static Entity,
    id: i64,
    changes: &[(usize, Val)],
    author: &Author,
) -> Result<(), DbError> {
    update_rows(tx, entity, vec![RowChanges { id, changes: changes.to_vec() }], author).await
}

/// The same for several rows, none of them twice; those with the same columns together.
pub async fn update_rows(
    tx: &mut Tx,
    entity: &'static Entity,
    rows: Vec<RowChanges>,
    author: &Author,
) -> Result<(), DbError> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut groups: Vec<(Vec<usize>, Vec<RowChanges>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(places, _)| places.iter().eq(row.changes.iter().map(|(place, _)| place))) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((row.list_places(), vec![row])),
        }
    }
    let mut revisions = HashMap::with_capacity(ids.len());
    for (places, rows) in groups {
        let columns: Vec<&str> = places.iter().filter_map(|place| value_columns(entity).nth(*place)).collect();
        author.lock_derived().await.note_updates(tx, entity, &rows, &columns).await?;
        let update = build_update(entity, author, columns);
        let values = |row: RowChanges| {
            [row.id.into()].into_iter().chain(row.changes.into_iter().map(|(_, val)| val)).collect::<Vec<Val>>()
        };
        revisions.extend(tx.update_rows(&update, rows.into_iter().map(values).collect()).await?);
    }
    let updated = ids.into_iter().filter_map(|id| Some((id, *revisions.get(&id)?)));
    author.record_changes(entity, Verb::Updated, updated);
    bump_version_if_rule(tx, entity).await
}

fn build_update<'a>(entity: &'static Entity, author: &'a Author, columns: Vec<&'a str>) -> RowUpdate<'a> {
    RowUpdate {
        table: entity.table,
        shared: vec![("mod_id", author.user_name.as_str().into()), ("mod_time", author.changed_at.into())],
        counted: "rev",
        columns,
    }
}
