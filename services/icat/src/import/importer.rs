//! Compares records with stored rows: each is created, unchanged or in conflict.

use std::collections::HashSet;
use std::pin::Pin;

use events::Outbox;
use icat_client::schema::{Entity, ToMany};
use service_kit::{Tx, Val};

use super::batches::Batches;
use super::record::Record;
use super::record_ids::RecordIds;
use super::{ImportError, ImportReport, row_key};
use crate::error::Error;
use crate::query::ParseContext;
use crate::store::Author;
use crate::store::entities::{self, NewRow, value_index};
use crate::unkeyed_rows::{UnkeyedRowMatcher, part_relations};
use crate::validation::{self, ParameterTypes};

pub async fn store_batches(
    tx: &mut Tx,
    batches: &mut Batches,
    author: &Author,
    outbox: &Outbox,
    parse: &ParseContext,
    progress: &impl Fn(u64),
) -> Result<ImportReport, ImportError> {
    let mut importer = Importer {
        tx,
        author,
        parse,
        ids: RecordIds::default(),
        twins: UnkeyedRowMatcher::default(),
        report: ImportReport::default(),
    };
    while let Some(batch) = batches.next_batch().await? {
        importer.import_batch(&batch.records).await?;
        author.emit_full_events(importer.tx, outbox).await?;
        progress(batch.position);
    }
    Ok(importer.report)
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
    ids: RecordIds,
    twins: UnkeyedRowMatcher,
    report: ImportReport,
}

type Parent = Option<(&'static ToMany, i64)>;

/// A record of a batch or a part of one, as the row that it becomes if it is new.
struct PlannedRow<'r> {
    record: &'r Record,
    /// The index of the row to which it belongs.
    owner: Option<(usize, &'static ToMany)>,
    depth: usize,
    id: i64,
    values: Vec<Val>,
}

impl Importer<'_> {
    /// Imports records of one entity type: new rows together, the others one by one.
    async fn import_batch(&mut self, records: &[Record]) -> Result<(), ImportError> {
        let is_keyed = records.first().is_some_and(|record| !record.entity.unique.is_empty());
        // If a record is invalid, all are imported one by one, because a stored row is accepted although it is invalid, and
        // because the first error counts.
        if !is_keyed || records.len() == 1 || !self.try_batch(records).await? {
            for record in records {
                let id = self.import_record(record, None).await.map_err(|e| to_import_error(record, e))?;
                self.ids.insert(record, id);
            }
        }
        Ok(())
    }

    /// Imports records and their parts, unless one of them is invalid; then it returns `false` and has stored nothing.
    async fn try_batch(&mut self, records: &[Record]) -> Result<bool, ImportError> {
        let Some(mut plan) = self.plan_batch(records).await? else { return Ok(false) };
        let mut is_new = vec![false; plan.len()];
        let depths = plan.iter().map(|row| row.depth).max().unwrap_or_default();
        for depth in 0..=depths {
            // The parts of a row that was already stored have been compared with it.
            let is_wanted =
                |row: &PlannedRow<'_>| row.depth == depth && row.owner.is_none_or(|(owner, _)| is_new[owner]);
            let level: Vec<usize> = (0..plan.len()).filter(|index| is_wanted(&plan[*index])).collect();
            let stored = self.insert_level(&mut plan, &level).await?;
            for index in level {
                is_new[index] = stored.contains(&plan[index].id);
                if is_new[index] {
                    self.report.created += 1;
                    continue;
                }
                let parent = plan[index].owner.map(|(owner, many)| (many, plan[owner].id));
                let record = plan[index].record;
                plan[index].id = self.import_record(record, parent).await.map_err(|e| to_import_error(record, e))?;
            }
        }
        for row in plan.iter().filter(|row| row.owner.is_none()) {
            self.ids.insert(row.record, row.id);
        }
        Ok(true)
    }

    /// The rows of a batch, each before its parts; `None` if one of them is invalid.
    async fn plan_batch<'r>(&mut self, records: &'r [Record]) -> Result<Option<Vec<PlannedRow<'r>>>, ImportError> {
        let mut plan = Vec::with_capacity(records.len());
        for record in records {
            plan_record(&mut plan, record, None, 0);
        }
        let ids = self.tx.allocate_ids(plan.len()).await?;
        for (row, id) in plan.iter_mut().zip(ids) {
            row.id = id;
        }
        for index in 0..plan.len() {
            let parent = plan[index].owner.map(|(owner, many)| (many, plan[owner].id));
            match self.resolve_values(plan[index].record, parent).await {
                Ok(values) => plan[index].values = values,
                Err(Error::Database(e)) => return Err(e.into()),
                Err(_) => return Ok(None),
            }
        }
        Ok(self.are_all_valid(&plan).await?.then_some(plan))
    }

    /// Inserts rows whose owners are stored; returns the ids of those that are new.
    async fn insert_level(
        &mut self,
        plan: &mut [PlannedRow<'_>],
        level: &[usize],
    ) -> Result<HashSet<i64>, ImportError> {
        let mut groups: Vec<(&'static Entity, Vec<NewRow>)> = Vec::new();
        for index in level {
            let PlannedRow { record, id, values, .. } = &mut plan[*index];
            let row = NewRow { id: *id, values: std::mem::take(values) };
            match groups.iter_mut().find(|(entity, _)| *entity == record.entity) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((record.entity, vec![row])),
            }
        }
        let mut stored = HashSet::with_capacity(level.len());
        for (entity, rows) in groups {
            stored.extend(entities::load_new_rows(self.tx, entity, rows, self.author).await?);
        }
        Ok(stored)
    }

    async fn are_all_valid(&mut self, plan: &[PlannedRow<'_>]) -> Result<bool, ImportError> {
        let type_ids = plan.iter().filter_map(|row| validation::parameter_type_id(row.record.entity, &row.values));
        let type_ids: HashSet<i64> = type_ids.collect();
        let types = ParameterTypes::load(self.tx, &type_ids.into_iter().collect::<Vec<_>>()).await;
        let types = types.map_err(|e| match e {
            Error::Database(e) => ImportError::Database(e),
            e => ImportError::Format(e.to_string()),
        })?;
        Ok(plan.iter().all(|row| {
            let (entity, values) = (row.record.entity, &row.values);
            validation::require_not_null(entity, values)
                .and_then(|()| validation::check_lengths(entity, values))
                .and_then(|()| validation::check_loaded_entity_rules(entity, values, self.parse, &types))
                .is_ok()
        }))
    }

    /// Finds or creates a record and its parts; returns the id of the row.
    fn import_record<'r>(
        &'r mut self,
        record: &'r Record,
        parent: Parent,
    ) -> Pin<Box<dyn Future<Output = Result<i64, Error>> + Send + 'r>> {
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
            return Ok(id);
        }
        let stored = row_key::find_by_row_key(self.tx, &self.ids, reference).await?;
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

fn plan_record<'r>(
    plan: &mut Vec<PlannedRow<'r>>,
    record: &'r Record,
    owner: Option<(usize, &'static ToMany)>,
    depth: usize,
) {
    let index = plan.len();
    plan.push(PlannedRow { record, owner, depth, id: 0, values: Vec::new() });
    for (many, part) in &record.parts {
        plan_record(plan, part, Some((index, many)), depth + 1);
    }
}
