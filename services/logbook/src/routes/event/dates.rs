//! `GET /logbook/{sessionId}/event/dates`: the days that have entries.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::domain::dates::day_of;
use crate::domain::filter::Parameters;
use crate::openapi::{Always, ListQuery};
use crate::routes::request::{book_of, json};
use crate::state::State;
use crate::{entries, rights, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event/dates", operation_id = "list_days", summary = "Days with entries",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), ListQuery),
    responses(
        Always,
        (status = 200, description = "Days, such as `2025-03-01`", body = Vec<String>),
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
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let quarters = store::entries::quarters(&mut tx, &scope, &filter).await?;
    let mut days: Vec<String> = quarters.into_iter().map(|(at, _)| day_of(at, &state.zone)).collect();
    days.dedup();
    Ok(json(&days.into()))
}
