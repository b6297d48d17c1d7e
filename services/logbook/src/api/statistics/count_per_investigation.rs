//! `GET /logbook/{sessionId}/stats/investigation`: entries per investigation.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Serialize;
use serde_json::Value;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{CommonFailures, Credential};
use crate::api::statistics::DaysQuery;
use crate::catalogue::permissions::Permissions;
use crate::catalogue::users::{InvestigationDescription, Users};
use crate::entries::statistics::Statistics;
use crate::http::respond_json;
use crate::store::entry_lists::InvestigationEntries;

/// The number of entries of an investigation, and its name, title and times if the catalogue has them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvestigationCount {
    investigation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    name: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    title: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    start_date: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    end_date: Option<Value>,
    count: i64,
    annotations: i64,
    notifications: i64,
}

impl InvestigationCount {
    fn new(counted: &InvestigationEntries, known: Option<InvestigationDescription>) -> Self {
        let InvestigationEntries { investigation, count, annotations, notifications } = *counted;
        let (name, title, start_date, end_date) = known.map_or((None, None, None, None), |known| {
            (
                Some(known.name.into()),
                Some(known.title.into()),
                Some(known.start_date.into()),
                Some(known.end_date.into()),
            )
        });
        let investigation_id = investigation.to_string();
        Self { investigation_id, name, title, start_date, end_date, count, annotations, notifications }
    }
}

#[utoipa::path(
    get, path = "/logbook/{credential}/stats/investigation", operation_id = "count_per_investigation", tag = "statistics",
    summary = "Count entries per investigation",
    params(Credential, DaysQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Investigations that have entries", body = Vec<InvestigationCount>),
        (status = 403, description = "The caller is not an administrator", body = String, content_type = "text/plain"),
    ),
)]
pub async fn count_per_investigation(
    statistics: web::Data<Statistics>,
    users: web::Data<Users>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<DaysQuery>,
) -> Result<HttpResponse, Problem> {
    let administrator = permissions.require_administrator(&caller).await?;
    let filter = statistics.parse_days(query.start_date.as_deref(), query.end_date.as_deref())?;
    let counted = statistics.count_per_investigation(administrator, &filter).await?;
    let ids: Vec<i64> = counted.iter().map(|counted| counted.investigation).collect();
    let mut known = users.describe_investigations(&caller, &ids).await;
    let rows = counted.iter().map(|counted| InvestigationCount::new(counted, known.remove(&counted.investigation)));
    Ok(respond_json(&rows.collect::<Vec<_>>()))
}
