//! Why a token opens no session, with the words of the audit log and the messages of authn.oidc 2.0.1.

use std::net::IpAddr;

use service_kit::{Code, DbError, Problem};

use crate::domain::issuer_token::IssuerTokenFault;
use crate::domain::provider_user::NameFault;
use crate::domain::token_times::TimeFault;
use crate::providers::{KeyFault, ProviderFailure, SignatureFault};

/// How soon a login can be tried again while the keys cannot be fetched, in seconds.
const RETRY_SECONDS: u32 = 10;

/// Why a token opens no session.
#[derive(Debug)]
pub enum TokenFault {
    NoToken,
    Address(Option<IpAddr>),
    Unreadable,
    Claims(IssuerTokenFault),
    Signature(SignatureFault),
    Name(NameFault),
    Provider(ProviderFailure),
    Database(DbError),
}

impl TokenFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Address(_) => "address",
            Self::Unreadable => "bad_token",
            Self::Claims(fault) => fault.as_str(),
            Self::Signature(fault) => fault.as_str(),
            Self::Name(fault) => fault.as_str(),
            Self::Provider(_) => "provider_down",
            Self::Database(_) => "failed",
        }
    }

    /// What ICAT passes on to the user. `plugin` and `required_scope` are those of the settings.
    pub fn into_problem(self, plugin: &str, required_scope: &str) -> Problem {
        let refused = |text: String| Problem::new(Code::Forbidden, "auth/bad-token", text);
        match self {
            Self::NoToken => refused("The token cannot be null or empty".to_owned()),
            Self::Address(address) => {
                let address = address.map_or_else(|| "null".to_owned(), |address| address.to_string());
                refused(format!("authn.{plugin} does not allow log in from your IP address {address}"))
            }
            Self::Unreadable | Self::Signature(SignatureFault::NoToken | SignatureFault::TooLong) => {
                refused("The token could not be decoded".to_owned())
            }
            Self::Claims(IssuerTokenFault::NoScope) => refused("The token is missing the scope claim".to_owned()),
            Self::Claims(IssuerTokenFault::Scope) => {
                refused(format!("The token is missing the required scope {required_scope}"))
            }
            Self::Claims(IssuerTokenFault::NoIssuer) => refused("The token is missing the iss claim".to_owned()),
            Self::Claims(IssuerTokenFault::Issuer) => {
                refused("The iss claim of the token does not match the configured issuer".to_owned())
            }
            Self::Signature(SignatureFault::NoKeyId) => refused("The token is missing a kid".to_owned()),
            Self::Signature(SignatureFault::UnknownKey | SignatureFault::KeyUse) => {
                refused("Unable to find a public key matching the kid".to_owned())
            }
            Self::Claims(IssuerTokenFault::Times(TimeFault::Expired)) => refused("The token has expired".to_owned()),
            Self::Name(NameFault::Missing | NameFault::NotText) => {
                refused("The token is missing an ICAT username".to_owned())
            }
            Self::Claims(_) | Self::Signature(_) => refused("The token is invalid".to_owned()),
            Self::Name(NameFault::OfSomebodyElse) => {
                refused("The ICAT username of the token belongs to somebody else".to_owned())
            }
            Self::Name(_) => refused("The ICAT username of the token is not allowed".to_owned()),
            Self::Provider(failure) => {
                let text = "The JWK configuration is not ready, try again in a few minutes";
                Problem::new(Code::Unavailable, "auth/provider-down", text)
                    .with_retry_after(RETRY_SECONDS)
                    .with_source(failure)
            }
            Self::Database(e) => e.into(),
        }
    }
}

impl From<IssuerTokenFault> for TokenFault {
    fn from(fault: IssuerTokenFault) -> Self {
        Self::Claims(fault)
    }
}

impl From<SignatureFault> for TokenFault {
    fn from(fault: SignatureFault) -> Self {
        Self::Signature(fault)
    }
}

impl From<KeyFault> for TokenFault {
    fn from(fault: KeyFault) -> Self {
        match fault {
            KeyFault::Signature(fault) => Self::Signature(fault),
            KeyFault::Provider(failure) => Self::Provider(failure),
        }
    }
}

impl From<NameFault> for TokenFault {
    fn from(fault: NameFault) -> Self {
        Self::Name(fault)
    }
}

impl From<ProviderFailure> for TokenFault {
    fn from(failure: ProviderFailure) -> Self {
        Self::Provider(failure)
    }
}

impl From<DbError> for TokenFault {
    fn from(e: DbError) -> Self {
        Self::Database(e)
    }
}
