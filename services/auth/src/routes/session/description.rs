//! A session and its user as ICAT+ shows them.

use icat_client::SessionInfo;
use icat_client::client::quote_string;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use service_kit::Problem;
use utoipa::ToSchema;

use crate::domain::icat_session::session_end;
use crate::error::from_icat_error;
use crate::state::State;

/// A session with the roles of its user. Clients are strict about the JSON types.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the interface has them")]
pub struct Session {
    pub session_id: String,
    /// The login name, without the mechanism.
    pub username: String,
    /// ICAT's user name, with the mechanism.
    pub name: String,
    pub full_name: String,
    pub life_time_minutes: f64,
    #[schema(format = DateTime)]
    pub expiration_time: String,
    pub is_administrator: bool,
    pub is_instrument_scientist: bool,
    pub is_minter: bool,
    pub is_beta_tester: bool,
    pub users_by_prefix: Vec<Value>,
}

/// The user of a session in ICAT.
pub struct UserDetails {
    pub full_name: String,
    pub email: String,
    pub affiliation: String,
}

/// Asks ICAT for a session and its user, with the rights of the session.
pub async fn describe_session(state: &State, session_id: &str) -> Result<(Session, UserDetails, SessionInfo), Problem> {
    let info = state.icat.get_session(session_id).await.map_err(from_icat_error)?;
    let name = quote_string(&info.user_name);
    let search = async |query: String| state.icat.search_rows(session_id, &query).await.map_err(from_icat_error);
    let users = format!("SELECT u FROM User u WHERE u.name = {name}");
    let user = search(users).await?.into_iter().next().unwrap_or_default();
    let text = |key: &str| user["User"][key].as_str().unwrap_or_default().to_owned();
    let details = UserDetails { full_name: text("fullName"), email: text("email"), affiliation: text("affiliation") };
    let scientists = format!("SELECT COUNT(s) FROM InstrumentScientist s WHERE s.user.name = {name}");
    let scientist = search(scientists).await?;
    let listed = |names: &[String]| names.contains(&info.user_name);
    let session = Session {
        session_id: session_id.to_owned(),
        username: info.user_name.split_once('/').map_or(info.user_name.as_str(), |(_, name)| name).to_owned(),
        name: info.user_name.clone(),
        full_name: details.full_name.clone(),
        life_time_minutes: info.remaining_minutes,
        expiration_time: render_expiration(state.clock.now(), info.remaining_minutes),
        is_administrator: state.administrators.is_administrator(&info.user_name).await,
        is_instrument_scientist: scientist.first().and_then(Value::as_i64).is_some_and(|n| n > 0),
        is_minter: listed(&state.config.minters),
        is_beta_tester: listed(&state.config.beta_testers),
        users_by_prefix: Vec::new(),
    };
    Ok((session, details, info))
}

/// RFC 3339, UTC, with milliseconds.
fn render_expiration(now: Timestamp, minutes: f64) -> String {
    session_end(now, minutes).unwrap_or(now).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
