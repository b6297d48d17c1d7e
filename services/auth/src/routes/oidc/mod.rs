//! `/auth/v1/oidc/{provider}`: where browsers go on their way to an identity provider and back, and where providers say that
//! somebody has logged out.

pub mod backchannel_logout;
pub mod callback;
pub mod start;

use std::sync::Arc;

use service_kit::{Code, Problem};

use crate::providers::Provider;
use crate::state::State;

/// The provider that an address or a body names.
pub fn find_provider<'s>(state: &'s State, name: &str) -> Result<&'s Arc<Provider>, Problem> {
    let text = "there is no such identity provider";
    state.providers.find_by_name(name).ok_or_else(|| Problem::new(Code::NotFound, "auth/unknown-provider", text))
}
