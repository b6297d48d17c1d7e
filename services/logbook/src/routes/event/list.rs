//! `GET /logbook/{sessionId}/event`: entries that match, newest first unless asked otherwise.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::Value;
use service_kit::Problem;

use crate::domain::book::Book;
use crate::domain::filter::Parameters;
use crate::exports::{self, Format};
use crate::openapi::{Always, Entries, ListQuery};
use crate::routes::request::{book_of, json};
use crate::state::State;
use crate::{entries, rights, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event", operation_id = "list_entries", summary = "Entries of a logbook",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), ListQuery),
    responses(
        Always,
        (
            status = 200, description = "Entries; with a `format` as a file, all of them unless there is a limit",
            content((Entries = "application/json"), (String = "text/csv"), (String = "text/plain"), (String = "application/jsonl"))
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
        return file(state.into_inner(), &book, &query, format).await;
    }
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let page = query.page(state.config.page_default, state.config.page_limit)?;
    let found = store::entries::list(&mut tx, &scope, &filter, page).await?;
    Ok(json(&Value::Array(entries::show_all(&state, &mut tx, &found).await?)))
}

/// The list as a file; it has everything unless a limit is asked for. The caller may read the logbook.
pub async fn file(state: Arc<State>, book: &Book, query: &Parameters, format: Format) -> Result<HttpResponse, Problem> {
    let filter = query.filter(&state.zone)?;
    let page = query.page(u32::MAX, u32::MAX)?;
    let scope = entries::scope(&mut state.db.read().await?, book).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", format.media_type()))
        .insert_header(("content-disposition", format!("attachment; filename=\"logbook.{}\"", format.name())))
        .insert_header(("x-content-type-options", "nosniff"))
        .streaming(exports::stream(state, scope, filter, page, format)))
}
