//! Reading and setting the two notices of maintenance, in all shapes in which versions of SciGateway send them.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use service_kit::{ClientAddress, Problem, RequestCredential};

use super::bodies::parse_json;
use super::failures::{forbidden, from_database_error, not_authenticated};
use super::fields::Fields;
use super::token_body::MAX_TOKEN_CHARS;
use super::verify::find_live_login;
use crate::domain::maintenance::{MAX_MESSAGE_CHARS, MAX_SEVERITY_CHARS, MaintenanceKind, MaintenanceState};
use crate::domain::origin::Origin;
use crate::state::State;

/// One of the two notices, with the words of scigateway-auth 0.1.0.
pub struct Notice {
    pub kind: MaintenanceKind,
    /// The field with the notice where the token is in the body as well.
    pub field: &'static str,
    pub has_severity: bool,
    pub updated: &'static str,
    pub refused: &'static str,
    pub not_read: &'static str,
    pub not_stored: &'static str,
}

pub async fn get_notice(state: &State, notice: &Notice) -> Result<MaintenanceState, Problem> {
    state.maintenance.get_state(notice.kind).await.map_err(from_database_error(notice.not_read))
}

/// Sets a notice. Malformed JSON is refused before a missing token, and that before wrong fields.
pub async fn set_notice(
    state: &State,
    origin: &Origin,
    request: &HttpRequest,
    body: &[u8],
    notice: &Notice,
) -> Result<HttpResponse, Problem> {
    let value = parse_json(request, body)?;
    let bearer = RequestCredential::find_bearer(request).map_err(|_| not_authenticated())?;
    let (token, given) = match bearer {
        Some(bearer) => (bearer.text, parse_notice(&value, notice)?),
        None if value.get("token").is_some() => parse_notice_with_token(&value, notice)?,
        None => return Err(not_authenticated()),
    };
    let login = find_live_login(state, &token).await?;
    let refuse = || forbidden("auth/no-administrator", notice.refused);
    let login = login.ok_or_else(refuse)?;
    // Whoever is an administrator now, whatever the token says.
    let decision = state.administrators.check_login(&login.row, origin.address.map(ClientAddress)).await?;
    decision.require_allowed_or(|_| refuse())?;
    let stored = state.maintenance.set_state(notice.kind, &given, &login.row.user_name, origin).await;
    stored.map_err(from_database_error(notice.not_stored))?;
    Ok(HttpResponse::Ok().json(notice.updated))
}

fn parse_notice(value: &Value, notice: &Notice) -> Result<MaintenanceState, Problem> {
    let mut fields = Fields::from_object(value);
    let given = read_notice(&mut fields, notice);
    fields.into_result().map(|()| given)
}

/// As SciGateway 3.0.1 sends it.
fn parse_notice_with_token(value: &Value, notice: &Notice) -> Result<(String, MaintenanceState), Problem> {
    let mut fields = Fields::from_object(value);
    let token = fields.require_text("token", MAX_TOKEN_CHARS);
    let mut inner = fields.require_object(notice.field);
    let given = read_notice(&mut inner, notice);
    fields.add_errors_of(inner);
    fields.into_result().map(|()| (token, given))
}

fn read_notice(fields: &mut Fields<'_>, notice: &Notice) -> MaintenanceState {
    let show = fields.require_bool("show");
    let message = fields.require_text("message", MAX_MESSAGE_CHARS);
    let unset = MaintenanceState::unset();
    let severity =
        if notice.has_severity { fields.require_text("severity", MAX_SEVERITY_CHARS) } else { unset.severity };
    MaintenanceState { show, message, severity }
}
