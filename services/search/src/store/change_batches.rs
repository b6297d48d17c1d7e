//! Accepted changes that are not in the index yet.

use std::collections::HashSet;

use service_kit::{DbError, Micros, Tx};

const CREATE: &str = "INSERT INTO change_batch (id, kind, entity, body, received_at) VALUES ($1, $2, $3, $4, $5)";
const LIST_IDS: &str = "SELECT id FROM change_batch ORDER BY id LIMIT $1";
const FIND: &str = "SELECT id, kind, entity, body FROM change_batch WHERE id = $1";
const FIND_LAST: &str = "SELECT MAX(id) AS id FROM change_batch";
const DELETE: &str = "DELETE FROM change_batch WHERE id = $1";
const COUNT: &str = "SELECT COUNT(*) AS waiting FROM change_batch";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 6] = [CREATE, LIST_IDS, FIND, FIND_LAST, DELETE, COUNT];

/// What a batch contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    /// Operations of `POST /modify`.
    Modify,
    /// Documents of `POST /addNow`.
    Add,
    /// All rows of the entity are deleted.
    Clear,
    /// Rows that follow belong to the generation with the id of the batch.
    BeginGeneration,
    /// Rows of generations before the one in the body are deleted.
    EndGeneration,
}

impl BatchKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Modify => "modify",
            Self::Add => "add",
            Self::Clear => "clear",
            Self::BeginGeneration => "begin-generation",
            Self::EndGeneration => "end-generation",
        }
    }

    fn parse(text: &str) -> Result<Self, DbError> {
        match text {
            "modify" => Ok(Self::Modify),
            "add" => Ok(Self::Add),
            "clear" => Ok(Self::Clear),
            "begin-generation" => Ok(Self::BeginGeneration),
            "end-generation" => Ok(Self::EndGeneration),
            _ => Err(DbError::Setup(format!("change_batch contains the unknown kind {text}"))),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBatch {
    pub id: i64,
    pub kind: BatchKind,
    pub entity: String,
    pub body: String,
}

/// Returns the id of the new batch.
pub async fn create_batch(tx: &mut Tx, kind: BatchKind, entity: &str, body: &str, now: Micros) -> Result<i64, DbError> {
    let id = allocate_id(tx).await?;
    insert_batch(tx, id, kind, entity, body, now).await?;
    Ok(id)
}

/// The id of a batch that will be inserted in this transaction.
pub async fn allocate_id(tx: &mut Tx) -> Result<i64, DbError> {
    Ok(tx.allocate_ids(1).await?.into_iter().next().unwrap_or_default())
}

pub async fn insert_batch(
    tx: &mut Tx,
    id: i64,
    kind: BatchKind,
    entity: &str,
    body: &str,
    now: Micros,
) -> Result<(), DbError> {
    let vals = [id.into(), kind.as_str().into(), entity.into(), body.into(), now.into()];
    tx.execute(CREATE, &vals).await.map(drop)
}

/// The oldest batches besides those that were applied. On `PostgreSQL` a transaction with a lower id may commit after one with a
/// higher id, so the batches after the last applied one would not be all that come next.
pub async fn list_batches(tx: &mut Tx, applied: &[i64], limit: usize) -> Result<Vec<ChangeBatch>, DbError> {
    let mut batches = Vec::new();
    for id in list_waiting_ids(tx, applied, limit).await? {
        let row = tx.fetch_one(FIND, &[id.into()]).await?;
        let kind: String = row.get("kind")?;
        batches.push(ChangeBatch {
            id,
            kind: BatchKind::parse(&kind)?,
            entity: row.get("entity")?,
            body: row.get("body")?,
        });
    }
    Ok(batches)
}

/// The ids of the oldest batches besides those that were applied.
async fn list_waiting_ids(tx: &mut Tx, applied: &[i64], limit: usize) -> Result<Vec<i64>, DbError> {
    let most = i64::try_from(applied.len() + limit).unwrap_or(i64::MAX);
    let ids = tx.fetch_all(LIST_IDS, &[most.into()]).await?;
    let ids = ids.iter().map(|row| row.get("id")).collect::<Result<Vec<i64>, _>>()?;
    let applied: HashSet<i64> = applied.iter().copied().collect();
    Ok(ids.into_iter().filter(|id| !applied.contains(id)).take(limit).collect())
}

/// The id of the oldest batch besides those that were applied; `None` if there is none.
pub async fn find_first_id_besides(tx: &mut Tx, applied: &[i64]) -> Result<Option<i64>, DbError> {
    Ok(list_waiting_ids(tx, applied, 1).await?.first().copied())
}

/// The id of the oldest batch; `None` if all are in the index.
pub async fn find_first_id(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    find_first_id_besides(tx, &[]).await
}

/// The id of the newest batch; `None` if all are in the index.
pub async fn find_last_id(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    tx.fetch_one(FIND_LAST, &[]).await?.get("id")
}

pub async fn delete_batches(tx: &mut Tx, ids: &[i64]) -> Result<(), DbError> {
    for id in ids {
        tx.execute(DELETE, &[(*id).into()]).await?;
    }
    Ok(())
}

/// How many batches are not in the index yet.
pub async fn count_batches(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(COUNT, &[]).await?.get("waiting")
}
