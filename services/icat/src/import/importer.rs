//! Compares records with stored rows: each is created, unchanged or in conflict.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;

use icat_client::schema::{Entity, ToMany};
use service_kit::{Tx, Val};

use super::record::Record;
use super::{ImportError, ImportReport, row_key};
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;
use crate::store::entities::{self, NewRow, value_index};
use crate::unkeyed_rows::{UnkeyedRowMatcher, part_relations};
use crate::validation;

pub async fn store_records(
    tx: &mut Tx,
    records: &[Record],
    author: &Author,
    parse: &ParseContext,
    progress: &impl Fn(usize),
) -> Result<ImportReport, ImportError> {
    let mut importer = Importer {
        tx,
        author,
        parse,
        ids: HashMap::new(),
        twins: UnkeyedRowMatcher::default(),
        report: ImportReport::default(),
    };
    let mut done = 0;
    while let Some(record) = records.get(done) {
        let alike = records[done..]
            .iter()
            .take(RECORDS_PER_BATCH)
            .take_while(|next| is_plain(next) && next.entity == record.entity);
        let batch = &records[done..done + alike.count().max(1)];
        if batch.len() > 1 {
            importer.import_batch(batch).await?;
        } else {
            let id = importer.import_record(record, None).await.map_err(|e| to_import_error(record, e))?;
            importer.ids.insert(record.key.as_str(), id);
        }
        done += batch.len();
        progress(done);
    }
    Ok(importer.report)
}

/// Records that are stored at once.
const RECORDS_PER_BATCH: usize = 500;

/// Whether a record has a unique key and no parts.
fn is_plain(record: &Record) -> bool {
    record.parts.is_empty() && !record.entity.unique.is_empty()
}

fn to_import_error(record: &Record, e: Error) -> ImportError {
    match e {
        Error::Database(e) => ImportError::Database(e),
        source => ImportError::Record { record: record.label().to_owned(), source },
    }
}

struct Importer<'a> {
    tx: &'a mut Tx,
    author: &'a Author,
    parse: &'a ParseContext,
    /// Ids of rows of this file by their keys in the file.
    ids: HashMap<&'a str, i64>,
    twins: UnkeyedRowMatcher,
    report: ImportReport,
}

type Parent = Option<(&'static ToMany, i64)>;

impl<'a> Importer<'a> {
    /// Finds or creates a record and its parts; returns the id of the row.
    fn import_record<'r>(
        &'r mut self,
        record: &'r Record,
        parent: Parent,
    ) -> Pin<Box<dyn Future<Output = Result<i64, Error>> + Send + 'r>>
    where
        'a: 'r,
    {
        Box::pin(async move {
            let values = self.resolve_values(record, parent).await?;
            let entity = record.entity;
            let found = if entity.unique.is_empty() {
                self.find_unkeyed_match(record, &values).await?
            } else {
                entities::find_by_key(self.tx, entity, &values).await?
            };
            let id = match found {
                Some(id) => {
                    self.compare_row(record, id, &values).await?;
                    id
                }
                None => self.create_row(entity, values).await?,
            };
            for (many, part) in &record.parts {
                self.import_record(part, Some((many, id))).await?;
            }
            Ok(id)
        })
    }

    /// Imports plain records of one entity type: new rows in one batch, the others one by one.
    async fn import_batch(&mut self, records: &'a [Record]) -> Result<(), ImportError> {
        let Some(entity) = records.first().map(|record| record.entity) else { return Ok(()) };
        let ids = self.tx.allocate_ids(records.len()).await?;
        let mut rows = Vec::with_capacity(records.len());
        for (record, id) in records.iter().zip(ids) {
            let values = self.resolve_values(record, None).await.map_err(|e| to_import_error(record, e))?;
            rows.push(NewRow { id, values });
        }
        // If a row is invalid, the records are imported one by one, because a stored row is accepted although it is invalid.
        let checked = self.are_all_valid(entity, &rows).await?;
        let stored = if checked {
            entities::insert_new_rows(self.tx, entity, rows.clone(), self.author).await?
        } else {
            HashSet::new()
        };
        for (record, row) in records.iter().zip(&rows) {
            let id = if stored.contains(&row.id) {
                self.report.created += 1;
                row.id
            } else {
                self.import_record(record, None).await.map_err(|e| to_import_error(record, e))?
            };
            self.ids.insert(record.key.as_str(), id);
        }
        Ok(())
    }

    async fn are_all_valid(&mut self, entity: &'static Entity, rows: &[NewRow]) -> Result<bool, ImportError> {
        for row in rows {
            let sound = validation::require_not_null(entity, &row.values)
                .and_then(|()| validation::check_lengths(entity, &row.values));
            let sound = match sound {
                Ok(()) => validation::check_entity_rules(self.tx, entity, &row.values, self.parse).await,
                refused => refused,
            };
            match sound {
                Ok(()) => {}
                Err(Error::Database(e)) => return Err(e.into()),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn create_row(&mut self, entity: &'static Entity, values: Vec<Val>) -> Result<i64, Error> {
        validation::require_not_null(entity, &values)?;
        validation::check_lengths(entity, &values)?;
        validation::check_entity_rules(self.tx, entity, &values, self.parse).await?;
        let id = self.tx.allocate_ids(1).await?.first().copied().unwrap_or_default();
        entities::insert_rows(self.tx, entity, vec![NewRow { id, values }], self.author).await?;
        self.report.created += 1;
        Ok(id)
    }

    async fn resolve_values(&mut self, record: &Record, parent: Parent) -> Result<Vec<Val>, Error> {
        let entity = record.entity;
        let mut values = entities::new_values(entity);
        let mut set = |name: &str, val: Val| {
            if let Some(at) = value_index(entity, name) {
                values[at] = val;
            }
        };
        for (field, val) in &record.fields {
            set(field.name, val.clone());
        }
        if let Some((many, id)) = parent {
            set(many.mapped_by, id.into());
        }
        for (one, reference) in &record.ones {
            let id = self.resolve_reference(reference).await?;
            set(one.name, id.into());
        }
        Ok(values)
    }

    /// The id of the row that a reference names, in this file or stored.
    async fn resolve_reference(&mut self, reference: &str) -> Result<i64, Error> {
        if let Some(id) = self.ids.get(reference) {
            return Ok(*id);
        }
        let stored = row_key::find_by_row_key(self.tx, reference).await?;
        stored.ok_or_else(|| {
            Error::NotFound(format!("the reference {reference} is neither in the file before this place nor stored"))
        })
    }

    async fn compare_row(&mut self, record: &Record, id: i64, values: &[Val]) -> Result<(), Error> {
        let entity = record.entity;
        let stored = entities::get_by_id(self.tx, entity, id).await?.map(|row| row.values).unwrap_or_default();
        let names = entity.fields.iter().map(|f| f.name).chain(entity.one.iter().map(|one| one.name));
        let same = |name: &str, stored: &Val, new: &Val| {
            stored == new || (entities::is_count(entity, name) && entities::is_null(stored) && *new == Val::from(0_i64))
        };
        let differing = names.zip(stored.iter().zip(values)).find(|(name, (stored, new))| !same(name, stored, new));
        match differing {
            None => self.report.unchanged += 1,
            Some((name, (stored, new))) => {
                let text =
                    format!("{} ({}[id:{id}]): {name} is {stored}, the file has {new}", record.label(), entity.name);
                self.report.conflicts.push(text);
            }
        }
        Ok(())
    }

    /// A stored row without unique key that has the same values and parts.
    async fn find_unkeyed_match(&mut self, record: &Record, values: &[Val]) -> Result<Option<i64>, Error> {
        let mut parts = Vec::new();
        for (many, part) in &record.parts {
            if part_relations(record.entity).any(|known| known.name == many.name) {
                parts.push((*many, self.resolve_values(part, None).await?));
            }
        }
        Ok(self.twins.take_match(self.tx, record.entity, values, parts).await?)
    }
}
