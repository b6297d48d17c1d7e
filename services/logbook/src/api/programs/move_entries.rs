//! `POST /dataacquisition/{apiKey}/events/move`: all entries of one investigation become another's.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::api::document::{Always, Credential, Moved};
use crate::catalogue::investigation_assignment::Bound;
use crate::catalogue::{investigation_assignment, permissions};
use crate::domain::filter::number;
use crate::domain::logbook::Book;
use crate::error::Error;
use crate::state::State;
use crate::{entries, http};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    #[param(value_type = i64)]
    source_investigation_id: Option<String>,
    #[param(value_type = i64)]
    destination_investigation_id: Option<String>,
}

#[utoipa::path(
    post, path = "/dataacquisition/{credential}/events/move", operation_id = "move_entries", tag = "programs",
    summary = "Move entries to another investigation",
    params(Credential, Query),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "How many were moved", body = Moved),
        (status = 403, description = "No API key, or not one for this", body = String, content_type = "text/plain"),
        (status = 422, description = "One of the investigations is released", body = String, content_type = "text/plain"),
    ),
)]
pub async fn move_entries(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    permissions::program(&caller)?;
    let id = |name, value: &Option<String>| {
        number(name, value.as_deref())?.ok_or_else(|| Error::bad(format!("{name} is missing")))
    };
    let from = id("sourceInvestigationId", &query.source_investigation_id)?;
    let to = id("destinationInvestigationId", &query.destination_investigation_id)?;
    if from == to {
        return Err(Error::bad("source and destination are the same investigation").into());
    }
    if !caller.instruments().is_empty() {
        for id in [from, to] {
            permissions::require_own_instrument(&state, &caller, &Book::Investigation(id)).await?;
        }
    }
    for (id, what) in [(from, "source"), (to, "destination")] {
        match investigation_assignment::bind_to(&state, id).await {
            Bound::To(_) | Bound::Unsaid => {}
            Bound::Late => return Err(Error::Closed(id).into()),
            Bound::Unknown => return Err(Error::bad(format!("there is no investigation {id}, the {what}")).into()),
        }
    }
    let moved = entries::relocate(&state, from, to, &caller.subject().icat_user_name).await?;
    Ok(http::json(&Moved { n: moved, n_modified: moved, ok: 1 }))
}
