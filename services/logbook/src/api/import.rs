//! `POST /logbook/{sessionId}/import`: entries from an `.eln` that a logbook has exported.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Serialize;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::api::shared::{Binary, CommonFailures, Credential, LogbookQuery};
use crate::catalogue::investigation_assignment::{Assignment, InvestigationAssignment};
use crate::catalogue::permissions::Permissions;
use crate::domain::logbook::Logbook;
use crate::error::Error;
use crate::http::respond_json;
use crate::import::Importer;

/// The result of an import.
#[derive(Serialize, ToSchema)]
struct Imported {
    created: u64,
    /// How many entries existed already.
    present: u64,
}

#[utoipa::path(
    post, path = "/logbook/{credential}/import", operation_id = "import_entries", tag = "exports",
    summary = "Import an .eln",
    description = "For administrators, because imported entries keep their times and authors; the history records who \
        imported them. The whole archive is checked before anything is stored. Importing the same archive again adds \
        nothing.",
    params(Credential, LogbookQuery),
    request_body(content = Binary, content_type = "application/vnd.eln+zip"),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "How many entries were new, and how many existed already", body = Imported),
        (status = 403, description = "The caller is not an administrator", body = String, content_type = "text/plain"),
        (status = 422, description = "The archive is incomplete or not an archive of a logbook, or the logbook is \
            closed", body = String, content_type = "text/plain"),
    ),
)]
pub async fn import_entries(
    importer: web::Data<Importer>,
    assignment: web::Data<InvestigationAssignment>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<LogbookQuery>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    permissions.require_administrator(&caller).await?;
    let logbook = query.parse_logbook()?;
    if logbook == Logbook::Facility {
        return Err(Error::invalid("say into which logbook: investigationId=… or instrumentName=…").into());
    }
    let logbook = permissions.require_write(&caller, &logbook).await?;
    if let Logbook::Investigation(id) = *logbook
        && assignment.assign_by_id(id).await == Assignment::NotFound
    {
        return Err(Error::invalid(format!("there is no investigation {id}")).into());
    }
    let file = importer.receive_archive(payload).await?;
    let counts = importer.import_archive(&logbook, file, &caller.subject().icat_user_name).await?;
    Ok(respond_json(&Imported { created: counts.created, present: counts.present }))
}
