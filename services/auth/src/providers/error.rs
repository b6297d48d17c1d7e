//! Why a login with an identity provider failed. Each reason has a word of its own, in the audit log, in metrics and on the page.

use icat_client::IcatError;
use service_kit::{Code, Problem};

use super::http::ProviderFailure;
use super::published_keys::KeyFault;
use super::signature::SignatureFault;
use crate::domain::id_token::IdTokenFault;
use crate::domain::login_level::LevelFault;
use crate::domain::provider_user::NameFault;

/// How soon a login can be tried again after a failure of the provider, in seconds.
const RETRY_SECONDS: u32 = 10;
const LOGIN_REFUSED: &str = "auth/provider-login-refused";

/// Why a login with a provider failed.
#[derive(Debug)]
pub enum ProviderLoginError {
    /// The login was not begun in this browser, or is more than ten minutes old.
    UnknownState,
    /// The address of the answer was opened before.
    UsedState,
    /// A parameter of the redirect is there twice (RFC 6749, 3.1).
    BadRedirect,
    RedirectIssuer,
    NoRedirectIssuer,
    NoCode,
    /// The provider says so in the redirect; the word is one of RFC 6749, 4.1.2.1.
    RefusedByProvider(String),
    /// The provider does not accept the code, or not this client.
    CodeRefused(String),
    Provider(ProviderFailure),
    NoIdToken,
    /// A client brought something else.
    UnreadableIdToken,
    Signature(SignatureFault),
    Claims(IdTokenFault),
    AccessTokenHash,
    /// The ID token was used for a login before.
    UsedIdToken,
    Level(LevelFault),
    Name(NameFault),
    /// The groups that the provider states are not in the catalogue.
    GroupsNotStored(IcatError),
    /// ICAT does not know the user, or does not want them.
    RefusedByIcat,
    /// ICAT does not answer, or the database.
    Other(Problem),
}

impl ProviderLoginError {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::UnknownState => "unknown_state",
            Self::UsedState => "used_state",
            Self::BadRedirect => "bad_redirect",
            Self::RedirectIssuer => "redirect_issuer",
            Self::NoRedirectIssuer => "no_redirect_issuer",
            Self::NoCode => "no_code",
            Self::RefusedByProvider(_) => "refused_by_provider",
            Self::CodeRefused(_) => "code_refused",
            Self::Provider(failure) if failure.is_temporary() => "provider_down",
            Self::Provider(_) => "bad_provider_answer",
            Self::NoIdToken => "no_id_token",
            Self::UnreadableIdToken => "unreadable_id_token",
            Self::Signature(fault) => fault.as_str(),
            Self::Claims(fault) => fault.as_str(),
            Self::AccessTokenHash => "access_token_hash",
            Self::UsedIdToken => "used_id_token",
            Self::Level(fault) => fault.as_str(),
            Self::Name(fault) => fault.as_str(),
            Self::GroupsNotStored(_) => "groups_not_stored",
            Self::RefusedByIcat => "refused_by_icat",
            Self::Other(_) => "failed",
        }
    }

    /// Whether somebody was refused, and not the provider or this site at fault.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Provider(_) | Self::NoIdToken | Self::GroupsNotStored(_) | Self::Other(_))
    }

    /// What the user is told; `provider` is its name for people.
    pub fn into_problem(self, provider: &str) -> Problem {
        let word = self.as_str();
        let refused = |text: String| Problem::new(Code::Forbidden, LOGIN_REFUSED, text);
        match self {
            Self::UnknownState => refused(
                "This login was not started in this browser, or more than 10 minutes ago. Start it again.".to_owned(),
            ),
            Self::UsedState => refused("This login attempt was used already. Start a new one.".to_owned()),
            Self::RefusedByProvider(error) => refused(format!("{provider} refused the login ({error}).")),
            Self::CodeRefused(error) => refused(format!(
                "{provider} did not accept the answer that it gave ({error}). Start the login again; if it happens again, \
                 the client of this facility at {provider} is not set up as the settings say."
            )),
            Self::Level(LevelFault::SecondFactor) => Problem::new(
                Code::Forbidden,
                "auth/mfa-required",
                format!(
                    "A second factor is required here, and {provider} did not confirm one. Set up a second factor for \
                     your account at {provider}, log out there, and log in again. If you have one and were not asked for \
                     it, tell the facility: {provider} is not set up to demand it."
                ),
            ),
            Self::Level(LevelFault::TooOld) => refused(format!(
                "Your login at {provider} is too long ago for this. Log out at {provider}, and log in again."
            )),
            Self::Level(_) => {
                refused(format!("{provider} does not say when you logged in there ({word}). Tell the facility."))
            }
            Self::Name(NameFault::RootName) => refused(format!(
                "Your user name at {provider} is that of an administrator of the catalogue, which it may not give."
            )),
            Self::Name(NameFault::OfSomebodyElse) => refused(format!(
                "The user name that {provider} gives you belongs to somebody else here. Tell the facility."
            )),
            Self::Name(NameFault::AccountClosed) => {
                refused("Your account here is locked or was removed. Ask the facility.".to_owned())
            }
            Self::Name(_) => refused(format!(
                "Your account at {provider} has no user name that the catalogue can use ({word}). Tell the facility."
            )),
            Self::GroupsNotStored(e) => from_groups_failure(e),
            Self::RefusedByIcat => {
                refused("The catalogue does not accept your account. Ask the facility for access.".to_owned())
            }
            Self::Provider(failure) => from_provider_failure(failure, provider),
            Self::NoIdToken | Self::Signature(SignatureFault::NoToken) => Problem::new(
                Code::BadGateway,
                "auth/provider-failed",
                format!("{provider} sent no ID token ({word}). Tell the facility."),
            ),
            Self::UnreadableIdToken => refused(format!("This is no ID token of {provider}.")),
            Self::BadRedirect
            | Self::RedirectIssuer
            | Self::NoRedirectIssuer
            | Self::NoCode
            | Self::Signature(_)
            | Self::Claims(_)
            | Self::AccessTokenHash
            | Self::UsedIdToken => refused(format!(
                "The answer of {provider} does not belong to this login ({word}). Start the login again; if it happens again, \
                 tell the facility."
            )),
            Self::Other(problem) => problem,
        }
    }
}

/// A provider that does not answer, or not as it should.
fn from_provider_failure(failure: ProviderFailure, provider: &str) -> Problem {
    if failure.is_temporary() {
        let text = format!("{provider} does not answer now. Try again later, or log in in another way.");
        Problem::new(Code::Unavailable, "auth/provider-down", text).with_retry_after(RETRY_SECONDS).with_source(failure)
    } else {
        let text = format!("{provider} answered something unexpected. Tell the facility.");
        Problem::new(Code::BadGateway, "auth/provider-failed", text).with_source(failure)
    }
}

/// Without the groups that were withdrawn, nobody is let in.
fn from_groups_failure(e: IcatError) -> Problem {
    if e.is_login_unavailable() {
        let text = "The catalogue does not answer, so that your groups cannot be stored there. Try again later.";
        return Problem::new(Code::Unavailable, "auth/groups-not-stored", text)
            .with_retry_after(RETRY_SECONDS)
            .with_source(e);
    }
    let text = "The catalogue does not accept your groups. Tell the facility: the account of auth.groups_account lacks a right.";
    Problem::new(Code::BadGateway, "auth/groups-not-stored", text).with_source(e)
}

impl From<ProviderFailure> for ProviderLoginError {
    fn from(failure: ProviderFailure) -> Self {
        Self::Provider(failure)
    }
}

impl From<SignatureFault> for ProviderLoginError {
    fn from(fault: SignatureFault) -> Self {
        Self::Signature(fault)
    }
}

impl From<KeyFault> for ProviderLoginError {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::Signature(fault) => Self::Signature(fault),
            KeyFault::Provider(failure) => Self::Provider(failure),
        }
    }
}

impl From<IdTokenFault> for ProviderLoginError {
    fn from(fault: IdTokenFault) -> Self {
        Self::Claims(fault)
    }
}

impl From<LevelFault> for ProviderLoginError {
    fn from(fault: LevelFault) -> Self {
        Self::Level(fault)
    }
}

impl From<NameFault> for ProviderLoginError {
    fn from(fault: NameFault) -> Self {
        Self::Name(fault)
    }
}

impl From<Problem> for ProviderLoginError {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl From<service_kit::DbError> for ProviderLoginError {
    fn from(e: service_kit::DbError) -> Self {
        Self::Other(e.into())
    }
}
