//! `/auth/v1/api-keys`: API keys of programs, for administrators and for the users that the keys act for.

pub mod create;
pub mod list;
pub mod resolve;
pub mod revoke;

use actix_web::HttpRequest;
use identity::Decision;
use jiff::Timestamp;
use serde::Serialize;
use service_kit::{ClientAddress, Code, Micros, Problem};
use utoipa::ToSchema;

use crate::domain::api_key::ApiKeyState;
use crate::state::State;
use crate::store::api_keys::ApiKeyRow;
use crate::store::logins::LoginRow;

/// An API key, without its text.
#[derive(Serialize, ToSchema)]
pub struct ApiKey {
    /// For `DELETE /auth/v1/api-keys/{id}`.
    #[schema(example = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10")]
    id: String,
    #[schema(example = "beamline-id29")]
    name: String,
    /// The ICAT user that it acts for.
    #[schema(example = "simple/id29")]
    user: String,
    #[schema(example = json!(["logbook:write"]))]
    scopes: Vec<String>,
    /// The instruments that it may write for; empty: every instrument.
    #[schema(example = json!(["ID29"]))]
    instruments: Vec<String>,
    state: ApiKeyState,
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The administrator who created it, or `command line`.
    created_by: String,
    /// Not more exact than an hour; without it, the key was never used.
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_by: Option<String>,
}

fn to_api_key(state: &State, row: ApiKeyRow) -> ApiKey {
    ApiKey {
        state: state.api_keys.find_state(&row),
        id: row.id,
        name: row.terms.name,
        user: row.terms.user_name,
        scopes: row.terms.scopes,
        instruments: row.terms.instruments,
        expires: row.terms.expires_at.to_timestamp(),
        created_at: row.created_at.to_timestamp(),
        created_by: row.created_by,
        last_used_at: row.last_used_at.map(Micros::to_timestamp),
        revoked_at: row.revoked_at.map(Micros::to_timestamp),
        revoked_by: row.revoked_by,
    }
}

/// Whether the user of a login administers the keys of all users: one of `identity.administrators`.
async fn check_administrator(state: &State, request: &HttpRequest, login: &LoginRow) -> Result<Decision, Problem> {
    state.administrators.check_login(login, ClientAddress::find_in_request(request)).await
}

fn not_administrator(text: String) -> Problem {
    Problem::new(Code::Forbidden, "auth/no-administrator", text)
}
