//! `PUT /actions/{sessionId}/logbook/instrumentname`: gives entries of investigations the name of their instrument, where
//! ICAT knows one.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use utoipa::{IntoParams, ToSchema};

use crate::api::shared::{CommonFailures, Credential};
use crate::catalogue::permissions::Permissions;
use crate::entries::fill_instruments::InstrumentRepair;
use crate::http::respond_json;

#[derive(Serialize, ToSchema)]
pub struct Filled {
    count: i64,
    missing: i64,
    updated: usize,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActionQuery {
    /// `update` adds the names; anything else only counts the entries.
    #[param(nullable = false)]
    action: Option<String>,
}

#[utoipa::path(
    put, path = "/actions/{credential}/logbook/instrumentname", operation_id = "fill_instrument_names", tag = "administration",
    summary = "Add missing instrument names to entries",
    params(Credential, ActionQuery),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "How many entries there are, how many had no instrument name, and how many got \
            one", body = Filled),
        (status = 403, description = "The caller is not an administrator", body = String, content_type = "text/plain"),
    ),
)]
pub async fn fill_instrument_names(
    repair: web::Data<InstrumentRepair>,
    permissions: web::Data<Permissions>,
    caller: Caller,
    query: web::Query<ActionQuery>,
) -> Result<HttpResponse, Problem> {
    let administrator = permissions.require_administrator(&caller).await?;
    let (count, missing) = repair.count(administrator).await?;
    let is_update = query.action.as_deref().is_some_and(|action| action.eq_ignore_ascii_case("update"));
    let updated = if is_update && missing > 0 { repair.fill_instruments(administrator, &caller).await? } else { 0 };
    Ok(respond_json(&Filled { count, missing, updated }))
}
