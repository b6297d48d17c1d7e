//! Sessions: opened by an authenticator plugin, kept as rows, ended by time or by their owner.

use std::time::Duration;

use events::Outbox;
use events::messages::auth::SessionsRevoked;
use events::messages::icat::SessionEnded;
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::{Clock, Db, DbError, Peer, Tx, sha256_hex};

use crate::error::Error;
use crate::state::State;
use crate::store::sessions::{self, LoginStart, Session};

/// How long an authenticator may take; password hashes are slow on purpose.
const AUTHENTICATOR_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a login waits for its turn to be stored: an import, which has the one writer of `SQLite` until its end, takes longer
/// than clients of portals wait.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// Seconds, where a busy authenticator does not say.
const DEFAULT_RETRY_AFTER: u32 = 5;
const MICROS_PER_MINUTE: i64 = 60 * 1_000_000;

/// What a client sends to log in, read as leniently as icat.server reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub plugin: Option<String>,
    pub credentials: Vec<(String, String)>,
}

impl Login {
    /// Reads `{"plugin":"db","credentials":[{"username":"u"},{"password":"p"}]}`: several keys in one object count as
    /// well, values that are not strings are dropped, of a repeated key the last wins, and credentials that are no
    /// array are ignored.
    pub fn parse_json(text: &str) -> Result<Self, Error> {
        let json: Value = serde_json::from_str(text)
            .map_err(|_| Error::BadParameter("the value of json is not a JSON object".to_owned()))?;
        let Value::Object(json) = json else {
            return Err(Error::BadParameter("the value of json is not a JSON object".to_owned()));
        };
        let mut credentials: Vec<(String, String)> = Vec::new();
        let given = json.get("credentials").and_then(Value::as_array).into_iter().flatten();
        for (key, value) in given.filter_map(Value::as_object).flatten() {
            let Some(value) = value.as_str() else { continue };
            credentials.retain(|(known, _)| known != key);
            credentials.push((key.clone(), value.to_owned()));
        }
        Ok(Self { plugin: json.get("plugin").and_then(Value::as_str).map(str::to_owned), credentials })
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionStatus {
    pub user_name: String,
    pub remaining_minutes: f64,
}

/// Asks the named authenticator and opens a session; its id is known to the caller alone.
pub async fn log_in(state: &State, login: &Login, ip: &str) -> Result<String, Error> {
    let mnemonic = login.plugin.as_deref().unwrap_or("null");
    let place = state.config.authn.iter().position(|a| a.mnemonic == mnemonic);
    let Some(url) = place.map(|place| &state.authn_urls[place]) else {
        return Err(Error::Session(format!("Authenticator mnemonic {mnemonic} not recognised")));
    };
    let begun = start_login(state).await?;
    let user_name = ask_authenticator(state, mnemonic, url, login, ip).await?;
    let id = state.ids.random_uuid().to_string();
    let session = Session { user_name, expires_at: state.clock.now_micros() + session_lifetime(state) };
    let (id_hash, session) = (sha256_hex(&id), &session);
    let store = state.db.write_read_committed(async |tx| sessions::create_session(tx, &id_hash, session, begun).await);
    let stored = tokio::time::timeout(STORE_PATIENCE, store).await;
    let stored = stored.map_err(|_| Error::LoginsWait { retry_after: DEFAULT_RETRY_AFTER })??;
    let text = "The account was locked or removed, or got another password, during the login; log in again";
    if stored { Ok(id) } else { Err(Error::Session(text.to_owned())) }
}

/// Before the password is asked for: what is revoked from now on ends this login too, whenever others hear of it.
async fn start_login(state: &State) -> Result<LoginStart, DbError> {
    let revocations = sessions::count_revocations(&mut state.db.read().await?).await?;
    Ok(LoginStart { at: state.clock.now_micros(), revocations })
}

fn session_lifetime(state: &State) -> i64 {
    i64::from(state.config.lifetime_minutes) * MICROS_PER_MINUTE
}

/// An authenticator's answer; unknown fields are ignored.
#[derive(Deserialize)]
struct AuthenticatedUser {
    username: String,
    mechanism: Option<String>,
}

#[derive(Deserialize)]
struct AuthenticatorRefusal {
    message: String,
    #[serde(rename = "code")]
    _code: String,
}

async fn ask_authenticator(state: &State, mnemonic: &str, url: &str, login: &Login, ip: &str) -> Result<String, Error> {
    let credentials: Vec<Value> = login.credentials.iter().map(|(key, value)| json!({key.as_str(): value})).collect();
    let body = json!({"credentials": credentials, "ip": ip}).to_string();
    let unreachable = |source| Error::Authenticator {
        message: format!("No authenticator of type {mnemonic} is working"),
        source: Some(source),
    };
    let answer = state
        .http
        .post(format!("{url}/authn.{mnemonic}/authenticate"))
        .timeout(AUTHENTICATOR_TIMEOUT)
        .form(&[("json", body)])
        .with_extension(Peer { service: "auth", template: "/authn.{mnemonic}/authenticate" })
        .send()
        .await
        .map_err(unreachable)?;
    if matches!(answer.status().as_u16(), 429 | 502..=504) {
        // It has not looked at the password: whoever sent the right one must not read that it is wrong.
        let message = format!("The authenticator of type {mnemonic} is too busy; try again in a few seconds");
        return Err(Error::AuthenticatorBusy { message, retry_after: retry_after(&answer) });
    }
    let accepted = answer.status().is_success();
    let text = answer.text().await.map_err(|e| unreachable(e.into()))?;
    let nonsense = || Error::Authenticator {
        message: format!("The authenticator of type {mnemonic} answered something that is not its protocol"),
        source: None,
    };
    if !accepted {
        let refused: AuthenticatorRefusal = serde_json::from_str(&text).map_err(|_| nonsense())?;
        return Err(Error::Session(refused.message));
    }
    let user: AuthenticatedUser = serde_json::from_str(&text).map_err(|_| nonsense())?;
    Ok(match user.mechanism {
        Some(mechanism) => format!("{mechanism}/{}", user.username),
        None => user.username,
    })
}

/// In seconds.
fn retry_after(answer: &reqwest::Response) -> u32 {
    let told = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    told.unwrap_or(DEFAULT_RETRY_AFTER)
}

/// The user of a session that is still alive. The texts are icat.server's, which clients match.
pub async fn require_user(state: &State, tx: &mut Tx, id: Option<&str>) -> Result<String, Error> {
    Ok(find_live_session(tx, id, &*state.clock).await?.user_name)
}

async fn find_live_session(tx: &mut Tx, id: Option<&str>, clock: &dyn Clock) -> Result<Session, Error> {
    let id = require_session_id(id)?;
    let session = sessions::get_session(tx, &sha256_hex(id)).await?.ok_or_else(|| unknown_session(id))?;
    if session.expires_at < clock.now_micros() {
        return Err(Error::Session(format!("Session id:{id} has expired")));
    }
    service_kit::record_caller(&session.user_name);
    Ok(session)
}

fn require_session_id(id: Option<&str>) -> Result<&str, Error> {
    id.filter(|id| !id.is_empty()).ok_or_else(|| Error::Session("Session Id cannot be null or empty.".to_owned()))
}

fn unknown_session(id: &str) -> Error {
    // Three parts with dots between them: no answer says a token again, which is good at other services.
    if service_kit::is_access_token(id) {
        return Error::Session("An access token is no session id: send the one of POST /session".to_owned());
    }
    Error::Session(format!("Unable to find user by sessionid: {id}"))
}

pub async fn get_status(state: &State, id: &str) -> Result<SessionStatus, Error> {
    let session = find_live_session(&mut state.db.read().await?, Some(id), &*state.clock).await?;
    #[expect(clippy::cast_precision_loss, reason = "a time span of hours in microseconds")]
    let remaining_minutes = (session.expires_at - state.clock.now_micros()) as f64 / MICROS_PER_MINUTE as f64;
    Ok(SessionStatus { user_name: session.user_name, remaining_minutes })
}

/// Starts the session's lifetime again. An expired session stays expired (icat.server would revive it).
pub async fn refresh_session(state: &State, id: &str) -> Result<(), Error> {
    state
        .db
        .write(async |tx| {
            find_live_session(tx, Some(id), &*state.clock).await?;
            let expires_at = state.clock.now_micros() + session_lifetime(state);
            Ok(sessions::update_expiry(tx, &sha256_hex(id), expires_at).await?)
        })
        .await
}

/// Ends a session, expired or not, and tells everybody who may have cached it.
pub async fn end_session(state: &State, id: &str) -> Result<(), Error> {
    let session_hash = sha256_hex(id);
    let ended = state
        .db
        .write(async |tx| {
            let Some(subject) = sessions::delete_session(tx, &session_hash).await? else {
                return Ok::<_, DbError>(false);
            };
            let event = SessionEnded { session_hash: session_hash.clone(), subject };
            state.outbox.emit(tx, &event).await?;
            Ok(true)
        })
        .await?;
    if ended { Ok(()) } else { Err(unknown_session(id)) }
}

/// Ends the sessions of an account that was locked or removed, or got another password.
pub async fn revoke_sessions(tx: &mut Tx, revoked: &SessionsRevoked, outbox: &Outbox) -> Result<(), DbError> {
    let SessionsRevoked { subject, begun_until } = revoked;
    let begun_until = if *begun_until == 0 { i64::MAX } else { *begun_until };
    for session_hash in sessions::delete_sessions_of_user(tx, subject, begun_until).await? {
        outbox.emit(tx, &SessionEnded { session_hash, subject: subject.clone() }).await?;
    }
    Ok(())
}

/// Removes sessions that expired before `now`; how many there were.
pub async fn purge_expired(db: &Db, now: i64) -> Result<u64, DbError> {
    db.write(async |tx| sessions::delete_expired(tx, now).await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_login(text: &str) -> (Option<String>, Vec<(String, String)>) {
        let login = Login::parse_json(text).unwrap();
        (login.plugin, login.credentials)
    }

    #[test]
    fn credentials_are_read_as_leniently_as_icat_server_reads_them() {
        let both = vec![("username".to_owned(), "u".to_owned()), ("password".to_owned(), "p".to_owned())];
        let db = Some("db".to_owned());
        assert_eq!(
            parse_login(r#"{"plugin":"db","credentials":[{"username":"u"},{"password":"p"}]}"#),
            (db.clone(), both.clone())
        );
        assert_eq!(
            parse_login(r#"{"credentials":[{"username":"u","password":"p"}],"plugin":"db"}"#),
            (db.clone(), both.clone())
        );
        assert_eq!(
            parse_login(
                r#"{"plugin":"db","credentials":[{"username":"x"},{"username":"u","password":"p"}],"other":1}"#
            ),
            (db.clone(), both)
        );
        assert_eq!(parse_login(r#"{"plugin":"db","credentials":{"username":"u"}}"#), (db.clone(), vec![]));
        assert_eq!(parse_login(r#"{"plugin":"db","credentials":[{"password":1234},{"x":null},7]}"#), (db, vec![]));
        assert_eq!(parse_login("{}"), (None, vec![]));
        assert!(Login::parse_json("[]").is_err() && Login::parse_json("{").is_err());
    }
}
