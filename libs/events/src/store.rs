//! The tables of events in every service: `outbox`, `inbox`, `consumer`, `dead_letter`.

use service_kit::{DbError, Row, Tx, Val};

use crate::envelope::{Envelope, Headers};

const EMIT: &str = "INSERT INTO outbox (event_id, subject, headers, payload, created_at) \
                    VALUES ($1, $2, $3, $4, $5)";
const WAITING: &str = "SELECT event_id, subject, headers, payload FROM outbox ORDER BY event_id LIMIT $1";
const BACKLOG: &str = "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox";
const RECEIVE: &str = "INSERT INTO inbox (consumer, event_id, received_at) VALUES ($1, $2, $3) \
                       ON CONFLICT (consumer, event_id) DO NOTHING";
const FORGET: &str = "DELETE FROM inbox WHERE received_at < $1";
const POSITION: &str = "SELECT stream FROM consumer WHERE name = $1";
const RECONCILED: &str = "INSERT INTO consumer (name, stream, reconciled_at) VALUES ($1, $2, $3) ON CONFLICT (name) \
                          DO UPDATE SET stream = excluded.stream, reconciled_at = excluded.reconciled_at";
const BURY: &str = "INSERT INTO dead_letter (consumer, event_id, subject, headers, payload, reason, attempts, \
                    first_failed_at, next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) \
                    ON CONFLICT (consumer, event_id) DO NOTHING";
const DUE: &str = "SELECT consumer, event_id, subject, headers, payload, attempts FROM dead_letter \
                   WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2";
const RAISE: &str = "DELETE FROM dead_letter WHERE consumer = $1 AND event_id = $2";
const FAILED_AGAIN: &str = "UPDATE dead_letter SET attempts = attempts + 1, reason = $1, next_attempt_at = $2 \
                            WHERE consumer = $3 AND event_id = $4";
const PARKED: &str = "SELECT COUNT(*) AS n FROM dead_letter WHERE next_attempt_at IS NULL";
const TRYING: &str = "SELECT COUNT(*) AS n FROM dead_letter WHERE next_attempt_at IS NOT NULL";
const LIST: &str = "SELECT consumer, event_id, subject, reason, attempts, first_failed_at, next_attempt_at \
                    FROM dead_letter ORDER BY first_failed_at, consumer, event_id";
const RETRY: &str = "UPDATE dead_letter SET attempts = 0, next_attempt_at = $1 WHERE next_attempt_at IS NULL";

/// Every statement that is the same on both engines, for the test that prepares them.
pub const ALL: [&str; 15] = [
    EMIT,
    WAITING,
    BACKLOG,
    RECEIVE,
    FORGET,
    POSITION,
    RECONCILED,
    BURY,
    DUE,
    RAISE,
    FAILED_AGAIN,
    PARKED,
    TRYING,
    LIST,
    RETRY,
];

/// An event whose effect failed.
#[derive(Debug, Clone)]
pub struct Dead {
    pub consumer: String,
    pub envelope: Envelope,
    pub attempts: i64,
}

/// A dead letter as operators see it; times in microseconds UTC.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeadLetter {
    pub consumer: String,
    pub event_id: String,
    pub subject: String,
    pub reason: String,
    pub attempts: i64,
    pub first_failed_at: i64,
    /// `None`: parked until somebody retries it.
    pub next_attempt_at: Option<i64>,
}

pub async fn emit(tx: &mut Tx, envelope: &Envelope) -> Result<(), DbError> {
    let vals = [
        (&envelope.id).into(),
        (&envelope.subject).into(),
        headers_text(&envelope.headers)?.into(),
        envelope.payload.clone().into(),
        envelope.headers.time_micros.into(),
    ];
    tx.execute(EMIT, &vals).await.map(drop)
}

/// The oldest events that wait.
pub async fn waiting(tx: &mut Tx, limit: i64) -> Result<Vec<Envelope>, DbError> {
    let rows = tx.fetch_all(WAITING, &[limit.into()]).await?;
    rows.iter().map(envelope).collect()
}

/// Removes exactly these: an event that sorts before them may be committed after they were read.
pub async fn published(tx: &mut Tx, event_ids: &[&str]) -> Result<u64, DbError> {
    let sql = format!("DELETE FROM outbox WHERE event_id IN {}", tx.engine().text_list("$1"));
    tx.execute(&sql, &[Val::from_texts(event_ids.iter().copied())]).await
}

/// How many events wait, and since when the oldest one.
pub async fn backlog(tx: &mut Tx) -> Result<(i64, Option<i64>), DbError> {
    let row = tx.fetch_one(BACKLOG, &[]).await?;
    Ok((row.get("n")?, row.get("oldest")?))
}

/// Whether the event is new to this consumer.
pub async fn receive(tx: &mut Tx, consumer: &str, event_id: &str, now: i64) -> Result<bool, DbError> {
    Ok(tx.execute(RECEIVE, &[consumer.into(), event_id.into(), now.into()]).await? == 1)
}

/// Forgets what was received before `before`.
pub async fn forget(tx: &mut Tx, before: i64) -> Result<u64, DbError> {
    tx.execute(FORGET, &[before.into()]).await
}

/// The stream whose whole state the consumer knows.
pub async fn position(tx: &mut Tx, consumer: &str) -> Result<Option<String>, DbError> {
    tx.fetch_optional(POSITION, &[consumer.into()]).await?.map(|row| row.get("stream")).transpose()
}

pub async fn reconciled(tx: &mut Tx, consumer: &str, stream: &str, now: i64) -> Result<(), DbError> {
    tx.execute(RECONCILED, &[consumer.into(), stream.into(), now.into()]).await.map(drop)
}

/// Keeps an event whose effect failed for the first time.
pub async fn bury(
    tx: &mut Tx,
    consumer: &str,
    envelope: &Envelope,
    reason: &str,
    now: i64,
    next_attempt_at: i64,
) -> Result<(), DbError> {
    let vals = [
        consumer.into(),
        (&envelope.id).into(),
        (&envelope.subject).into(),
        headers_text(&envelope.headers)?.into(),
        envelope.payload.clone().into(),
        reason.into(),
        now.into(),
        next_attempt_at.into(),
    ];
    tx.execute(BURY, &vals).await.map(drop)
}

/// Dead letters whose next attempt is due.
pub async fn due(tx: &mut Tx, now: i64, limit: i64) -> Result<Vec<Dead>, DbError> {
    let rows = tx.fetch_all(DUE, &[now.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Dead { consumer: row.get("consumer")?, envelope: envelope(row)?, attempts: row.get("attempts")? })
        })
        .collect()
}

/// Takes a dead letter for an attempt; `false` if another replica has it.
pub async fn raise(tx: &mut Tx, consumer: &str, event_id: &str) -> Result<bool, DbError> {
    Ok(tx.execute(RAISE, &[consumer.into(), event_id.into()]).await? == 1)
}

/// `None` parks it.
pub async fn failed_again(
    tx: &mut Tx,
    consumer: &str,
    event_id: &str,
    reason: &str,
    next_attempt_at: Option<i64>,
) -> Result<(), DbError> {
    let vals: [Val; 4] = [reason.into(), next_attempt_at.into(), consumer.into(), event_id.into()];
    tx.execute(FAILED_AGAIN, &vals).await.map(drop)
}

/// Dead letters that are tried again, and those that are parked.
pub async fn dead(tx: &mut Tx) -> Result<(i64, i64), DbError> {
    Ok((tx.fetch_one(TRYING, &[]).await?.get("n")?, tx.fetch_one(PARKED, &[]).await?.get("n")?))
}

pub async fn list(tx: &mut Tx) -> Result<Vec<DeadLetter>, DbError> {
    let rows = tx.fetch_all(LIST, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(DeadLetter {
                consumer: row.get("consumer")?,
                event_id: row.get("event_id")?,
                subject: row.get("subject")?,
                reason: row.get("reason")?,
                attempts: row.get("attempts")?,
                first_failed_at: row.get("first_failed_at")?,
                next_attempt_at: row.get("next_attempt_at")?,
            })
        })
        .collect()
}

/// Makes all parked dead letters due; how many there were.
pub async fn retry(tx: &mut Tx, now: i64) -> Result<u64, DbError> {
    tx.execute(RETRY, &[now.into()]).await
}

fn envelope(row: &Row) -> Result<Envelope, DbError> {
    let text: String = row.get("headers")?;
    let headers = serde_json::from_str(&text)
        .map_err(|e| DbError::Column { column: "headers".to_owned(), reason: e.to_string() })?;
    Ok(Envelope { id: row.get("event_id")?, subject: row.get("subject")?, headers, payload: row.get("payload")? })
}

fn headers_text(headers: &Headers) -> Result<String, DbError> {
    serde_json::to_string(headers).map_err(|e| DbError::Setup(e.to_string()))
}
