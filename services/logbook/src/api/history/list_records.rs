//! `GET /logbook/{sessionId}/records`: all records of a logbook with their hashes, as `undulator logbook verify` reads them.

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use futures_util::stream;
use identity::Caller;
use service_kit::Problem;

use crate::api::shared::{CommonFailures, Credential, LogbookQuery};
use crate::catalogue::permissions::Permissions;
use crate::history::History;

#[utoipa::path(
    get, path = "/logbook/{credential}/records", operation_id = "list_records", tag = "history",
    summary = "Export the history of a logbook",
    description = "JSON lines: first the name of the logbook, the number of its records and the hash of the last one; \
        then all records, starting with the first. For users who may write to the logbook; after it is closed, for \
        administrators.",
    params(Credential, LogbookQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "Records", body = String, content_type = "application/jsonl"),
        (status = 403, description = "Not allowed to write this logbook", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list_records(
    history: web::Data<History>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<LogbookQuery>,
) -> Result<HttpResponse, Problem> {
    let logbook = permissions.require_history(&caller, &query.parse_logbook()?).await?;
    let export = history.open_export(&logbook).await?;
    let lines = stream::try_unfold(export, async move |mut export| {
        Ok::<_, Problem>(export.next_lines().await?.map(|lines| (Bytes::from(lines), export)))
    });
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", "application/jsonl"))
        .insert_header(("x-content-type-options", "nosniff"))
        .streaming(lines))
}
