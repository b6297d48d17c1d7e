//! `PUT /actions/{sessionId}/logbook/instrumentname`: gives entries of investigations the name of their instrument, where
//! ICAT knows one.

use actix_web::{HttpResponse, web};
use identity::Caller;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::api::document::{Always, Credential, Filled};
use crate::catalogue::permissions;
use crate::state::State;
use crate::{entries, http, store};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// `update` fills them in; anything else counts only.
    #[param(nullable = false)]
    action: Option<String>,
}

#[utoipa::path(
    put, path = "/actions/{credential}/logbook/instrumentname", operation_id = "fill_instrument_names", tag = "administration",
    summary = "Fill in instrument names",
    params(Credential, Query),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "How many entries there are, lacked a name, and were given one", body = Filled),
        (status = 403, description = "For administrators", body = String, content_type = "text/plain"),
    ),
)]
pub async fn fill_instrument_names(
    state: web::Data<State>,
    caller: Caller,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    permissions::administer(&state, &caller).await?;
    let (count, missing) = store::entries::without_instrument(&mut state.db.read().await?).await?;
    let update = query.action.as_deref().is_some_and(|action| action.eq_ignore_ascii_case("update"));
    let updated = if update && missing > 0 { entries::fill_instruments(&state, &caller).await? } else { 0 };
    Ok(http::json(&Filled { count, missing, updated }))
}
