//! `GET /logbook/{sessionId}/stats/investigation`: entries per investigation.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde_json::{Value, json};
use service_kit::Problem;

use crate::api::document::{Always, Credential, InvestigationCount};
use crate::api::statistics::Span;
use crate::catalogue::{permissions, users};
use crate::http;
use crate::state::State;
use crate::store::entries;

#[utoipa::path(
    get, path = "/logbook/{credential}/stats/investigation", operation_id = "count_per_investigation", tag = "statistics",
    summary = "Entries per investigation",
    params(Credential, Span),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Investigations that have entries", body = Vec<InvestigationCount>),
        (status = 403, description = "For administrators", body = String, content_type = "text/plain"),
    ),
)]
pub async fn count_per_investigation(
    state: web::Data<State>,
    caller: Caller,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    permissions::administer(&state, &caller).await?;
    let filter = span.filter(&state)?;
    let counted = entries::by_investigation(&mut state.db.read().await?, &filter).await?;
    let ids: Vec<i64> = counted.iter().map(|(id, ..)| *id).collect();
    let mut known = users::investigations(&state, &caller, &ids).await;
    let rows = counted.into_iter().map(|(id, count, annotations, notifications)| {
        let mut row = json!({"investigationId": id.to_string(), "count": count, "annotations": annotations, "notifications": notifications});
        if let Some(Value::Object(more)) = known.remove(&id) {
            row.as_object_mut().into_iter().for_each(|row| row.extend(more.clone()));
        }
        row
    });
    Ok(http::json(&rows.collect::<Vec<_>>()))
}
