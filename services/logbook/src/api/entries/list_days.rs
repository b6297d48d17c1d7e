//! `GET /logbook/{sessionId}/event/dates`: the days that have entries.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, FilterQuery, ListQuery};
use crate::catalogue::permissions;
use crate::domain::dates::{day_of, day_starts};
use crate::domain::filter::Parameters;
use crate::http::{book_of, json};
use crate::state::State;
use crate::{entries, store};

#[utoipa::path(
    get, path = "/logbook/{credential}/event/dates", operation_id = "list_days", tag = "entries",
    summary = "Days with entries",
    params(Credential, FilterQuery, ListQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Days, such as `2025-03-01`", body = Vec<String>),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_days(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let book = book_of(&query)?;
    permissions::read(&state, &caller, &book).await?;
    let filter = query.filter(&state.zone)?;
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &book).await?;
    let days: Vec<String> = match store::entries::span(&mut tx, &scope, &filter).await? {
        Some((first, last)) => {
            let starts = day_starts(first, last, &state.zone);
            let found = store::entries::spans(&mut tx, &scope, &filter, &starts).await?;
            found.into_iter().map(|at| day_of(at, &state.zone)).collect()
        }
        None => Vec::new(),
    };
    Ok(json(&days))
}
