//! `POST /icat.lucene/modify`: creates, replaces and deletes documents.

use actix_web::{HttpResponse, web};
use service_kit::Problem;

use super::request::{AllowedIcatServer, read_body};
use crate::domain::change_request::parse_modify;
use crate::error::Error;
use crate::state::State;

/// Answers when the operations are stored. They are searchable after the next commit, in the order of the requests; operations
/// that cannot be indexed are set aside.
pub async fn modify_documents(
    _: AllowedIcatServer,
    state: web::Data<State>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = read_body(payload, state.idle_timeout).await?;
    let parsed = parse_modify(&body).map_err(Error::from)?;
    if !(parsed.changes.is_empty() && parsed.rejected.is_empty() && parsed.changed_rows.is_empty()) {
        state.changes.store_operations(&body, &parsed).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
