//! Numbers and sizes of the datafiles of each dataset, of each investigation, and of the whole catalogue.
//!
//! A transaction adds one row per owner with the difference that it makes. So transactions that change files of the same
//! investigation do not wait for each other, and a reader adds up what its snapshot shows. A worker replaces rows by their sums.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use icat_client::schema::Entity;
use service_kit::{DbError, Row, Tx, Val};

pub use super::counter_verification::{count_deviations, rebuild_counters};
use super::entities::{RowChanges, value_index};
use super::new_rows::NewRow;

/// Owners of counters; the numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterLevel {
    Catalogue = 0,
    Investigation = 1,
    Dataset = 2,
}

impl CounterLevel {
    /// The value of the column `level`.
    pub fn as_i64(self) -> i64 {
        self as i64
    }
}

/// Rows per INSERT.
const ROWS_PER_INSERT: usize = 50;
/// Ids per statement.
const IDS_PER_STATEMENT: usize = 10_000;
/// Rows that are added up in one transaction.
const ROWS_PER_FOLD: usize = 5_000;
/// The id of the row with the sum.
pub(super) const SUM_ID: i64 = 0;

pub(super) const FILES_OF_DATASET: &str = "COUNT(*) AS files, COUNT(filesize) AS sized_files, \
    CAST(COALESCE(SUM(filesize >> 32), 0) AS BIGINT) AS size_high, \
    CAST(COALESCE(SUM(filesize & 4294967295), 0) AS BIGINT) AS size_low";
pub(super) const SUMS: &str = "CAST(COALESCE(SUM(files), 0) AS BIGINT) AS files, \
    CAST(COALESCE(SUM(sized_files), 0) AS BIGINT) AS sized_files, \
    CAST(COALESCE(SUM(size_high), 0) AS BIGINT) AS size_high, CAST(COALESCE(SUM(size_low), 0) AS BIGINT) AS size_low";

/// A number of datafiles and their total size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    files: i64,
    sized_files: i64,
    /// Sums of size / 2^32 rounded down, and of the remainders.
    size_high: i64,
    size_low: i64,
}

impl Count {
    fn from_file(size: &Val) -> Self {
        match size {
            Val::I64(Some(size)) => {
                Self { files: 1, sized_files: 1, size_high: size >> 32, size_low: size & 0xffff_ffff }
            }
            _ => Self { files: 1, ..Self::default() },
        }
    }

    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            files: row.get("files")?,
            sized_files: row.get("sized_files")?,
            size_high: row.get("size_high")?,
            size_low: row.get("size_low")?,
        })
    }

    fn add_count(&mut self, other: Self, factor: i64) {
        self.files += factor * other.files;
        self.sized_files += factor * other.sized_files;
        self.size_high += factor * other.size_high;
        self.size_low += factor * other.size_low;
    }
}

/// The differences that one transaction makes.
#[derive(Debug, Default)]
pub struct DatafileCounters {
    by_dataset: BTreeMap<i64, Count>,
    by_investigation: BTreeMap<i64, Count>,
    /// Investigations of datasets that were deleted or moved.
    investigations: HashMap<i64, i64>,
    deleted_datasets: HashSet<i64>,
    deleted_investigations: HashSet<i64>,
    /// Identifies the rows of this transaction: the id of a datafile that it changed.
    row_id: i64,
}

/// The table that is locked while nobody else may count datafiles, see [`Tx::require_table_lock`].
pub const LOCKED_TABLE: &str = "datafile_counter";

/// Numbers and sizes of new datafiles.
#[derive(Debug, Default)]
pub struct NewFiles {
    by_dataset: BTreeMap<i64, Count>,
    last_id: i64,
}

impl NewFiles {
    /// Counts new rows of any entity.
    pub fn from_rows(entity: &'static Entity, rows: &[NewRow]) -> Self {
        let mut files = Self::default();
        if entity.name == "Datafile" {
            let (dataset, size) = datafile_indexes(entity);
            for NewRow { id, values } in rows {
                if let Some(Val::I64(Some(dataset))) = values.get(dataset) {
                    let count = values.get(size).map(Count::from_file).unwrap_or_default();
                    files.by_dataset.entry(*dataset).or_default().add_count(count, 1);
                    files.last_id = files.last_id.max(*id);
                }
            }
        }
        files
    }
}

impl DatafileCounters {
    /// Adds datafiles that are stored as they are given.
    pub fn count_new_files(&mut self, files: &NewFiles) {
        for (dataset, count) in &files.by_dataset {
            self.by_dataset.entry(*dataset).or_default().add_count(*count, 1);
        }
        self.row_id = self.row_id.max(files.last_id);
    }

    /// Adds stored datafiles, or takes them away with the factor -1.
    pub async fn count_files(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        ids: &[i64],
        factor: i64,
    ) -> Result<(), DbError> {
        if entity.name != "Datafile" {
            return Ok(());
        }
        let list = tx.engine().id_list("$1");
        let sql = format!("SELECT dataset_id, {FILES_OF_DATASET} FROM datafile WHERE id IN {list} GROUP BY dataset_id");
        for ids in ids.chunks(IDS_PER_STATEMENT) {
            for row in &tx.fetch_all(&sql, &[Val::from_ids(ids)]).await? {
                let count = Count::from_row(row)?;
                self.by_dataset.entry(row.get("dataset_id")?).or_default().add_count(count, factor);
            }
            self.row_id = self.row_id.max(ids.iter().copied().max().unwrap_or_default());
        }
        Ok(())
    }

    /// Counts updates of datafiles or datasets, before they are stored.
    pub async fn count_updates(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        rows: &[RowChanges],
    ) -> Result<(), DbError> {
        match entity.name {
            "Datafile" => self.count_datafile_updates(tx, entity, rows).await,
            "Dataset" => self.count_moved_datasets(tx, entity, rows).await,
            _ => Ok(()),
        }
    }

    async fn count_datafile_updates(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        rows: &[RowChanges],
    ) -> Result<(), DbError> {
        let (dataset, size) = datafile_indexes(entity);
        let new: HashMap<i64, (Option<&Val>, Option<&Val>)> = rows
            .iter()
            .map(|row| (row.id, (row.find_new_value(dataset), row.find_new_value(size))))
            .filter(|(_, (dataset, size))| dataset.is_some() || size.is_some())
            .collect();
        let ids: Vec<i64> = new.keys().copied().collect();
        let sql = format!("SELECT id, dataset_id, filesize FROM datafile WHERE id IN {}", tx.engine().id_list("$1"));
        for ids in ids.chunks(IDS_PER_STATEMENT) {
            for row in &tx.fetch_all(&sql, &[Val::from_ids(ids)]).await? {
                let (id, old_dataset): (i64, i64) = (row.get("id")?, row.get("dataset_id")?);
                let old_size = Val::I64(row.get("filesize")?);
                let (new_dataset, new_size) = new.get(&id).copied().unwrap_or_default();
                let new_dataset = match new_dataset {
                    Some(Val::I64(Some(id))) => *id,
                    _ => old_dataset,
                };
                self.by_dataset.entry(old_dataset).or_default().add_count(Count::from_file(&old_size), -1);
                let count = Count::from_file(new_size.unwrap_or(&old_size));
                self.by_dataset.entry(new_dataset).or_default().add_count(count, 1);
                self.row_id = self.row_id.max(id);
            }
        }
        Ok(())
    }

    async fn count_moved_datasets(
        &mut self,
        tx: &mut Tx,
        entity: &'static Entity,
        rows: &[RowChanges],
    ) -> Result<(), DbError> {
        let investigation = value_index(entity, "investigation").unwrap_or_default();
        let named = rows.iter().filter_map(|row| match row.find_new_value(investigation) {
            Some(Val::I64(Some(to))) => Some((row.id, *to)),
            _ => None,
        });
        let named: HashMap<i64, i64> = named.collect();
        for (id, from) in list_investigations(tx, &named.keys().copied().collect::<Vec<_>>()).await? {
            if let Some(to) = named.get(&id).filter(|to| **to != from) {
                self.move_dataset(tx, id, from, *to).await?;
            }
        }
        Ok(())
    }

    /// Moves what is stored about a dataset; what this transaction has counted goes where the dataset is at its end.
    async fn move_dataset(&mut self, tx: &mut Tx, id: i64, from: i64, to: i64) -> Result<(), DbError> {
        // Others must not count files of the dataset for its old investigation meanwhile.
        tx.require_table_lock(LOCKED_TABLE)?;
        let sql = format!("SELECT {SUMS} FROM datafile_counter WHERE level = $1 AND owner_id = $2");
        let stored = tx.fetch_one(&sql, &[CounterLevel::Dataset.as_i64().into(), id.into()]).await?;
        let stored = Count::from_row(&stored)?;
        self.by_investigation.entry(from).or_default().add_count(stored, -1);
        self.by_investigation.entry(to).or_default().add_count(stored, 1);
        self.row_id = self.row_id.max(id);
        Ok(())
    }

    /// Counts rows that are about to be deleted, after those that refer to them.
    pub async fn count_deletion(&mut self, tx: &mut Tx, entity: &'static Entity, ids: &[i64]) -> Result<(), DbError> {
        self.count_files(tx, entity, ids, -1).await?;
        match entity.name {
            "Dataset" => {
                self.investigations.extend(list_investigations(tx, ids).await?);
                self.deleted_datasets.extend(ids);
            }
            "Investigation" => self.deleted_investigations.extend(ids),
            _ => {}
        }
        Ok(())
    }

    /// Stores the differences, at the end of the transaction.
    pub async fn store_differences(&mut self, tx: &mut Tx) -> Result<(), DbError> {
        let mut rows = match self.take_only_dataset() {
            Some((dataset, count)) => vec![
                (CounterLevel::Dataset, Owner::Id(dataset), count),
                (CounterLevel::Investigation, Owner::InvestigationOf(dataset), count),
                (CounterLevel::Catalogue, Owner::Id(0), count),
            ],
            None => self.take_differences(tx).await?,
        };
        rows.retain(|(.., count)| *count != Count::default());
        // Where writers could wait for each other, each adds a row of its own.
        let id = if tx.engine().has_one_writer() { SUM_ID } else { self.row_id };
        add_counts(tx, id, &rows).await?;
        for (level, owners) in [
            (CounterLevel::Dataset, &self.deleted_datasets),
            (CounterLevel::Investigation, &self.deleted_investigations),
        ] {
            delete_counters(tx, level, &owners.iter().copied().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// The dataset if files of one have changed and nothing else; its investigation is found by the statement that stores the
    /// differences.
    fn take_only_dataset(&mut self) -> Option<(i64, Count)> {
        let is_only = self.by_dataset.len() == 1
            && self.by_investigation.is_empty()
            && self.deleted_datasets.is_empty()
            && self.deleted_investigations.is_empty();
        if is_only { self.by_dataset.pop_first() } else { None }
    }

    async fn take_differences(&mut self, tx: &mut Tx) -> Result<Vec<(CounterLevel, Owner, Count)>, DbError> {
        let unknown = self.by_dataset.keys().filter(|id| !self.investigations.contains_key(*id));
        let unknown: Vec<i64> = unknown.copied().collect();
        self.investigations.extend(list_investigations(tx, &unknown).await?);
        let mut total = Count::default();
        let mut rows = Vec::new();
        for (dataset, count) in std::mem::take(&mut self.by_dataset) {
            total.add_count(count, 1);
            if let Some(investigation) = self.investigations.get(&dataset) {
                self.by_investigation.entry(*investigation).or_default().add_count(count, 1);
            }
            if !self.deleted_datasets.contains(&dataset) {
                rows.push((CounterLevel::Dataset, Owner::Id(dataset), count));
            }
        }
        for (investigation, count) in std::mem::take(&mut self.by_investigation) {
            if !self.deleted_investigations.contains(&investigation) {
                rows.push((CounterLevel::Investigation, Owner::Id(investigation), count));
            }
        }
        rows.push((CounterLevel::Catalogue, Owner::Id(0), total));
        Ok(rows)
    }
}

/// Whose counter it is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Id(i64),
    /// The investigation of a dataset.
    InvestigationOf(i64),
}

/// The indexes of the dataset and of the size in the values of a datafile.
fn datafile_indexes(entity: &'static Entity) -> (usize, usize) {
    (value_index(entity, "dataset").unwrap_or_default(), value_index(entity, "fileSize").unwrap_or_default())
}

/// The investigations of datasets.
async fn list_investigations(tx: &mut Tx, datasets: &[i64]) -> Result<Vec<(i64, i64)>, DbError> {
    let sql = format!("SELECT id, investigation_id FROM dataset WHERE id IN {}", tx.engine().id_list("$1"));
    let mut pairs = Vec::with_capacity(datasets.len());
    for ids in datasets.chunks(IDS_PER_STATEMENT) {
        for row in &tx.fetch_all(&sql, &[Val::from_ids(ids)]).await? {
            pairs.push((row.get("id")?, row.get("investigation_id")?));
        }
    }
    Ok(pairs)
}

async fn add_counts(tx: &mut Tx, id: i64, rows: &[(CounterLevel, Owner, Count)]) -> Result<(), DbError> {
    const COLUMNS: usize = 7;
    for rows in rows.chunks(ROWS_PER_INSERT) {
        let mut sql = String::from(
            "INSERT INTO datafile_counter (level, owner_id, id, files, sized_files, size_high, size_low) VALUES ",
        );
        let mut vals = Vec::with_capacity(rows.len() * COLUMNS);
        for (n, (level, owner, count)) in rows.iter().enumerate() {
            let first = n * COLUMNS + 1;
            let mut marks: Vec<String> =
                (first..first + COLUMNS).map(|number| tx.engine().parameter_in_order(number)).collect();
            let owner = match *owner {
                Owner::Id(id) => id,
                Owner::InvestigationOf(dataset) => {
                    marks[1] = format!("(SELECT investigation_id FROM dataset WHERE id = {})", marks[1]);
                    dataset
                }
            };
            let _ = write!(sql, "{}({})", if n == 0 { "" } else { ", " }, marks.join(", "));
            let Count { files, sized_files, size_high, size_low } = *count;
            vals.extend([level.as_i64(), owner, id, files, sized_files, size_high, size_low].map(Val::from));
        }
        sql += " ON CONFLICT (level, owner_id, id) DO UPDATE SET files = datafile_counter.files + excluded.files, \
                sized_files = datafile_counter.sized_files + excluded.sized_files, \
                size_high = datafile_counter.size_high + excluded.size_high, \
                size_low = datafile_counter.size_low + excluded.size_low";
        tx.execute(&sql, &vals).await?;
    }
    Ok(())
}

async fn delete_counters(tx: &mut Tx, level: CounterLevel, owners: &[i64]) -> Result<(), DbError> {
    let sql = format!("DELETE FROM datafile_counter WHERE level = $1 AND owner_id IN {}", tx.engine().id_list("$2"));
    for owners in owners.chunks(IDS_PER_STATEMENT) {
        tx.execute(&sql, &[level.as_i64().into(), Val::from_ids(owners)]).await?;
    }
    Ok(())
}

pub const DIFFERENCES: &str = "SELECT level, owner_id, id, files, sized_files, size_high, size_low FROM datafile_counter \
                               WHERE id > 0 ORDER BY id LIMIT $1";

/// Adds up some of the rows that transactions have added; returns whether there may be more.
pub async fn fold_differences(tx: &mut Tx) -> Result<bool, DbError> {
    let mut owners: BTreeMap<(i64, i64), (Vec<i64>, Count)> = BTreeMap::new();
    let rows = tx.fetch_all(DIFFERENCES, &[i64::try_from(ROWS_PER_FOLD).unwrap_or(i64::MAX).into()]).await?;
    for row in &rows {
        let (ids, count) = owners.entry((row.get("level")?, row.get("owner_id")?)).or_default();
        ids.push(row.get("id")?);
        count.add_count(Count::from_row(row)?, 1);
    }
    let list = tx.engine().id_list("$3");
    let sql = format!("DELETE FROM datafile_counter WHERE level = $1 AND owner_id = $2 AND id IN {list}");
    let mut sums = Vec::new();
    for ((level, owner), (ids, count)) in owners {
        tx.execute(&sql, &[level.into(), owner.into(), Val::from_ids(&ids)]).await?;
        let level = match level {
            0 => CounterLevel::Catalogue,
            1 => CounterLevel::Investigation,
            _ => CounterLevel::Dataset,
        };
        sums.push((level, Owner::Id(owner), count));
    }
    add_counts(tx, SUM_ID, &sums).await?;
    Ok(rows.len() == ROWS_PER_FOLD)
}
