//! `GET /logbook/{sessionId}/event`: entries that match, newest first unless asked otherwise.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FilterQuery, ListQuery};
use crate::catalogue::permissions;
use crate::domain::filter::Parameters;
use crate::domain::rendered_entry::EntryBody;
use crate::export::{Format, export_list};
use crate::http::{book_of, json};
use crate::state::State;
use crate::{entries, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event", operation_id = "list_entries", tag = "entries",
    summary = "Entries of a logbook",
    description = "With `format=pdf`, `eln`, `csv`, `txt` or `jsonl` the answer is the file that is also at \
        `/logbook/{credential}/export/…`.",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Entries", body = Vec<EntryBody>),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_entries(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let book = book_of(&query)?;
    permissions::read(&state, &caller, &book).await?;
    if let Some(format) = Format::parse(query.format.as_deref())? {
        return export_list(state.into_inner(), &caller, book, &query, format).await;
    }
    let filter = query.filter(&state.zone)?;
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let page = query.page(state.config.page_default, state.config.page_limit)?;
    let found = store::entries::list(&mut tx, &scope, &filter, page).await?;
    Ok(json(&entries::show_all(&state, &mut tx, &found).await?))
}
