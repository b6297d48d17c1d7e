//! Whose call it is: the bearer credential's, or without one that of the session id of the parameter, as in ids.server.

use identity::Session;
use service_kit::{Code, Problem};

use crate::parameters::Parameters;
use crate::state::State;

/// When it makes sense to ask again after auth did not answer.
const RETRY_SECONDS: u32 = 10;

/// A caller with a live session.
pub struct Who {
    pub session: Session,
    /// ICAT user name.
    pub user: String,
}

/// Asks ICAT whose session it is; the answer is remembered for less than a minute.
pub async fn who(state: &State, parameters: &Parameters) -> Result<Who, Problem> {
    parameters.check_session()?;
    let credential = parameters.credential().unwrap_or_default();
    let caller = state.identity.verify_credential(credential).await.map_err(|problem| match problem.code {
        Code::Unauthenticated => Problem::new(Code::Unauthenticated, "download/session", problem.detail),
        _ => problem,
    })?;
    if caller.is_program() {
        let text =
            "an API key has no session of the catalogue, whose rights decide here; log in and send the session id";
        return Err(Problem::new(Code::Forbidden, "download/api-key", text));
    }
    let text = "the session of this credential cannot be found now; try again later";
    let unknown = || Problem::new(Code::Unavailable, "download/session-unknown", text).with_retry_after(RETRY_SECONDS);
    let session = caller.session().cloned().ok_or_else(unknown)?;
    Ok(Who { session, user: caller.subject().icat_user_name.clone() })
}
