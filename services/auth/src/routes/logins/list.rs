//! `GET /auth/v1/logins`: where a user is logged in.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::openapi::{CommonFailures, Failure};
use service_kit::parameters::parse_query;
use utoipa::{IntoParams, ToSchema};

use super::require_login;
use crate::routes::paging::{Cursor, PageRequest};
use crate::state::State;
use crate::store::logins::LoginRow;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// Logins on a page: 1 to 500; 50 if it is not given.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `cursor` of the previous page.
    cursor: Option<String>,
}

/// A login that has not ended.
#[derive(Serialize, ToSchema)]
pub struct Login {
    /// For `DELETE /auth/v1/logins/{id}`.
    id: String,
    /// Whether the request was made with a token of this login.
    is_current: bool,
    /// The mechanism or identity provider.
    #[schema(example = "db")]
    mechanism: String,
    #[schema(example = "undulator-cli")]
    client: String,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// The last time that a token was refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
    /// When it ends if it is not refreshed before.
    #[schema(value_type = String, format = DateTime)]
    idle_ends_at: Timestamp,
    /// The address of the client at the login.
    #[schema(nullable = false, example = "192.0.2.7")]
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LoginPage {
    /// The newest first.
    logins: Vec<Login>,
    /// For the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cursor: Option<String>,
}

#[utoipa::path(
    get, path = "/auth/v1/logins", operation_id = "list_logins", tag = "logins",
    summary = "List one's own logins",
    params(Parameters),
    security(("bearer" = [])),
    responses(
        CommonFailures,
        (status = 200, description = "A page of logins that have not ended", body = LoginPage),
        (status = 400, description = "The query cannot be read", body = Failure, content_type = "application/problem+json"),
        (status = 401, description = "No access token, or one of a login that has ended", body = Failure,
            content_type = "application/problem+json"),
        (status = 422, description = "The limit or the cursor is not valid", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn list_logins(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let current = require_login(&state, &request).await?.row;
    let Parameters { limit, cursor } = parse_query(&request)?;
    let page = PageRequest::parse(limit.as_deref(), cursor.as_deref())?;
    let after = (page.after.begun_at, page.after.id.as_str());
    let mut rows = state.logins.list_own_logins(&current, after, page.rows_to_read()).await?;
    let to_cursor = |row: &LoginRow| Cursor { begun_at: row.started_at, id: row.sid_hash.clone() };
    let cursor = page.cut_page(&mut rows, to_cursor);
    let logins = rows.into_iter().map(|row| to_login(row, &current.sid_hash)).collect();
    Ok(HttpResponse::Ok().json(LoginPage { logins, cursor }))
}

fn to_login(row: LoginRow, current: &str) -> Login {
    Login {
        is_current: row.sid_hash == current,
        id: row.sid_hash,
        mechanism: row.mechanism,
        client: row.client,
        started_at: row.started_at.to_timestamp(),
        last_used_at: row.last_used_at.to_timestamp(),
        ends_at: row.ends_at.to_timestamp(),
        idle_ends_at: row.idle_ends_at.to_timestamp(),
        address: row.address,
        user_agent: row.user_agent,
    }
}
