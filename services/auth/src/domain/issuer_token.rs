//! What makes a token of an issuer valid for the plugin `oidc`: the rules of authn.oidc 2.0.1, and those that it lacks. It accepts
//! tokens for every client, and tokens that never expire.

use std::time::Duration;

use super::provider_claims::ProviderClaims;
use super::token_times::{TimeFault, check_times};

/// The claim of logout tokens (`OpenID` Connect Back-Channel Logout 1.0, 2.4), which no other token has.
const EVENTS: &str = "events";
/// ID tokens and access tokens in the claims of Keycloak, which signs all tokens with the same key and the same header.
const KEYCLOAK_KINDS: [&str; 2] = ["ID", "Bearer"];

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerTokenFault {
    Times(TimeFault),
    NoScope,
    Scope,
    NoIssuer,
    Issuer,
    Audience,
    TokenKind,
    NoSubject,
}

impl IssuerTokenFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Times(fault) => fault.as_str(),
            Self::NoScope => "no_scope",
            Self::Scope => "scope",
            Self::NoIssuer => "no_issuer",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::TokenKind => "token_kind",
            Self::NoSubject => "no_subject",
        }
    }
}

/// What a token must state.
#[derive(Debug, Clone, Copy)]
pub struct IssuerTokenRules<'a> {
    pub issuer: &'a str,
    /// Empty: none.
    pub required_scope: &'a str,
    /// The token is for one of these, or was given to one of them.
    pub audiences: &'a [String],
    /// How long ago it may have been issued.
    pub max_age: Duration,
    /// Seconds since 1970 UTC.
    pub now: i64,
}

impl IssuerTokenRules<'_> {
    /// What is checked before the signature, in the order of authn.oidc.
    pub fn check_unverified(&self, claims: &ProviderClaims) -> Result<(), IssuerTokenFault> {
        if !self.required_scope.is_empty() {
            let scopes = claims.get("scope").and_then(|scope| scope.as_str()).ok_or(IssuerTokenFault::NoScope)?;
            if !scopes.split_whitespace().any(|scope| scope == self.required_scope) {
                return Err(IssuerTokenFault::Scope);
            }
        }
        match claims.get_text("iss") {
            None => Err(IssuerTokenFault::NoIssuer),
            Some(issuer) if issuer != self.issuer => Err(IssuerTokenFault::Issuer),
            Some(_) => Ok(()),
        }
    }

    /// What is checked after the signature.
    pub fn check_verified(&self, claims: &ProviderClaims) -> Result<(), IssuerTokenFault> {
        check_times(claims, self.max_age, self.now).map_err(IssuerTokenFault::Times)?;
        let kind = claims.get_text("typ");
        if claims.get(EVENTS).is_some() || kind.is_some_and(|kind| !KEYCLOAK_KINDS.contains(&kind)) {
            return Err(IssuerTokenFault::TokenKind);
        }
        let mut audiences = claims.list_texts("aud").into_iter().chain(claims.get_text("azp"));
        if audiences.any(|audience| self.audiences.iter().any(|allowed| allowed == audience)) {
            Ok(())
        } else {
            Err(IssuerTokenFault::Audience)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_768_208_400;

    fn check_changed_claims(changes: &Value) -> Result<(), IssuerTokenFault> {
        let mut claims = json!({"iss": "https://id.example", "aud": "account", "azp": "icat", "sub": "42", "exp": NOW + 300,
            "iat": NOW, "scope": "openid icat"});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        let audiences = ["icat".to_owned()];
        let rules = IssuerTokenRules {
            issuer: "https://id.example",
            required_scope: "icat",
            audiences: &audiences,
            max_age: Duration::from_hours(12),
            now: NOW,
        };
        let claims = serde_json::from_value(claims).unwrap();
        rules.check_unverified(&claims)?;
        rules.check_verified(&claims)
    }

    #[test]
    fn tokens_for_a_program_of_the_settings_are_valid() {
        for changes in [
            json!({}),
            json!({"aud": ["account", "icat"], "azp": null}),
            json!({"typ": "Bearer"}),
            json!({"typ": "ID", "aud": "icat", "azp": "icat"}),
            json!({"exp": NOW - 30}),
            json!({"iat": NOW + 120, "nbf": NOW + 120}),
            json!({"iat": NOW - 12 * 3600 - 30}),
        ] {
            assert_eq!(check_changed_claims(&changes), Ok(()), "{changes}");
        }
    }

    #[test]
    fn each_fault_has_a_reason_of_its_own() {
        for (changes, fault) in [
            (json!({"scope": null}), IssuerTokenFault::NoScope),
            (json!({"scope": ["icat"]}), IssuerTokenFault::NoScope),
            (json!({"scope": "openid icatx"}), IssuerTokenFault::Scope),
            (json!({"iss": null}), IssuerTokenFault::NoIssuer),
            (json!({"iss": "https://id.example/"}), IssuerTokenFault::Issuer),
            (json!({"exp": null}), IssuerTokenFault::Times(TimeFault::NoExpiry)),
            (json!({"exp": NOW - 31}), IssuerTokenFault::Times(TimeFault::Expired)),
            (json!({"iat": null}), IssuerTokenFault::Times(TimeFault::NoIssueTime)),
            (json!({"iat": NOW + 121}), IssuerTokenFault::Times(TimeFault::IssuedLater)),
            (json!({"iat": NOW - 12 * 3600 - 31}), IssuerTokenFault::Times(TimeFault::TooOld)),
            (json!({"nbf": NOW + 121}), IssuerTokenFault::Times(TimeFault::NotYetValid)),
            (json!({"nbf": "soon"}), IssuerTokenFault::Times(TimeFault::NotYetValid)),
            (json!({"azp": "other"}), IssuerTokenFault::Audience),
            (json!({"azp": null}), IssuerTokenFault::Audience),
            (json!({"typ": "Logout"}), IssuerTokenFault::TokenKind),
            (json!({"typ": "Refresh"}), IssuerTokenFault::TokenKind),
            (json!({"events": {}}), IssuerTokenFault::TokenKind),
        ] {
            assert_eq!(check_changed_claims(&changes), Err(fault), "{changes}");
        }
    }
}
