//! What is known of a login, and why it may end before its time.

use std::time::Duration;

use service_kit::Micros;

use super::provider_claims::ProviderClaims;

/// The authenticator that lets everybody in.
pub const ANONYMOUS_PLUGIN: &str = "anon";

/// They must not see or end each other's logins.
pub use identity::ANONYMOUS_USER_NAME;

/// Whoever links accounts must have logged in so recently.
pub const RECENT_LOGIN_AGE: Duration = Duration::from_mins(10);

/// Whether a login is so recent that it is the user who sits there. `auth_time` is when they proved who they are, if it is known.
pub fn is_recent_login(auth_time: Option<Micros>, now: Micros) -> bool {
    auth_time.is_some_and(|time| now.duration_since(time) <= RECENT_LOGIN_AGE)
}

/// How and when a user proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The mechanism or provider that was asked.
    pub mechanism: String,
    /// `None` if it is not known.
    pub time: Option<Micros>,
    /// The level, as the provider named it (`OpenID` Connect Core 1.0, 2).
    pub acr: Option<String>,
    /// The methods (RFC 8176).
    pub amr: Vec<String>,
}

impl Authentication {
    /// With credentials that an authenticator of ICAT has just accepted.
    pub fn from_credentials(mechanism: &str, credentials: &[(&str, &str)], now: Micros) -> Self {
        let has_password = credentials.iter().any(|(key, value)| *key == "password" && !value.is_empty());
        let amr = if has_password { vec!["pwd".to_owned()] } else { Vec::new() };
        Self { mechanism: mechanism.to_owned(), time: Some(now), acr: None, amr }
    }

    /// At an identity provider, as it states.
    pub fn from_claims(provider: &str, claims: &ProviderClaims) -> Self {
        Self {
            mechanism: provider.to_owned(),
            time: claims.get_time("auth_time"),
            acr: claims.get_text("acr").map(str::to_owned),
            amr: claims.list_texts("amr").into_iter().map(str::to_owned).collect(),
        }
    }

    /// With an ICAT session that somebody brought along: nobody knows how and when it was opened.
    pub fn from_session(user_name: &str) -> Self {
        let mechanism = user_name.split_once('/').map_or("", |(mechanism, _)| mechanism);
        Self { mechanism: mechanism.to_owned(), time: None, acr: None, amr: Vec::new() }
    }
}

/// Why a login ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    LoggedOut,
    /// The user ended it from another login.
    EndedElsewhere,
    EndedByAdministrator,
    /// A refresh token was used again after it had been replaced: somebody has a copy.
    RefreshTokenReused,
    /// The user has logged out at the identity provider.
    ProviderLoggedOut,
    /// ICAT does not know the session any more.
    IcatSessionEnded,
    /// The account was locked or removed, or got another password.
    AccountChanged,
}

impl EndReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::EndedByAdministrator => "ended_by_administrator",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::ProviderLoggedOut => "provider_logged_out",
            Self::IcatSessionEnded => "icat_session_ended",
            Self::AccountChanged => "account_changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_a_method_and_an_empty_one_is_none() {
        let now = Micros::from_i64(7);
        let methods = |credentials: &[(&str, &str)]| Authentication::from_credentials("db", credentials, now).amr;
        assert_eq!(methods(&[("username", "u"), ("password", "p")]), ["pwd"]);
        for other in [&[("username", ""), ("password", "")][..], &[("pin", "1")], &[]] {
            assert!(methods(other).is_empty());
        }
        assert_eq!(Authentication::from_session("db/ada").mechanism, "db");
    }
}
