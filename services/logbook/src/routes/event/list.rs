//! `GET /logbook/{sessionId}/event`: entries that match, newest first unless asked otherwise.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::Value;
use service_kit::Problem;

use crate::domain::filter::Parameters;
use crate::error::Error;
use crate::openapi::{Always, Entries, ListQuery};
use crate::routes::request::{book_of, json};
use crate::state::State;
use crate::{entries, rights, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event", operation_id = "list_entries", summary = "Entries of a logbook",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), ListQuery),
    responses(
        Always,
        (status = 200, description = "Entries", body = Entries),
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
    let page = query.page(state.config.page_default, state.config.page_limit)?;
    if let Some(format) = query.format.as_deref().filter(|format| !format.eq_ignore_ascii_case("json")) {
        return Err(Error::bad(format!("format must be json, not {format}")).into());
    }
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let found = store::entries::list(&mut tx, &scope, &filter, page).await?;
    Ok(json(&Value::Array(entries::show_all(&state, &mut tx, &found).await?)))
}
