//! `/auth/v1/oidc/{provider}`: where browsers go on their way to an identity provider and back, and where providers say that
//! somebody has logged out.

pub mod backchannel_logout;
mod browser_cookie;
pub mod callback;
pub mod start;

use std::sync::Arc;

use icat_client::IcatError;
use service_kit::{Code, Problem};

use crate::error::from_icat_error;
use crate::login_flow::LoginError;
use crate::providers::{Provider, ProviderLoginError};
use crate::state::State;

/// The provider that an address or a body names.
pub fn find_provider<'s>(state: &'s State, name: &str) -> Result<&'s Arc<Provider>, Problem> {
    let text = "there is no such identity provider";
    state.providers.find(name).ok_or_else(|| Problem::new(Code::NotFound, "auth/unknown-provider", text))
}

/// ICAT's words are for administrators; the user is told what to do.
pub fn from_login_error(e: LoginError) -> ProviderLoginError {
    match e {
        LoginError::Icat(e @ IcatError::Refused { .. }) if !e.is_login_unavailable() => {
            tracing::warn!(error = %e, "ICAT refuses a user of an identity provider; is the authenticator `delegate` listed there?");
            ProviderLoginError::RefusedByIcat
        }
        LoginError::Icat(e) => from_icat_error(e).into(),
        LoginError::Other(problem) => problem.into(),
    }
}
