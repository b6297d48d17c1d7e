//! What a request shows instead of a name: the id of an ICAT session, or what auth gave out for one.

use identity::IssuedCredentials;
use service_kit::{Problem, Secret};

use crate::error::Error;

/// A credential, after auth was asked where only auth knows. Whether the session lives is up to whoever uses it, within its
/// own transaction.
pub enum Credential {
    Missing,
    SessionId(String),
    /// The session behind an access token or a session handle. Its id is not for the client.
    IssuedSession(Secret),
    /// The same of an anonymous login: others have the session as well.
    SharedSession(Secret),
    /// The user of a valid access token, while auth does not answer whose session it is.
    IssuedUser(String),
}

impl Credential {
    /// Verifies an access token or a session handle, and finds its session; a session id stays as it is.
    pub async fn resolve(text: Option<&str>, issued: &IssuedCredentials) -> Result<Self, Problem> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Self::Missing) };
        if !IssuedCredentials::is_issued(text) {
            return Ok(Self::SessionId(text.to_owned()));
        }
        let caller = issued.identify_caller(text).await?;
        if caller.scopes().is_some() {
            let text = "the catalogue accepts no tokens with scopes, because its rules are for users";
            return Err(Error::Forbidden(text.to_owned()).into());
        }
        Ok(match caller.session() {
            Some(session) if caller.is_anonymous() => Self::SharedSession(session.clone()),
            Some(session) => Self::IssuedSession(session.clone()),
            None => Self::IssuedUser(caller.subject().icat_user_name.clone()),
        })
    }

    /// The id of its session. The error texts are icat.server's, which clients match.
    pub(super) fn session_id(&self) -> Result<&str, Error> {
        match self {
            Self::Missing => Err(Error::Session("Session Id cannot be null or empty.".to_owned())),
            Self::SessionId(id) => Ok(id),
            Self::IssuedSession(id) | Self::SharedSession(id) => Ok(id.expose()),
            Self::IssuedUser(_) => Err(Error::SessionNotKnown),
        }
    }

    pub(super) fn unknown_error(&self) -> Error {
        match self {
            Self::SessionId(id) => Error::Session(format!("Unable to find user by sessionid: {id}")),
            _ => Error::Session("The session of this login has ended; log in again".to_owned()),
        }
    }

    pub(super) fn expired_error(&self) -> Error {
        match self {
            Self::SessionId(id) => Error::Session(format!("Session id:{id} has expired")),
            _ => self.unknown_error(),
        }
    }
}
