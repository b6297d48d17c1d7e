//! `GET /logbook/{sessionId}/stats/count`: entries per day.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential};
use crate::api::statistics::DaysQuery;
use crate::catalogue::permissions::Permissions;
use crate::entries::statistics::Statistics;
use crate::http::respond_json;

#[derive(Serialize, ToSchema)]
pub struct DayCount {
    /// A day.
    #[serde(rename = "_id")]
    #[schema(format = Date)]
    id: String,
    count: i64,
}

#[utoipa::path(
    get, path = "/logbook/{credential}/stats/count", operation_id = "count_per_day", tag = "statistics",
    summary = "Count entries per day",
    params(Credential, DaysQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Days that have entries", body = Vec<DayCount>),
        (status = 403, description = "The caller is not an administrator", body = String, content_type = "text/plain"),
    ),
)]
pub async fn count_per_day(
    statistics: web::Data<Statistics>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<DaysQuery>,
) -> Result<HttpResponse, Problem> {
    let administrator = permissions.require_administrator(&caller).await?;
    let filter = statistics.parse_days(query.start_date.as_deref(), query.end_date.as_deref())?;
    let days = statistics.count_per_day(administrator, &filter).await?;
    Ok(respond_json(&days.into_iter().map(|(id, count)| DayCount { id, count }).collect::<Vec<_>>()))
}
