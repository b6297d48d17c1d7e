//! The tables of events in every service: `outbox`, `inbox`, `consumer`, `dead_letter`.

use service_kit::{DbError, Micros, Row, RowInsert, Tx, Val};

use crate::envelope::{Envelope, Headers};

const INSERT_EVENT: &str = "INSERT INTO outbox (event_id, subject, headers, payload, created_at) \
                    VALUES ($1, $2, $3, $4, $5)";
const LIST_WAITING_EVENTS: &str = "SELECT event_id, subject, headers, payload FROM outbox ORDER BY event_id LIMIT $1";
const MEASURE_BACKLOG: &str = "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM outbox";
const INSERT_RECEIPT: &str = "INSERT INTO inbox (consumer, event_id, received_at) VALUES ($1, $2, $3) \
                       ON CONFLICT (consumer, event_id) DO NOTHING";
const DELETE_RECEIPTS_BEFORE: &str = "DELETE FROM inbox WHERE received_at < $1";
const FIND_POSITION: &str = "SELECT stream FROM consumer WHERE name = $1";
const SAVE_POSITION: &str = "INSERT INTO consumer (name, stream, reconciled_at) VALUES ($1, $2, $3) ON CONFLICT (name) \
                          DO UPDATE SET stream = excluded.stream, reconciled_at = excluded.reconciled_at";
const INSERT_DEAD_LETTER: &str = "INSERT INTO dead_letter (consumer, event_id, subject, headers, payload, reason, attempts, \
                    first_failed_at, next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) \
                    ON CONFLICT (consumer, event_id) DO NOTHING";
const LIST_DUE_DEAD_LETTERS: &str = "SELECT consumer, event_id, subject, headers, payload, attempts FROM dead_letter \
                   WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2";
const CLAIM_DEAD_LETTER: &str = "DELETE FROM dead_letter WHERE consumer = $1 AND event_id = $2";
const RECORD_FAILED_ATTEMPT: &str = "UPDATE dead_letter SET attempts = attempts + 1, reason = $1, next_attempt_at = $2 \
                            WHERE consumer = $3 AND event_id = $4";
const COUNT_PARKED: &str = "SELECT COUNT(*) AS n FROM dead_letter WHERE next_attempt_at IS NULL";
const COUNT_TRYING: &str = "SELECT COUNT(*) AS n FROM dead_letter WHERE next_attempt_at IS NOT NULL";
const LIST_DEAD_LETTERS: &str = "SELECT consumer, event_id, subject, reason, attempts, first_failed_at, next_attempt_at \
                    FROM dead_letter ORDER BY first_failed_at, consumer, event_id";
const RETRY_PARKED_DEAD_LETTERS: &str =
    "UPDATE dead_letter SET attempts = 0, next_attempt_at = $1 WHERE next_attempt_at IS NULL";

/// All statements that are the same on both engines, for the test that prepares them.
pub const STATEMENTS: [&str; 15] = [
    INSERT_EVENT,
    LIST_WAITING_EVENTS,
    MEASURE_BACKLOG,
    INSERT_RECEIPT,
    DELETE_RECEIPTS_BEFORE,
    FIND_POSITION,
    SAVE_POSITION,
    INSERT_DEAD_LETTER,
    LIST_DUE_DEAD_LETTERS,
    CLAIM_DEAD_LETTER,
    RECORD_FAILED_ATTEMPT,
    COUNT_PARKED,
    COUNT_TRYING,
    LIST_DEAD_LETTERS,
    RETRY_PARKED_DEAD_LETTERS,
];

/// An event whose effect failed.
#[derive(Debug, Clone)]
pub struct DueDeadLetter {
    pub consumer: String,
    pub envelope: Envelope,
    pub attempts: i64,
}

/// A dead letter as operators see it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeadLetter {
    pub consumer: String,
    pub event_id: String,
    pub subject: String,
    pub reason: String,
    pub attempts: i64,
    pub first_failed_at: Micros,
    /// `None` if it is parked.
    pub next_attempt_at: Option<Micros>,
}

pub async fn insert_event(tx: &mut Tx, envelope: &Envelope) -> Result<(), DbError> {
    tx.execute(INSERT_EVENT, &list_values(envelope)?).await.map(drop)
}

/// The same for many events.
pub async fn insert_events(tx: &mut Tx, envelopes: &[Envelope]) -> Result<(), DbError> {
    let columns = vec!["event_id", "subject", "headers", "payload", "created_at"];
    let insert = RowInsert { table: "outbox", shared: Vec::new(), columns, skip_existing: false };
    let rows = envelopes.iter().map(|envelope| list_values(envelope).map(Vec::from));
    tx.insert_rows(&insert, rows.collect::<Result<_, _>>()?).await.map(drop)
}

fn list_values(envelope: &Envelope) -> Result<[Val; 5], DbError> {
    Ok([
        (&envelope.id).into(),
        (&envelope.subject).into(),
        render_headers(&envelope.headers)?.into(),
        envelope.payload.clone().into(),
        envelope.headers.changed_at.into(),
    ])
}

/// The oldest events of the outbox.
pub async fn list_waiting_events(tx: &mut Tx, limit: i64) -> Result<Vec<Envelope>, DbError> {
    let rows = tx.fetch_all(LIST_WAITING_EVENTS, &[limit.into()]).await?;
    rows.iter().map(parse_envelope).collect()
}

/// Deletes exactly these events: an event with a smaller id may be committed after they were read.
pub async fn delete_published_events(tx: &mut Tx, event_ids: &[&str]) -> Result<u64, DbError> {
    let sql = format!("DELETE FROM outbox WHERE event_id IN {}", tx.engine().text_list("$1"));
    tx.execute(&sql, &[Val::from_texts(event_ids.iter().copied())]).await
}

/// The number of events in the outbox, and the time of the oldest one.
pub async fn measure_backlog(tx: &mut Tx) -> Result<(i64, Option<Micros>), DbError> {
    let row = tx.fetch_one(MEASURE_BACKLOG, &[]).await?;
    Ok((row.get("n")?, row.get("oldest")?))
}

/// Adds an event to the inbox of a consumer; false if it is there already.
pub async fn insert_receipt(tx: &mut Tx, consumer: &str, event_id: &str, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(INSERT_RECEIPT, &[consumer.into(), event_id.into(), now.into()]).await? == 1)
}

/// Deletes the ids of events that were received before `before`.
pub async fn delete_receipts_before(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_RECEIPTS_BEFORE, &[before.into()]).await
}

/// The stream that the consumer has read completely.
pub async fn find_position(tx: &mut Tx, consumer: &str) -> Result<Option<String>, DbError> {
    tx.fetch_optional(FIND_POSITION, &[consumer.into()]).await?.map(|row| row.get("stream")).transpose()
}

pub async fn save_position(tx: &mut Tx, consumer: &str, stream: &str, now: Micros) -> Result<(), DbError> {
    tx.execute(SAVE_POSITION, &[consumer.into(), stream.into(), now.into()]).await.map(drop)
}

/// Stores an event that failed for the first time.
pub async fn insert_dead_letter(
    tx: &mut Tx,
    consumer: &str,
    envelope: &Envelope,
    reason: &str,
    now: Micros,
    next_attempt_at: Micros,
) -> Result<(), DbError> {
    let vals = [
        consumer.into(),
        (&envelope.id).into(),
        (&envelope.subject).into(),
        render_headers(&envelope.headers)?.into(),
        envelope.payload.clone().into(),
        reason.into(),
        now.into(),
        next_attempt_at.into(),
    ];
    tx.execute(INSERT_DEAD_LETTER, &vals).await.map(drop)
}

/// Dead letters whose next attempt is due.
pub async fn list_due_dead_letters(tx: &mut Tx, now: Micros, limit: i64) -> Result<Vec<DueDeadLetter>, DbError> {
    let rows = tx.fetch_all(LIST_DUE_DEAD_LETTERS, &[now.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(DueDeadLetter {
                consumer: row.get("consumer")?,
                envelope: parse_envelope(row)?,
                attempts: row.get("attempts")?,
            })
        })
        .collect()
}

/// Claims a dead letter for an attempt; `false` if another replica has claimed it.
pub async fn claim_dead_letter(tx: &mut Tx, consumer: &str, event_id: &str) -> Result<bool, DbError> {
    Ok(tx.execute(CLAIM_DEAD_LETTER, &[consumer.into(), event_id.into()]).await? == 1)
}

/// `None` parks it.
pub async fn record_failed_attempt(
    tx: &mut Tx,
    consumer: &str,
    event_id: &str,
    reason: &str,
    next_attempt_at: Option<Micros>,
) -> Result<(), DbError> {
    let vals: [Val; 4] = [reason.into(), next_attempt_at.into(), consumer.into(), event_id.into()];
    tx.execute(RECORD_FAILED_ATTEMPT, &vals).await.map(drop)
}

/// The number of dead letters that are retried, and of those that are parked.
pub async fn count_dead_letters(tx: &mut Tx) -> Result<(i64, i64), DbError> {
    Ok((tx.fetch_one(COUNT_TRYING, &[]).await?.get("n")?, tx.fetch_one(COUNT_PARKED, &[]).await?.get("n")?))
}

pub async fn list_dead_letters(tx: &mut Tx) -> Result<Vec<DeadLetter>, DbError> {
    let rows = tx.fetch_all(LIST_DEAD_LETTERS, &[]).await?;
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

/// Makes all parked dead letters due, and returns their number.
pub async fn retry_parked_dead_letters(tx: &mut Tx, now: Micros) -> Result<u64, DbError> {
    tx.execute(RETRY_PARKED_DEAD_LETTERS, &[now.into()]).await
}

fn parse_envelope(row: &Row) -> Result<Envelope, DbError> {
    let text: String = row.get("headers")?;
    let headers = serde_json::from_str(&text)
        .map_err(|e| DbError::Column { column: "headers".to_owned(), reason: e.to_string() })?;
    Ok(Envelope { id: row.get("event_id")?, subject: row.get("subject")?, headers, payload: row.get("payload")? })
}

fn render_headers(headers: &Headers) -> Result<String, DbError> {
    serde_json::to_string(headers).map_err(|e| DbError::Setup(e.to_string()))
}
