//! `POST /auth/v1/api-keys`: creates an API key.

use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::openapi::{BodyFailures, CommonFailures, Failure};
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use super::{ApiKey, check_administrator, not_administrator, to_api_key};
use crate::api_keys::{ApiKeyError, KeyAdministrator};
use crate::domain::api_key::ApiKeyTerms;
use crate::request_origin::RequestOrigin;
use crate::routes::logins::require_login;
use crate::routes::refresh_cookie::require_json;
use crate::state::State;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// Unique among the keys that are not revoked: 1 to 64 letters, digits, `.`, `_` and `-`.
    #[schema(example = "beamline-id29")]
    name: String,
    /// The ICAT user that it acts for.
    #[schema(example = "simple/id29")]
    user: String,
    /// What it may be used for: `read`, `logbook:read`, `logbook:write`, `doi:mint`, `admin`.
    #[schema(example = json!(["logbook:write"]), min_items = 1)]
    scopes: Vec<String>,
    /// The instruments that it may write for; without any, every instrument.
    #[serde(default)]
    #[schema(example = json!(["ID29"]))]
    instruments: Vec<String>,
    /// At most `auth.api_key_max_lifetime` from now.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

/// A new API key.
#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    /// The key itself, which is shown only now.
    #[schema(format = Password)]
    key: String,
    api_key: ApiKey,
}

#[utoipa::path(
    post, path = "/auth/v1/api-keys", operation_id = "create_api_key", tag = "keys",
    summary = "Create an API key",
    description = "For administrators of services (`identity.administrators`). The key is shown only in this answer.",
    request_body(content = NewApiKey, content_type = "application/json"),
    security(("bearer" = [])),
    responses(
        CommonFailures,
        BodyFailures,
        (status = 201, description = "The key", body = CreatedKey),
        (status = 400, description = "The body is not JSON", body = Failure, content_type = "application/problem+json"),
        (status = 401, description = "No access token, one of a login that has ended, or one whose login is not enough to \
            administer services (`identity.required_levels`)", body = Failure,
            content_type = "application/problem+json"),
        (status = 403, description = "The user is no administrator", body = Failure,
            content_type = "application/problem+json"),
        (status = 409, description = "There is a key with this name", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "A field is missing, unknown or not valid", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn create_api_key(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let current = require_login(&state, &request).await?.row;
    check_administrator(&state, &request, &current).await?.require_allowed_or(not_administrator)?;
    require_json(&request)?;
    let given: NewApiKey = serde_json::from_slice(&body).map_err(|e| {
        let code = if e.is_data() { Code::Validation } else { Code::BadRequest };
        Problem::new(code, "auth/bad-api-key", format!("the body cannot be read: {e}"))
    })?;
    let terms = ApiKeyTerms {
        name: given.name,
        user_name: given.user,
        scopes: given.scopes,
        instruments: given.instruments,
        expires_at: given.expires.into(),
    };
    let administrator = KeyAdministrator { name: current.user_name, origin: origin.0 };
    let created = state.api_keys.create_key(terms, &administrator).await.map_err(to_problem)?;
    let key = created.key.expose().to_owned();
    Ok(HttpResponse::Created().json(CreatedKey { key, api_key: to_api_key(&state, created.row) }))
}

fn to_problem(e: ApiKeyError) -> Problem {
    match e {
        ApiKeyError::Invalid(text) => Problem::new(Code::Validation, "auth/bad-api-key", text),
        ApiKeyError::Exists(_) => Problem::new(Code::Conflict, "auth/api-key-exists", e.to_string()),
        ApiKeyError::Database(e) => e.into(),
        ApiKeyError::Setup(e) => Problem::internal(e),
    }
}
