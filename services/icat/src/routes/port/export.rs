//! `GET /icat/port`: exports the catalogue, or the result of a query.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::parameters::parse_query;
use service_kit::{Code, Problem};
use utoipa::IntoParams;

use crate::error::Error;
use crate::port::{self, ExportRequest};
use crate::routes::http::requested_credential;
use crate::routes::schemas::{CommonResponses, Failure};
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// JSON text: `{"sessionId":"…","query":"Dataset [name LIKE 'scan%']","attributes":"USER"}`. Without `query`, everything
    /// that the caller may read is exported. `attributes` is `USER` or `ALL`, which adds who created and changed a row, and
    /// when. The session id can also be sent as `Authorization: Bearer`.
    #[param(value_type = String)]
    json: Option<String>,
}

#[utoipa::path(
    get, path = "/icat/port", operation_id = "export_entities", tag = "dumps", summary = "Export entities as text",
    params(Query),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "The dump", body = String, content_type = "text/plain"),
        (status = 204, description = "The query finds no entities"),
        (status = 400, description = "`BAD_PARAMETER`: the request is invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session", body = Failure),
    ),
)]
pub async fn export_entities(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let Query { json } = parse_query(&request)?;
    let text = json.ok_or_else(|| Error::BadParameter("json must not be null".to_owned()))?;
    let export_request = ExportRequest::parse_json(&text)?;
    let attributes = export_request.parse_attributes()?;
    let credential = requested_credential(&state, &request, export_request.session_id.as_deref()).await?;
    let slot = Arc::clone(&state.export_slots).try_acquire_owned().map_err(|_| {
        Problem::new(Code::Unavailable, "icat/busy", "other dumps are being written; try again later")
            .with_retry_after(60)
    })?;
    let mut tx = state.db.read().await?;
    let user_name = state.sessions.require_user(&mut tx, &credential).await?;
    let rights = state.rules.load_rights(&mut tx, user_name).await?;
    let dump =
        port::stream_export(Arc::clone(&state.queries), tx, rights, export_request.query.as_deref(), attributes, slot)
            .await?;
    Ok(match dump {
        None => HttpResponse::NoContent().finish(),
        Some(dump) => HttpResponse::Ok()
            .insert_header(("content-type", "text/plain"))
            .insert_header(("content-disposition", "attachment; filename=\"icat.export\""))
            .streaming(dump),
    })
}
