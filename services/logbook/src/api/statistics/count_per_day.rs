//! `GET /logbook/{sessionId}/stats/count`: entries per day.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use crate::api::document::{Always, Credential, DayCount};
use crate::api::statistics::Span;
use crate::catalogue::permissions;
use crate::domain::dates::day_of;
use crate::http;
use crate::state::State;
use crate::store::entries;
use crate::store::entries::Scope;

#[utoipa::path(
    get, path = "/logbook/{credential}/stats/count", operation_id = "count_per_day", tag = "statistics",
    summary = "Entries per day",
    params(Credential, Span),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Days that have entries", body = Vec<DayCount>),
        (status = 403, description = "For administrators", body = String, content_type = "text/plain"),
    ),
)]
pub async fn count_per_day(
    state: web::Data<State>,
    caller: Caller,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    permissions::administer(&state, &caller).await?;
    let filter = span.filter(&state)?;
    let quarters = entries::quarters(&mut state.db.read().await?, &Scope::Everything, &filter).await?;
    let mut days: Vec<DayCount> = Vec::new();
    for (at, n) in quarters {
        let day = day_of(at, &state.zone);
        match days.last_mut() {
            Some(last) if last.id == day => last.count += n,
            _ => days.push(DayCount { id: day, count: n }),
        }
    }
    Ok(http::json(&days))
}
