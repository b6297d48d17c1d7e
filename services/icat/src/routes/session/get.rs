//! `GET /icat/session/{id}` → `{"userName":"db/alice","remainingMinutes":119.98}`

use actix_web::{HttpResponse, web};
use service_kit::{PathCredential, Problem};

use crate::domain::values::{append_json_string, format_java_double};
use crate::routes::schemas::{CommonResponses, Failure, Session};
use crate::state::State;

#[utoipa::path(
    get, path = "/icat/session/{id}", operation_id = "get_session", tag = "sessions",
    summary = "Get the user and the remaining time of a session",
    params(PathCredential),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "Alive", body = Session),
        (status = 403, description = "`SESSION`: the session is unknown or has expired", body = Failure),
    ),
)]
pub async fn get_session(state: web::Data<State>, credential: PathCredential) -> Result<HttpResponse, Problem> {
    let credential = state.sessions.resolve_credential(Some(&credential.id)).await?;
    let status = state.sessions.get_status(&credential).await?;
    let mut body = String::from("{\"userName\":");
    append_json_string(&mut body, &status.user_name);
    body.push_str(",\"remainingMinutes\":");
    body.push_str(&format_java_double(status.remaining_minutes));
    body.push('}');
    Ok(crate::routes::http::json_response(body))
}
