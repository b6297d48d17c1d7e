//! `POST /dataacquisition/{apiKey}/events/move`: all entries of one investigation become another's.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use utoipa::{IntoParams, ToSchema};

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::investigation_assignment::{Assignment, InvestigationAssignment};
use crate::catalogue::permissions::{Permissions, require_program};
use crate::domain::logbook::Logbook;
use crate::domain::values::parse_number;
use crate::entries::Entries;
use crate::error::Error;
use crate::http::respond_json;

/// The result of a move, in the form of an update of `MongoDB`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    n: usize,
    n_modified: usize,
    ok: usize,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct MoveQuery {
    #[param(value_type = i64)]
    source_investigation_id: Option<String>,
    #[param(value_type = i64)]
    destination_investigation_id: Option<String>,
}

#[utoipa::path(
    post, path = "/dataacquisition/{credential}/events/move", operation_id = "move_entries", tag = "programs",
    summary = "Move entries to another investigation",
    params(Credential, MoveQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "How many entries were moved", body = Moved),
        (status = 403, description = "There is no API key, or it does not permit this", body = String, content_type = "text/plain"),
        (status = 422, description = "One of the investigations is released", body = String, content_type = "text/plain"),
    ),
)]
pub async fn move_entries(
    entries: web::Data<Entries>,
    assignment: web::Data<InvestigationAssignment>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<MoveQuery>,
) -> Result<HttpResponse, Problem> {
    let program = require_program(&caller)?;
    let id = |name, value: &Option<String>| {
        parse_number(name, value.as_deref())?.ok_or_else(|| Error::invalid(format!("{name} is missing")))
    };
    let from = id("sourceInvestigationId", &query.source_investigation_id)?;
    let to = id("destinationInvestigationId", &query.destination_investigation_id)?;
    if from == to {
        return Err(Error::invalid("source and destination are the same investigation").into());
    }
    if !caller.instruments().is_empty() {
        for id in [from, to] {
            permissions.require_own_instrument(&caller, &Logbook::Investigation(id)).await?;
        }
    }
    for (id, what) in [(from, "source"), (to, "destination")] {
        match assignment.assign_by_id(id).await {
            Assignment::Assigned(_) | Assignment::NoAnswer => {}
            Assignment::Released => return Err(Error::Closed(id).into()),
            Assignment::NotFound => {
                return Err(Error::invalid(format!("there is no investigation {id}, the {what}")).into());
            }
        }
    }
    let moved = entries.move_investigation(program, from, to).await?;
    Ok(respond_json(&Moved { n: moved, n_modified: moved, ok: 1 }))
}
