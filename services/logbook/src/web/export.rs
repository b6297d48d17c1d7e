//! `GET /logbook/app/{level}/{id}/export?format=…`: what the page shows, as a file.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use service_kit::Problem;

use crate::domain::filter::Parameters;
use crate::error::Error;
use crate::export::{Format, export_list};
use crate::state::State;
use crate::web::logbook::readable;
use crate::web::login;
use crate::web::session_cookie::visitor;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let level = readable(&state, &caller, &path).await?;
    let format = Format::parse(query.format.as_deref())?.ok_or_else(|| Error::bad("format is missing"))?;
    export_list(state.into_inner(), &caller, level.book, &query, format).await
}
