//! What makes an ID token valid for a login (`OpenID` Connect Core 1.0, 3.1.3.7), after its signature was verified.

use std::time::Duration;

use super::provider_claims::ProviderClaims;

/// How long after its end a token is accepted, because clocks differ.
const EXPIRY_LEEWAY: i64 = 30;
/// How far the clock of a provider may be ahead of ours.
const FUTURE_LEEWAY: i64 = 120;
/// Older tokens are not of the login that is under way. ORCID's expire after twenty years.
const MAX_AGE: Duration = Duration::from_mins(10);
/// The claim of logout tokens (`OpenID` Connect Back-Channel Logout 1.0, 2.4), which no other token has.
const EVENTS: &str = "events";
/// The kind of an ID token in the claims of Keycloak, which signs all tokens with the same key and the same header.
const KEYCLOAK_ID_TOKEN: &str = "ID";

/// Why a token proves no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdTokenFault {
    NoIssuer,
    Issuer,
    NoAudience,
    Audience,
    AuthorizedParty,
    NoSubject,
    NoExpiry,
    Expired,
    NoIssueTime,
    IssuedLater,
    TooOld,
    NotYetValid,
    NoNonce,
    Nonce,
    LogoutToken,
    TokenKind,
}

impl IdTokenFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoIssuer => "no_issuer",
            Self::Issuer => "issuer",
            Self::NoAudience => "no_audience",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::NoSubject => "no_subject",
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NoIssueTime => "no_issue_time",
            Self::IssuedLater => "issued_later",
            Self::TooOld => "too_old",
            Self::NotYetValid => "not_yet_valid",
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
        self.check_times(claims)?;
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

    fn check_times(&self, claims: &ProviderClaims) -> Result<(), IdTokenFault> {
        let expiry = claims.get_seconds("exp").ok_or(IdTokenFault::NoExpiry)?;
        if self.now > expiry.saturating_add(EXPIRY_LEEWAY) {
            return Err(IdTokenFault::Expired);
        }
        let issued = claims.get_seconds("iat").ok_or(IdTokenFault::NoIssueTime)?;
        let age = self.now.saturating_sub(issued);
        if age < -FUTURE_LEEWAY {
            return Err(IdTokenFault::IssuedLater);
        }
        if age > MAX_AGE.as_secs().cast_signed() + EXPIRY_LEEWAY {
            return Err(IdTokenFault::TooOld);
        }
        match claims.get("nbf").map(|_| claims.get_seconds("nbf")) {
            Some(Some(start)) if start > self.now.saturating_add(FUTURE_LEEWAY) => Err(IdTokenFault::NotYetValid),
            Some(None) => Err(IdTokenFault::NotYetValid),
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
            (json!({"exp": null}), IdTokenFault::NoExpiry),
            (json!({"exp": "soon"}), IdTokenFault::NoExpiry),
            (json!({"exp": NOW - 31}), IdTokenFault::Expired),
            (json!({"iat": null}), IdTokenFault::NoIssueTime),
            (json!({"iat": NOW + 121}), IdTokenFault::IssuedLater),
            (json!({"iat": NOW - 631}), IdTokenFault::TooOld),
            (json!({"nbf": NOW + 121}), IdTokenFault::NotYetValid),
            (json!({"nbf": "later"}), IdTokenFault::NotYetValid),
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
