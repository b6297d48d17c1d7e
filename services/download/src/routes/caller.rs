//! Who is calling: the owner of the bearer credential, or, without one, of the parameter `sessionId`, as in ids.server.

use identity::Session;
use service_kit::{Code, Problem};

use super::parameters::Parameters;
use crate::selection::{Datafile, resolve_datafiles};
use crate::state::State;

/// `Retry-After` where auth did not answer.
const RETRY_AFTER_SECONDS: u32 = 10;

/// A caller with a live session.
pub struct SessionCaller {
    pub session: Session,
    /// ICAT user name.
    pub user: String,
}

/// Verifies the credential of a call with ICAT, which answers from a cache for less than a minute.
pub async fn require_session(state: &State, parameters: &Parameters) -> Result<SessionCaller, Problem> {
    parameters.require_session_id()?;
    let credential = parameters.credential().unwrap_or_default();
    let caller = state.identity.verify_credential(credential).await.map_err(|problem| match problem.code {
        Code::Unauthenticated => Problem::new(Code::Unauthenticated, "download/session", problem.detail),
        _ => problem,
    })?;
    if caller.is_program() {
        let text = "an API key has no catalogue session, and the catalogue decides who may read files; log in and send the session id";
        return Err(Problem::new(Code::Forbidden, "download/api-key", text));
    }
    let text = "the catalogue session of this credential cannot be looked up now; try again later";
    let unknown =
        || Problem::new(Code::Unavailable, "download/session-unknown", text).with_retry_after(RETRY_AFTER_SECONDS);
    let session = caller.session().cloned().ok_or_else(unknown)?;
    Ok(SessionCaller { session, user: caller.subject().icat_user_name.clone() })
}

/// The datafiles of a call by ids, as its session sees them.
pub async fn resolve_selection(state: &State, parameters: &Parameters) -> Result<Vec<Datafile>, Problem> {
    parameters.require_session_id()?;
    let selection = parameters.parse_selection()?;
    if selection.is_empty() {
        return Ok(Vec::new());
    }
    let caller = require_session(state, parameters).await?;
    resolve_datafiles(state.identity.icat(), caller.session.expose(), &selection).await
}
