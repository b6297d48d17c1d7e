//! Who is calling: the owner of the bearer credential, or, without one, of the parameter `sessionId`, as in ids.server.

use actix_web::HttpRequest;
use identity::{Caller, Identity};
use service_kit::{
    ClientAddress, Code, CredentialLocation, Problem, RequestCredential, Secret, is_access_token, is_session_handle,
};

use super::parameters::SelectionParameters;
use crate::domain::id_parameters::parse_uuid;
use crate::selection::{Datafile, Selection, resolve_datafiles};
use crate::state::State;

/// The scope of what this service offers.
const READ: &str = "read";
/// `Retry-After` where auth did not answer.
const RETRY_AFTER_SECONDS: u32 = 10;

/// The credential of a request, if it has one: the bearer credential, or else the parameter `sessionId`.
pub struct SentCredential {
    credential: Option<RequestCredential>,
    client: Option<ClientAddress>,
}

impl SentCredential {
    /// `session_id` is the value of the parameter. An error if the `Authorization` header cannot be read.
    pub fn from_request(request: &HttpRequest, session_id: Option<&str>) -> Result<Self, Problem> {
        let credential = RequestCredential::find_with_parameter(request, session_id)?;
        Ok(Self { credential, client: ClientAddress::find_in_request(request) })
    }

    pub fn value(&self) -> Option<&str> {
        self.credential.as_ref().map(|credential| credential.text.as_str())
    }

    pub fn is_bearer(&self) -> bool {
        self.credential.as_ref().is_some_and(|credential| credential.location == CredentialLocation::Authorization)
    }

    /// Who it is.
    pub async fn verify(&self, identity: &Identity) -> Result<Caller, Problem> {
        identity.verify_credential(self.value().unwrap_or_default(), self.client).await
    }

    /// An error unless the session id is a UUID, or a token or handle of auth, which clients send in its place. It is not checked
    /// if there is a bearer credential.
    pub fn require_well_formed(&self) -> Result<(), Problem> {
        if self.is_bearer() || self.value().is_some_and(|text| is_session_handle(text) || is_access_token(text)) {
            return Ok(());
        }
        parse_uuid("sessionId", self.value()).map(drop).map_err(Problem::from)
    }
}

/// A caller with a live session.
pub struct SessionCaller {
    pub session: Secret,
    /// ICAT user name.
    pub user: String,
}

/// Verifies the credential of a call with ICAT, which answers from a cache for less than a minute.
pub async fn require_session(state: &State, credential: &SentCredential) -> Result<SessionCaller, Problem> {
    credential.require_well_formed()?;
    let caller = credential.verify(&state.identity).await.map_err(|problem| match problem.code {
        Code::Unauthenticated => Problem::new(Code::Unauthenticated, "download/session", problem.detail),
        _ => problem,
    })?;
    if caller.is_program() {
        let text = "an API key has no catalogue session, and the catalogue decides who may read files; log in and send the session id";
        return Err(Problem::new(Code::Forbidden, "download/api-key", text));
    }
    caller.require_scope(READ)?;
    let text = "the catalogue session of this credential cannot be looked up now; try again later";
    let unknown =
        || Problem::new(Code::Unavailable, "download/session-unknown", text).with_retry_after(RETRY_AFTER_SECONDS);
    let session = caller.session().cloned().ok_or_else(unknown)?;
    Ok(SessionCaller { session, user: caller.subject().icat_user_name.clone() })
}

/// A call by ids whose parameters are well-formed. Nothing is verified yet.
pub struct SelectionCall {
    credential: SentCredential,
    pub selection: Selection,
}

/// What a call by ids selects.
pub struct ResolvedSelection {
    /// As the session of the caller sees them.
    pub datafiles: Vec<Datafile>,
    /// ICAT user name; empty without a session.
    pub user: String,
}

impl SelectionCall {
    pub fn from_request(request: &HttpRequest, parameters: &SelectionParameters) -> Result<Self, Problem> {
        let credential = SentCredential::from_request(request, parameters.session_id.as_deref())?;
        credential.require_well_formed()?;
        Ok(Self { credential, selection: parameters.parse_selection()? })
    }

    /// Verifies the credential. `None` for a selection without ids and the parameter `sessionId`, which ids.server does not
    /// verify then.
    pub async fn require_session(&self, state: &State) -> Result<Option<SessionCaller>, Problem> {
        if self.selection.is_empty() && !self.credential.is_bearer() {
            return Ok(None);
        }
        require_session(state, &self.credential).await.map(Some)
    }

    /// Verifies the credential and finds the datafiles.
    pub async fn resolve_selection(&self, state: &State) -> Result<ResolvedSelection, Problem> {
        let Some(SessionCaller { session, user }) = self.require_session(state).await? else {
            return Ok(ResolvedSelection { datafiles: Vec::new(), user: String::new() });
        };
        let datafiles = resolve_datafiles(state.identity.icat(), session.expose(), &self.selection).await?;
        Ok(ResolvedSelection { datafiles, user })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use actix_web::web::Data;
    use service_kit::CredentialLocations;

    use super::*;

    /// SciGateway's plugins send the `sessionId` of a token of auth.
    #[test]
    fn a_session_handle_may_be_sent_as_the_session_id() {
        let locations = CredentialLocations(&[CredentialLocation::Parameter("sessionId")]);
        let request = TestRequest::default().app_data(Data::new(locations)).to_http_request();
        let is_accepted = |session_id| {
            let credential = SentCredential::from_request(&request, session_id).unwrap();
            credential.require_well_formed().is_ok()
        };
        assert!(is_accepted(Some("5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10")) && is_accepted(Some("ush_aB-_")));
        assert!(!is_accepted(Some("aB-_")) && !is_accepted(None));
    }
}
