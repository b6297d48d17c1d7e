//! `GET /logbook/{sessionId}/event`: entries that match, newest first unless asked otherwise.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::Value;
use service_kit::Problem;

use crate::domain::book::Book;
use crate::domain::filter::{Parameters, flag};
use crate::exports::{self, Export, Format};
use crate::openapi::{Always, Binary, Entries, FilterQuery, ListQuery};
use crate::routes::request::{book_of, json};
use crate::state::State;
use crate::{entries, rights, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event", operation_id = "list_entries", summary = "Entries of a logbook",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), FilterQuery, ListQuery),
    responses(
        Always,
        (
            status = 200, description = "Entries; with a `format` as a file, all of them unless there is a limit",
            content((Entries = "application/json"), (String = "text/csv"), (String = "text/plain"), (String = "application/jsonl"),
                (Binary = "application/vnd.eln+zip"), (Binary = "application/pdf"), (Binary = "application/zip"))
        ),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let book = book_of(&query)?;
    rights::read(&state, &caller, &book).await?;
    let filter = query.filter(&state.zone)?;
    if let Some(format) = Format::parse(query.format.as_deref())? {
        return file(state.into_inner(), &caller, book, &query, format).await;
    }
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let page = query.page(state.config.page_default, state.config.page_limit)?;
    let found = store::entries::list(&mut tx, &scope, &filter, page).await?;
    Ok(json(&Value::Array(entries::show_all(&state, &mut tx, &found).await?)))
}

/// The list as a file; it has everything unless a limit is asked for. The caller may read the logbook; the history goes
/// along in an `.eln` if they may read that too.
pub async fn file(
    state: Arc<State>,
    caller: &Caller,
    book: Book,
    query: &Parameters,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let filter = query.filter(&state.zone)?;
    let format = format.with_byte_order_mark(flag("bom", query.bom.as_deref())?);
    let mut page = query.page(u32::MAX, u32::MAX)?;
    if format == Format::Pdf {
        page = exports::report_order(page, query);
    }
    let scope = entries::scope(&mut state.db.read().await?, &book).await?;
    let heading = exports::read_heading(&state, caller, &book, query.instrument_name.as_deref()).await;
    let with_history = format == Format::Eln && rights::history(&state, caller, &book).await.is_ok();
    exports::answer(state, Export { book, scope, filter, page, format, with_history, heading }).await
}
