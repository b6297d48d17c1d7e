//! How a user must have proved who they are: the second factor and the age of a login, as the provider states them. Asking
//! is not enough: Keycloak answers a demand for a level that it does not have with success and a lower one.

use std::time::Duration;

pub use identity::login_level::LevelFault;
use identity::login_level::{NO_LEVEL, check_age};

use super::provider_claims::ProviderClaims;

/// What a provider must state of a login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredLevel {
    /// Accepted values of `acr`; empty: every one.
    pub acr: Vec<String>,
    /// Methods of which `amr` must have one (RFC 8176); empty: none.
    pub amr: Vec<String>,
    /// The same for the authentication contexts of Microsoft Entra (`acrs`).
    pub acrs: Vec<String>,
    /// How long ago the user may have logged in at the provider.
    pub max_age: Option<Duration>,
}

impl RequiredLevel {
    /// Whether anything but the age is demanded.
    pub fn has_second_factor(&self) -> bool {
        !(self.acr.is_empty() && self.amr.is_empty() && self.acrs.is_empty())
    }

    /// The first demand that is not met. A missing claim meets none. `now` is in seconds since 1970 UTC.
    pub fn check_claims(&self, claims: &ProviderClaims, now: i64) -> Result<(), LevelFault> {
        if self.has_second_factor() && !self.has_level(claims) {
            return Err(LevelFault::SecondFactor);
        }
        self.max_age.map_or(Ok(()), |max_age| check_age(claims.get_seconds("auth_time"), max_age, now))
    }

    /// Any of the demands that the settings list is enough, because providers state the same thing in different claims.
    fn has_level(&self, claims: &ProviderClaims) -> bool {
        let is_listed = |accepted: &[String], stated: &[&str]| stated.iter().any(|s| accepted.iter().any(|a| a == s));
        let acr: Vec<&str> = claims.get_text("acr").into_iter().filter(|level| *level != NO_LEVEL).collect();
        is_listed(&self.acr, &acr)
            || is_listed(&self.amr, &claims.list_texts("amr"))
            || is_listed(&self.acrs, &claims.list_texts("acrs"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_768_208_400;

    fn check_level(level: &RequiredLevel, claims: &Value) -> Result<(), LevelFault> {
        level.check_claims(&serde_json::from_value(claims.clone()).unwrap(), NOW)
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn a_second_factor_is_what_the_provider_states_in_a_listed_value() {
        let acr = RequiredLevel { acr: texts(&["mfa", "0"]), ..RequiredLevel::default() };
        assert_eq!(check_level(&acr, &json!({"acr": "mfa"})), Ok(()));
        for low in [json!({}), json!({"acr": "pwd"}), json!({"acr": "0"}), json!({"acr": 2}), json!({"acr": ["mfa"]})] {
            assert_eq!(check_level(&acr, &low), Err(LevelFault::SecondFactor), "{low}");
        }
        let amr = RequiredLevel { amr: texts(&["otp", "mfa"]), ..RequiredLevel::default() };
        for met in [json!(["pwd", "otp"]), json!("mfa")] {
            assert_eq!(check_level(&amr, &json!({"amr": met})), Ok(()));
        }
        for low in [json!(["pwd"]), json!([]), json!("otpx"), json!("pwd otp"), json!({"otp": true}), json!([1])] {
            assert_eq!(check_level(&amr, &json!({"amr": low})), Err(LevelFault::SecondFactor), "{low}");
        }
        let entra = RequiredLevel { acrs: texts(&["c1"]), ..RequiredLevel::default() };
        assert_eq!(check_level(&entra, &json!({"acrs": ["c1", "c2"]})), Ok(()));
        assert_eq!(check_level(&entra, &json!({"acr": "c1"})), Err(LevelFault::SecondFactor));
        assert_eq!(check_level(&RequiredLevel::default(), &json!({})), Ok(()));
    }

    #[test]
    fn the_age_of_a_login_is_what_the_provider_states() {
        let level = RequiredLevel { max_age: Some(Duration::from_mins(1)), ..RequiredLevel::default() };
        let check_time = |time: Value| check_level(&level, &json!({"auth_time": time}));
        assert_eq!((check_time(json!(NOW - 90)), check_time(json!(NOW + 120))), (Ok(()), Ok(())));
        assert_eq!(check_time(json!(NOW - 91)), Err(LevelFault::TooOld));
        assert_eq!(check_time(json!(NOW + 121)), Err(LevelFault::AuthTimeLater));
        assert_eq!(check_time(json!("now")), Err(LevelFault::NoAuthTime));
    }
}
