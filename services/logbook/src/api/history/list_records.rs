//! `GET /logbook/{sessionId}/records`: all records of a logbook with their hashes, as `undulator logbook verify` reads them.

use std::sync::Arc;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, BookQuery, Credential};
use crate::catalogue::permissions;
use crate::domain::logbook::Book;
use crate::history::verify::{Head, Line};
use crate::http::book;
use crate::state::State;
use crate::store::logbooks;

const PIECE: i64 = 100;

#[utoipa::path(
    get, path = "/logbook/{credential}/records", operation_id = "list_records", tag = "history",
    summary = "The history of a logbook",
    description = "JSON lines: first the logbook's name, how many records it has and the hash of the last; then the records \
        from the first on. For whoever may write the logbook; once it is closed, for administrators.",
    params(Credential, BookQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Records", body = String, content_type = "application/jsonl"),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_records(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<BookQuery>,
) -> Result<HttpResponse, Problem> {
    let book = book(query.investigation_id.as_deref(), query.instrument_name.as_deref())?;
    permissions::history(&state, &caller, &book).await?;
    let history = History::open(&state, &book).await?;
    let state = state.into_inner();
    let pieces = stream::try_unfold(history, move |mut history| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Problem>(history.next(&state).await?.map(|piece| (Bytes::from(piece), history))) }
    });
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "application/jsonl"))
        .insert_header(("x-content-type-options", "nosniff"))
        .streaming(pieces))
}

/// All records of a logbook, piece by piece.
pub struct History {
    book: i64,
    /// What has been appended since the head was read is left out.
    records: i64,
    after: i64,
    begun: String,
}

impl History {
    pub async fn open(state: &State, book: &Book) -> Result<Self, Problem> {
        let mut tx = state.db.read().await?;
        let id = logbooks::find(&mut tx, book).await?.unwrap_or(0);
        let (records, head) = logbooks::head(&mut tx, id).await?;
        let begun = line(&Head { book: book.name(), records, head })?;
        Ok(Self { book: id, records, after: 0, begun })
    }

    /// The next lines; `None` at the end.
    pub async fn next(&mut self, state: &State) -> Result<Option<String>, Problem> {
        let mut out = std::mem::take(&mut self.begun);
        let limit = PIECE.min(self.records - self.after);
        if limit > 0 {
            for record in logbooks::records(&mut state.db.read().await?, self.book, self.after, limit).await? {
                out.push_str(&line(&Line::of(&record))?);
                self.after = record.n;
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

fn line(value: &impl serde::Serialize) -> Result<String, Problem> {
    let mut text = serde_json::to_string(value).map_err(Problem::internal)?;
    text.push('\n');
    Ok(text)
}
