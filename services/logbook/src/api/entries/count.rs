//! `GET /logbook/{sessionId}/event/count`: how many entries match; a bare number.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FilterQuery, ListQuery};
use crate::catalogue::permissions;
use crate::domain::filter::Parameters;
use crate::http::{book_of, json};
use crate::state::State;
use crate::{entries, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event/count", operation_id = "count_entries", tag = "entries",
    summary = "How many entries match",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "The number", body = i64, content_type = "application/json"),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn count_entries(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let book = book_of(&query)?;
    permissions::read(&state, &caller, &book).await?;
    let filter = query.filter(&state.zone)?;
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    Ok(json(&store::entries::count(&mut tx, &scope, &filter).await?))
}
