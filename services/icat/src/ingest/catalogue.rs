//! What all steps of an ingest share: the database, and rows that are found by their key or created.

use events::Outbox;
use icat_client::schema::{self, Entity};
use service_kit::{Db, Micros, Tx, Val};

use super::Options;
use crate::error::Error;
use crate::store::Author;
use crate::store::entities::{self, NewRow, value_index};
use crate::validation;

pub struct IngestCatalogue<'a> {
    pub db: &'a Db,
    /// Publishes changes.
    pub outbox: Outbox,
    pub started_at: Micros,
    pub options: &'a Options,
}

impl IngestCatalogue<'_> {
    pub fn new_author(&self) -> Author {
        Author::new(&self.options.user_name, self.started_at)
    }
}

/// The id of the row with the key among `values`, created if there is none.
pub async fn find_or_create_row(
    tx: &mut Tx,
    author: &Author,
    entity: &'static Entity,
    values: &[(&str, Val)],
) -> Result<i64, Error> {
    let values = fill_values(entity, values);
    if let Some(id) = entities::find_by_key(tx, entity, &values).await? {
        return Ok(id);
    }
    validation::require_not_null(entity, &values)?;
    validation::check_lengths(entity, &values)?;
    let id = tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
    entities::insert_rows(tx, entity, vec![NewRow { id, values }], author).await?;
    Ok(id)
}

/// Sets some values of a stored row.
pub async fn update_row(
    tx: &mut Tx,
    author: &Author,
    entity: &'static Entity,
    id: i64,
    values: Vec<(&str, Val)>,
) -> Result<(), Error> {
    let changes: Vec<(usize, Val)> =
        values.into_iter().filter_map(|(name, val)| Some((value_index(entity, name)?, val))).collect();
    entities::update_row(tx, entity, id, &changes, author).await?;
    Ok(())
}

pub fn find_entity(name: &str) -> Result<&'static Entity, Error> {
    schema::find_entity(name).ok_or_else(|| Error::BadParameter(format!("{name} is not an ICAT entity")))
}

/// The values of a row of which some are given; the others get their defaults.
pub fn fill_values(entity: &'static Entity, given: &[(&str, Val)]) -> Vec<Val> {
    let mut values = entities::new_values(entity);
    for (name, val) in given {
        if let Some(at) = value_index(entity, name) {
            values[at] = val.clone();
        }
    }
    values
}
