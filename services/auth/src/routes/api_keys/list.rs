//! `GET /auth/v1/api-keys`: the API keys that a user may see.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::openapi::{CommonFailures, Failure};
use service_kit::parameters::parse_query;
use service_kit::{Code, Problem};
use utoipa::{IntoParams, ToSchema};

use super::{ApiKey, check_administrator, not_administrator, to_api_key};
use crate::routes::logins::require_login;
use crate::routes::paging::{Cursor, PageRequest};
use crate::state::State;
use crate::store::api_keys::ApiKeyRow;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// Only keys that act for this ICAT user. Without it, administrators get the keys of all users, and others get theirs.
    #[param(example = "simple/id29")]
    user: Option<String>,
    /// Keys on a page: 1 to 500; 50 if it is not given.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `cursor` of the previous page.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ApiKeyPage {
    /// The newest first.
    api_keys: Vec<ApiKey>,
    /// For the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/auth/v1/api-keys", operation_id = "list_api_keys", tag = "keys",
    summary = "List API keys",
    description = "Administrators of services (`identity.administrators`) see the keys of all users, others those that act for \
        them. Expired and revoked keys are listed as well. Keys of the settings (`identity.api_keys`) are not.",
    params(Parameters),
    security(("bearer" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "A page of keys", body = ApiKeyPage),
        (status = 400, description = "The query cannot be read", body = Failure, content_type = "application/problem+json"),
        (status = 401, description = "No access token, one of a login that has ended, or one whose login is not enough to \
            see the keys of others (`identity.required_levels`)", body = Failure,
            content_type = "application/problem+json"),
        (status = 403, description = "The keys of another user are for administrators", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "A parameter is not valid", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn list_api_keys(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let current = require_login(&state, &request).await?.row;
    let Parameters { user, limit, cursor } = parse_query(&request)?;
    let page = PageRequest::parse(limit.as_deref(), cursor.as_deref())?;
    let asks_for_own = user.as_ref() == Some(&current.user_name);
    let decision = check_administrator(&state, &request, &current).await?;
    let user = if decision.allowed || asks_for_own {
        user
    } else {
        if user.is_some() || decision.missing_level.is_some() {
            let forbid = |rule: String| not_administrator(format!("{rule} and sees only own keys"));
            decision.require_allowed_or(forbid)?;
        }
        Some(current.user_name)
    };
    if user.as_ref().is_some_and(|user| user.contains('\0')) {
        return Err(Problem::new(Code::Validation, "auth/bad-user", "the user must be an ICAT user name"));
    }
    let after = (page.after.begun_at, page.after.id.as_str());
    let mut rows = state.api_keys.list_keys(user.as_deref(), after, page.rows_to_read()).await?;
    let to_cursor = |row: &ApiKeyRow| Cursor { begun_at: row.created_at, id: row.id.clone() };
    let cursor = page.cut_page(&mut rows, to_cursor);
    let api_keys = rows.into_iter().map(|row| to_api_key(&state, row)).collect();
    Ok(HttpResponse::Ok().json(ApiKeyPage { api_keys, cursor }))
}
