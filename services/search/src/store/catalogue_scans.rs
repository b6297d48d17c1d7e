//! Scans of the catalogue and how far they are.

use serde::Serialize;
use service_kit::{DbError, Micros, Row, Tx};
use utoipa::ToSchema;

const REQUEST: &str = "INSERT INTO catalogue_scan \
                       (entity, state, generation, after_id, rows_read, rows_expected, started_at, finished_at) \
                       VALUES ($1, 'wanted', 0, 0, 0, 0, 0, 0) ON CONFLICT (entity) DO UPDATE SET state = 'wanted'";
const REQUEST_KNOWN: &str = "UPDATE catalogue_scan SET state = 'wanted', finished_at = 0, last_batch = 0";
const LIST: &str = "SELECT entity, state, generation, after_id, rows_read, rows_expected, started_at, finished_at \
                    FROM catalogue_scan";
const START: &str = "UPDATE catalogue_scan SET state = 'running', generation = $2, after_id = 0, rows_read = 0, \
                     rows_expected = $3, started_at = $4 WHERE entity = $1 AND state = 'wanted'";
const ADVANCE: &str = "UPDATE catalogue_scan SET after_id = $3, rows_read = rows_read + $4 \
                       WHERE entity = $1 AND state = 'running' AND generation = $2";
const FINISH: &str = "UPDATE catalogue_scan SET state = 'done', finished_at = $3, \
                      last_batch = CASE WHEN finished_at = 0 THEN $4 ELSE last_batch END \
                      WHERE entity = $1 AND state = 'running' AND generation = $2";
const STOP: &str = "UPDATE catalogue_scan SET state = 'done' WHERE state <> 'done'";
const COUNT_RUNNING: &str = "SELECT COUNT(*) AS running FROM catalogue_scan WHERE entity = $1 AND state = 'running'";
const FIND_FILLING_BATCH: &str =
    "SELECT MIN(finished_at) AS finished_at, MAX(last_batch) AS last_batch FROM catalogue_scan";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 9] =
    [REQUEST, REQUEST_KNOWN, STOP, COUNT_RUNNING, LIST, START, ADVANCE, FINISH, FIND_FILLING_BATCH];

/// Where a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScanState {
    Wanted,
    Running,
    Done,
}

impl ScanState {
    fn parse(text: &str) -> Result<Self, DbError> {
        match text {
            "wanted" => Ok(Self::Wanted),
            "running" => Ok(Self::Running),
            "done" => Ok(Self::Done),
            _ => Err(DbError::Setup(format!("catalogue_scan contains the unknown state {text}"))),
        }
    }
}

/// A scan of one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueScan {
    pub entity: String,
    pub state: ScanState,
    pub generation: i64,
    /// All rows up to this id are stored.
    pub after_id: i64,
    pub rows_read: i64,
    /// What the catalogue had at the start.
    pub rows_expected: i64,
    pub started_at: Micros,
    /// When the last scan ended that filled the index; 0 if none did.
    pub finished_at: Micros,
}

/// Asks for scans of these entities; those that run begin again.
pub async fn request_scans(tx: &mut Tx, entities: &[&str]) -> Result<(), DbError> {
    for entity in entities {
        tx.execute(REQUEST, &[(*entity).into()]).await?;
    }
    Ok(())
}

/// Asks for scans of all entities that were scanned before, because the index is new.
pub async fn request_known_scans(tx: &mut Tx) -> Result<(), DbError> {
    tx.execute(REQUEST_KNOWN, &[]).await.map(drop)
}

pub async fn list_scans(tx: &mut Tx) -> Result<Vec<CatalogueScan>, DbError> {
    tx.fetch_all(LIST, &[]).await?.iter().map(read_scan).collect()
}

/// Whether the service itself reads all rows of the entity at the moment.
pub async fn is_scan_running(tx: &mut Tx, entity: &str) -> Result<bool, DbError> {
    let running: i64 = tx.fetch_one(COUNT_RUNNING, &[entity.into()]).await?.get("running")?;
    Ok(running > 0)
}

fn read_scan(row: &Row) -> Result<CatalogueScan, DbError> {
    let state: String = row.get("state")?;
    Ok(CatalogueScan {
        entity: row.get("entity")?,
        state: ScanState::parse(&state)?,
        generation: row.get("generation")?,
        after_id: row.get("after_id")?,
        rows_read: row.get("rows_read")?,
        rows_expected: row.get("rows_expected")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
    })
}

/// Returns whether the scan was still wanted.
pub async fn start_scan(
    tx: &mut Tx,
    entity: &str,
    generation: i64,
    rows_expected: i64,
    now: Micros,
) -> Result<bool, DbError> {
    let vals = [entity.into(), generation.into(), rows_expected.into(), now.into()];
    Ok(tx.execute(START, &vals).await? > 0)
}

/// Stores how far a scan is; returns whether it still runs and was not asked for again.
pub async fn advance_scan(tx: &mut Tx, scan: &CatalogueScan, after_id: i64, rows: i64) -> Result<bool, DbError> {
    let vals = [scan.entity.as_str().into(), scan.generation.into(), after_id.into(), rows.into()];
    Ok(tx.execute(ADVANCE, &vals).await? > 0)
}

/// Returns whether the scan still ran and was not asked for again. `last_batch` is the newest change that waits for the index.
pub async fn finish_scan(tx: &mut Tx, scan: &CatalogueScan, last_batch: i64, now: Micros) -> Result<bool, DbError> {
    let vals = [scan.entity.as_str().into(), scan.generation.into(), now.into(), last_batch.into()];
    Ok(tx.execute(FINISH, &vals).await? > 0)
}

/// The last change of the scans that filled the index; `None` while the rows of an entity were never read to the end.
pub async fn find_filling_batch(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    let row = tx.fetch_one(FIND_FILLING_BATCH, &[]).await?;
    let (finished_at, last_batch): (Option<i64>, Option<i64>) = (row.get("finished_at")?, row.get("last_batch")?);
    Ok(last_batch.filter(|_| finished_at.is_some_and(|at| at > 0)))
}

/// Ends all scans that run or are wanted, without their having filled the index.
pub async fn stop_scans(tx: &mut Tx) -> Result<(), DbError> {
    tx.execute(STOP, &[]).await.map(drop)
}
