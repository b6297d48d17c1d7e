//! `POST /icat/session`: form field `json` with plugin and credentials → `{"sessionId":"<uuid>"}`

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::parameters::{FormPairs, parse_form};
use service_kit::{ClientAddress, Problem};
use utoipa::ToSchema;

use crate::error::Error;
use crate::routes::schemas::{BodyResponses, CommonResponses, Failure, SessionId};
use crate::sessions::Login;
use crate::state::State;

#[derive(Deserialize, ToSchema)]
#[schema(as = LoginForm)]
pub struct Form {
    /// JSON text: `{"plugin":"db","credentials":[{"username":"alice"},{"password":"…"}]}`. The keys of the credentials are
    /// those that `/icat/properties` lists for the authenticator.
    #[schema(value_type = String)]
    json: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/session", operation_id = "log_in", tag = "sessions", summary = "Log in",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security(),
    responses(
        CommonResponses,
        BodyResponses,
        (status = 200, description = "A new session", body = SessionId),
        (status = 400, description = "`BAD_PARAMETER`: `json` is missing or is not a JSON object", body = Failure),
        (status = 403, description = "`SESSION`: there is no such authenticator, or it refused the login", body = Failure),
        (status = 500, description = "`INTERNAL`: the authenticator does not answer", body = Failure),
    ),
)]
pub async fn log_in(
    state: web::Data<State>,
    request: HttpRequest,
    client: web::ReqData<ClientAddress>,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_form(&request)?;
    let Form { json } = parse_form(form)?;
    let text = json.ok_or_else(|| Error::BadParameter("json must not be null".to_owned()))?;
    let login = Login::parse_json(&text)?;
    let id = state.sessions.log_in(&login, &client.0.to_string()).await?;
    Ok(crate::routes::http::json_response(format!("{{\"sessionId\":\"{id}\"}}")))
}

/// A form on a page of another site must not fail logins in the name of whoever looks at the page. Scripts of portals at other
/// addresses may log in; CORS decides about them. Browsers say which it is (Fetch Metadata Request Headers, W3C), other programs nothing.
fn refuse_foreign_form(request: &HttpRequest) -> Result<(), Error> {
    let says = |header: &str, text: &str| request.headers().get(header).is_some_and(|value| value == text);
    let is_script = says("sec-fetch-mode", "cors");
    if says("sec-fetch-site", "cross-site") && !is_script {
        return Err(Error::Forbidden("a form of another site cannot log in here".to_owned()));
    }
    Ok(())
}
