//! `DELETE /auth/v1/api-keys/{id}`: revokes an API key; 204, also if repeated.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::openapi::{CommonFailures, Failure};
use service_kit::{Code, Problem};

use super::check_administrator;
use crate::api_keys::KeyAdministrator;
use crate::request_origin::RequestOrigin;
use crate::routes::logins::require_login;
use crate::state::State;

#[utoipa::path(
    delete, path = "/auth/v1/api-keys/{id}", operation_id = "revoke_api_key", tag = "keys",
    summary = "Revoke an API key",
    description = "For administrators of services, and for the user that the key acts for. Services refuse the key as soon as they \
        hear of it, at the latest after 30 seconds, or, while they cannot reach auth, after ten and a half minutes.",
    params(("id" = String, Path, description = "`id` of the list")),
    security(("bearer" = [])),
    responses(
        CommonFailures,
        (status = 204, description = "The key is revoked"),
        (status = 401, description = "No access token, one of a login that has ended, or one whose login is not enough to \
            revoke the keys of others (`identity.required_levels`)", body = Failure,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such key, or it is another user's", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn revoke_api_key(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let current = require_login(&state, &request).await?.row;
    let no_key = || Problem::new(Code::NotFound, "auth/no-api-key", "you have no API key with this id");
    if id.contains('\0') {
        return Err(no_key());
    }
    let row = state.api_keys.find_key(&id).await?;
    if row.as_ref().is_none_or(|row| row.terms.user_name != current.user_name) {
        check_administrator(&state, &request, &current).await?.require_allowed_or(|_| no_key())?;
    }
    let row = row.ok_or_else(no_key)?;
    let administrator = KeyAdministrator { name: current.user_name, origin: origin.0 };
    state.api_keys.revoke_key(&row, &administrator).await?;
    Ok(HttpResponse::NoContent().finish())
}
