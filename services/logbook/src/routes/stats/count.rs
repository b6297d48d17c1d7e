//! `GET /logbook/{sessionId}/stats/count`: entries per day.

use actix_web::{HttpResponse, web};
use identity::Caller;
use service_kit::Problem;

use super::Span;
use crate::domain::dates::day_of;
use crate::openapi::{Always, Credential, DayCount};
use crate::state::State;
use crate::store::entries::{self, Scope};
use crate::{rights, routes};

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
pub async fn get(state: web::Data<State>, caller: Caller, span: web::Query<Span>) -> Result<HttpResponse, Problem> {
    rights::administer(&state, &caller).await?;
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
    Ok(routes::request::json(&days))
}
