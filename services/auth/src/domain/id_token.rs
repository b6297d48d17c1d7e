//! What makes an ID token valid for a login (`OpenID` Connect Core 1.0, 3.1.3.7), after its signature was verified.

use std::time::Duration;

use super::provider_claims::ProviderClaims;
use super::token_times::{TimeFault, check_times};

/// Older tokens are not of the login that is under way. ORCID's expire after twenty years.
const MAX_AGE: Duration = Duration::from_mins(10);
/// The claim of logout tokens (`OpenID` Connect Back-Channel Logout 1.0, 2.4), which no other token has.
const EVENTS: &str = "events";
/// The kind of an ID token in the claims of Keycloak, which signs all tokens with the same key and the same header.
const KEYCLOAK_ID_TOKEN: &str = "ID";

/// Why a token proves no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTokenFault {
    Times(TimeFault),
    NoIssuer,
    Issuer,
    NoAudience,
    Audience,
    AuthorizedParty,
    NoSubject,
    NoNonce,
    Nonce,
    LogoutToken,
    TokenKind,
}

impl IdTokenFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Times(fault) => fault.as_str(),
            Self::NoIssuer => "no_issuer",
            Self::Issuer => "issuer",
            Self::NoAudience => "no_audience",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::NoSubject => "no_subject",
            Self::NoNonce => "no_nonce",
            Self::Nonce => "nonce",
            Self::LogoutToken => "logout_token",
            Self::TokenKind => "token_kind",
        }
    }
}

/// What a token must state.
#[derive(Debug, Clone, Copy)]
pub struct IdTokenRules<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// The nonce that was sent with the request; `None` if somebody else made the request.
    pub nonce: Option<&'a str>,
    /// Seconds since 1970 UTC.
    pub now: i64,
}

impl IdTokenRules<'_> {
    /// The first fault of a token whose signature is right.
    pub fn check_claims(&self, claims: &ProviderClaims) -> Result<(), IdTokenFault> {
        check_kind(claims)?;
        self.check_parties(claims)?;
        check_times(claims, MAX_AGE, self.now).map_err(IdTokenFault::Times)?;
        claims.get_text("sub").ok_or(IdTokenFault::NoSubject)?;
        match (self.nonce, claims.get_text("nonce")) {
            (Some(_), None) => Err(IdTokenFault::NoNonce),
            (Some(sent), Some(returned)) if sent != returned => Err(IdTokenFault::Nonce),
            _ => Ok(()),
        }
    }

    fn check_parties(&self, claims: &ProviderClaims) -> Result<(), IdTokenFault> {
        if claims.get_text("iss").ok_or(IdTokenFault::NoIssuer)? != self.issuer {
            return Err(IdTokenFault::Issuer);
        }
        let audience = claims.list_texts("aud");
        if audience.is_empty() {
            return Err(IdTokenFault::NoAudience);
        }
        if !audience.contains(&self.client_id) {
            return Err(IdTokenFault::Audience);
        }
        match claims.get("azp") {
            None if audience.len() > 1 => Err(IdTokenFault::AuthorizedParty),
            Some(party) if party.as_str() != Some(self.client_id) => Err(IdTokenFault::AuthorizedParty),
            _ => Ok(()),
        }
    }
}

fn check_kind(claims: &ProviderClaims) -> Result<(), IdTokenFault> {
    if claims.get(EVENTS).is_some() {
        return Err(IdTokenFault::LogoutToken);
    }
    match claims.get_text("typ") {
        None | Some(KEYCLOAK_ID_TOKEN) => Ok(()),
        Some(_) => Err(IdTokenFault::TokenKind),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_768_208_400;
    const RULES: IdTokenRules<'static> =
        IdTokenRules { issuer: "https://id.example", client_id: "undulator", nonce: Some("n1"), now: NOW };

    fn valid_claims() -> Value {
        json!({"iss": "https://id.example", "aud": "undulator", "sub": "42", "exp": NOW + 300, "iat": NOW, "nonce": "n1"})
    }

    fn check_changed_claims(changes: &Value) -> Result<(), IdTokenFault> {
        let mut claims = valid_claims();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        RULES.check_claims(&serde_json::from_value(claims).unwrap())
    }

    #[test]
    fn a_token_for_this_login_is_accepted() {
        for changes in [
            json!({}),
            json!({"aud": ["undulator"]}),
            json!({"aud": ["undulator", "other"], "azp": "undulator"}),
            json!({"azp": "undulator", "typ": "ID"}),
            json!({"exp": NOW - 30}),
            json!({"iat": NOW + 120, "nbf": NOW + 120}),
            json!({"iat": NOW - 630, "exp": NOW + 630_000_000}),
        ] {
            assert_eq!(check_changed_claims(&changes), Ok(()), "{changes}");
        }
    }

    #[test]
    fn each_fault_has_a_reason_of_its_own() {
        for (changes, fault) in [
            (json!({"iss": null}), IdTokenFault::NoIssuer),
            (json!({"iss": "https://id.example/"}), IdTokenFault::Issuer),
            (json!({"aud": null}), IdTokenFault::NoAudience),
            (json!({"aud": [1]}), IdTokenFault::NoAudience),
            (json!({"aud": "other"}), IdTokenFault::Audience),
            (json!({"aud": ["undulator", "other"]}), IdTokenFault::AuthorizedParty),
            (json!({"azp": "other"}), IdTokenFault::AuthorizedParty),
            (json!({"azp": ["undulator"]}), IdTokenFault::AuthorizedParty),
            (json!({"sub": null}), IdTokenFault::NoSubject),
            (json!({"exp": null}), IdTokenFault::Times(TimeFault::NoExpiry)),
            (json!({"exp": "soon"}), IdTokenFault::Times(TimeFault::NoExpiry)),
            (json!({"exp": NOW - 31}), IdTokenFault::Times(TimeFault::Expired)),
            (json!({"iat": null}), IdTokenFault::Times(TimeFault::NoIssueTime)),
            (json!({"iat": NOW + 121}), IdTokenFault::Times(TimeFault::IssuedLater)),
            (json!({"iat": NOW - 631}), IdTokenFault::Times(TimeFault::TooOld)),
            (json!({"nbf": NOW + 121}), IdTokenFault::Times(TimeFault::NotYetValid)),
            (json!({"nbf": "later"}), IdTokenFault::Times(TimeFault::NotYetValid)),
            (json!({"nonce": null}), IdTokenFault::NoNonce),
            (json!({"nonce": "n2"}), IdTokenFault::Nonce),
            (json!({"events": {}}), IdTokenFault::LogoutToken),
            (json!({"typ": "Bearer"}), IdTokenFault::TokenKind),
        ] {
            assert_eq!(check_changed_claims(&changes), Err(fault), "{changes}");
        }
        let claims = serde_json::from_value(valid_claims()).unwrap();
        assert_eq!(
            IdTokenRules { nonce: None, ..RULES }.check_claims(&claims),
            Ok(()),
            "somebody else made the request"
        );
    }
}
