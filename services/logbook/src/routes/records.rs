//! `GET /logbook/{sessionId}/records`: all records of a logbook with their hashes, as `undulator logbook verify` reads them.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use identity::Caller;
use service_kit::{DbError, Problem};

use crate::openapi::{Always, BookQuery};
use crate::rights;
use crate::routes::request::book;
use crate::state::State;
use crate::store::books::{self, Record};
use crate::verify::{Head, Line};

const PIECE: i64 = 100;

#[utoipa::path(
    get, path = "/logbook/{credential}/records", operation_id = "list_records", summary = "The history of a logbook",
    description = "JSON lines: first the logbook's name, how many records it has and the hash of the last; then the records \
        from the first on. For whoever may write the logbook; once it is closed, for administrators.",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), BookQuery),
    responses(
        Always,
        (status = 200, description = "Records", body = String, content_type = "application/jsonl"),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
) -> Result<HttpResponse, Problem> {
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    rights::history(&state, &caller, &book).await?;
    let mut tx = state.db.read().await?;
    let id = books::find(&mut tx, &book).await?.unwrap_or(0);
    let (records, head) = books::head(&mut tx, id).await?;
    drop(tx);
    let first = line(&Head { book: book.name(), records, head })?;
    let state = state.into_inner();
    let pieces = stream::try_unfold((first, 0), move |(begun, after)| {
        let state = Arc::clone(&state);
        async move {
            let found = piece(&state, id, after, records).await?;
            let mut out = begun;
            for record in &found {
                out.push_str(&line(&Line::of(record))?);
            }
            let last = found.last().map_or(after, |record| record.n);
            Ok::<_, Problem>(if out.is_empty() { None } else { Some((Bytes::from(out), (String::new(), last))) })
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "application/jsonl"))
        .insert_header(("x-content-type-options", "nosniff"))
        .streaming(pieces))
}

/// What has been appended since the head was read is left out.
async fn piece(state: &State, book: i64, after: i64, records: i64) -> Result<Vec<Record>, DbError> {
    let limit = PIECE.min(records - after);
    if limit <= 0 {
        return Ok(Vec::new());
    }
    books::records(&mut state.db.read().await?, book, after, limit).await
}

fn line(value: &impl serde::Serialize) -> Result<String, Problem> {
    let mut text = serde_json::to_string(value).map_err(Problem::internal)?;
    text.push('\n');
    Ok(text)
}
