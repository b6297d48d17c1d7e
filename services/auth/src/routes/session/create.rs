//! `POST /session` of ICAT+: logs in at ICAT, which calls the plugin.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use service_kit::{Code, Problem};
use utoipa::ToSchema;

use super::description::{Session, describe_session};
use super::responses::{IcatPlusBodyErrors, IcatPlusErrors};
use crate::domain::client_id::ClientId;
use crate::error::from_icat_error;
use crate::icat_sessions::LoginError;
use crate::request_origin::RequestOrigin;
use crate::state::State;

/// Of portals that use this interface.
const CLIENT: &str = "icat-plus";

/// All fields are optional and may be null. `usernameSuffix` chooses one of the accounts of a person.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionCredentials)]
pub struct Credentials {
    plugin: Option<String>,
    username: Option<String>,
    password: Option<String>,
    username_suffix: Option<String>,
}

#[utoipa::path(
    post, path = "/session", operation_id = "create_session", tag = "sessions", summary = "Log in (ICAT+)",
    request_body(content = Credentials, content_type = "application/json"),
    security(),
    responses(
        IcatPlusErrors,
        IcatPlusBodyErrors,
        (status = 200, description = "A new session", body = Session),
        (status = 403, description = "The authenticator is unknown or refuses the login", body = String, content_type = "text/plain"),
    ),
)]
pub async fn create_session(
    state: web::Data<State>,
    origin: RequestOrigin,
    body: web::Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    let Credentials { plugin, username, password, username_suffix } = body.into_inner();
    let plugin = plugin.ok_or_else(|| Problem::new(Code::Forbidden, "auth/no-plugin", "no plugin given"))?;
    let username = username.map(|name| format!("{name}{}", username_suffix.unwrap_or_default()));
    let credentials: Vec<(&str, &str)> = match (&username, &password) {
        (Some(name), password) => {
            let name = ("username", name.as_str());
            password.as_deref().map_or_else(|| vec![name], |password| vec![name, ("password", password)])
        }
        // A single sign-on token comes as a password without a name.
        (None, Some(token)) => vec![("token", token.as_str())],
        (None, None) => Vec::new(),
    };
    let session_id = state.icat_sessions.log_in(&plugin, &credentials, &origin.0).await.map_err(to_problem)?;
    let (session, _, info) = describe_session(&state, &session_id).await?;
    let client = ClientId::of_interface(CLIENT);
    state.logins.record_foreign_session(&session_id, &info.user_name, &client, &origin.0).await?;
    Ok(HttpResponse::Ok().json(session))
}

fn to_problem(e: LoginError) -> Problem {
    match e {
        LoginError::Icat(e) => from_icat_error(e),
        LoginError::Other(problem) => problem,
    }
}
