//! What makes a logout token valid (`OpenID` Connect Back-Channel Logout 1.0, 2.4 and 2.6), after its signature was verified.

use super::provider_claims::ProviderClaims;

/// The member of `events` that makes a token a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Clocks of two machines differ.
const LEEWAY: i64 = 120;
/// Older tokens are repetitions.
const MAX_AGE: i64 = 600;

/// A logout at the provider: of one session, or of all sessions of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLogout {
    pub subject: Option<String>,
    pub session: Option<String>,
    /// When it happened, in seconds since 1970 UTC. Logins that began later go on.
    pub time: i64,
    /// The name of this token, which the provider uses once.
    pub token_id: String,
}

/// The logout that a token for one of our clients tells of; `None` if it is not valid. `now` is in seconds since 1970 UTC.
pub fn check_logout_token(claims: &ProviderClaims, issuer: &str, clients: &[&str], now: i64) -> Option<ProviderLogout> {
    let is_for_us = claims.get_text("iss") == Some(issuer)
        && claims.list_texts("aud").iter().any(|audience| clients.contains(audience));
    let is_logout = claims.get("events")?.get(LOGOUT_EVENT)?.is_object();
    // An ID token has one, and must not end a login.
    let has_nonce = claims.get("nonce").is_some();
    let time = claims.get_seconds("iat")?;
    let age = now.saturating_sub(time);
    let is_in_time = (-LEEWAY..=MAX_AGE).contains(&age) && now <= claims.get_seconds("exp")?.saturating_add(LEEWAY);
    let (subject, session) = (claims.get_text("sub").map(str::to_owned), claims.get_text("sid").map(str::to_owned));
    let names_somebody = subject.is_some() || session.is_some();
    let token_id = claims.get_text("jti")?.to_owned();
    (is_for_us && is_logout && !has_nonce && is_in_time && names_somebody).then_some(ProviderLogout {
        subject,
        session,
        time,
        token_id,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_768_208_400;

    fn check_changed_claims(changes: &Value) -> Option<ProviderLogout> {
        let mut claims = json!({"iss": "https://id.example", "aud": "undulator", "iat": NOW, "exp": NOW + 120, "jti": "j1",
            "sub": "42", "sid": "s1", "events": {LOGOUT_EVENT: {}}});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        check_logout_token(
            &serde_json::from_value(claims).unwrap(),
            "https://id.example",
            &["undulator", "undulator-cli"],
            NOW,
        )
    }

    #[test]
    fn a_logout_names_a_session_or_a_user() {
        let whole = check_changed_claims(&json!({})).unwrap();
        assert_eq!((whole.subject.as_deref(), whole.session.as_deref()), (Some("42"), Some("s1")));
        assert_eq!(check_changed_claims(&json!({"sid": null, "aud": "undulator-cli"})).unwrap().session, None);
        assert_eq!(check_changed_claims(&json!({"sub": null, "aud": ["undulator"]})).unwrap().subject, None);
        assert!(check_changed_claims(&json!({"iat": NOW - 600, "exp": NOW - 120})).is_some());
    }

    #[test]
    fn other_tokens_end_nothing() {
        for changes in [
            json!({"iss": "https://other.example"}),
            json!({"aud": "other"}),
            json!({"events": {}}),
            json!({"events": null}),
            json!({"events": {LOGOUT_EVENT: true}}),
            json!({"nonce": "n1"}),
            json!({"sub": null, "sid": null}),
            json!({"jti": null}),
            json!({"iat": null}),
            json!({"iat": NOW - 601}),
            json!({"iat": NOW + 121}),
            json!({"exp": null}),
            json!({"exp": NOW - 121}),
        ] {
            assert_eq!(check_changed_claims(&changes), None, "{changes}");
        }
    }
}
