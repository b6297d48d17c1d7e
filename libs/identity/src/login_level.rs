//! How and when a user proved who they are, and whether that is enough. Asking a provider for a level is not enough: it may answer
//! with success and a lower one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Clocks of two machines differ.
const LEEWAY: i64 = 30;
/// How far the clock of a provider may be ahead.
const FUTURE_LEEWAY: i64 = 120;
/// No level at all (ISO/IEC 29115; `OpenID` Connect Core 1.0, 2), whatever a list says.
pub const NO_LEVEL: &str = "0";

/// What is known of a login, with the names of claims (`OpenID` Connect Core 1.0, 2; RFC 9068, 2.2.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginLevel {
    /// The level, as the provider names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// The methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the user logged in, in seconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
}

/// What a login must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequiredLevel {
    /// Levels of which it must have one, or one of the methods.
    pub acr: Vec<String>,
    pub amr: Vec<String>,
    /// How long ago the user may have logged in.
    pub max_age: Option<Duration>,
}

/// Which demand is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelFault {
    /// The second factor that the facility demands.
    SecondFactor,
    /// Nobody says when the user logged in.
    NoAuthTime,
    AuthTimeLater,
    TooOld,
}

impl LevelFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecondFactor => "mfa_required",
            Self::NoAuthTime => "no_auth_time",
            Self::AuthTimeLater => "auth_time_later",
            Self::TooOld => "login_too_old",
        }
    }
}

impl RequiredLevel {
    /// The first demand that is not met. What is not known of the login meets none. `now` is in seconds since 1970 UTC.
    pub fn check_level(&self, level: &LoginLevel, now: i64) -> Result<(), LevelFault> {
        let has_level = |acr: &String| *acr != NO_LEVEL && self.acr.contains(acr);
        let is_met =
            level.acr.as_ref().is_some_and(has_level) || level.amr.iter().any(|method| self.amr.contains(method));
        let is_demanded = !self.acr.is_empty() || !self.amr.is_empty();
        if is_demanded && !is_met {
            return Err(LevelFault::SecondFactor);
        }
        self.max_age.map_or(Ok(()), |max_age| check_age(level.auth_time, max_age, now))
    }
}

/// Whether a login is recent. `auth_time` and `now` are in seconds since 1970 UTC.
pub fn check_age(auth_time: Option<i64>, max_age: Duration, now: i64) -> Result<(), LevelFault> {
    let age = now.saturating_sub(auth_time.ok_or(LevelFault::NoAuthTime)?);
    if age < -FUTURE_LEEWAY {
        return Err(LevelFault::AuthTimeLater);
    }
    let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
    if age > max_age.saturating_add(LEEWAY) { Err(LevelFault::TooOld) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_768_208_400;

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn login_level(acr: Option<&str>, amr: &[&str], auth_time: Option<i64>) -> LoginLevel {
        LoginLevel { acr: acr.map(str::to_owned), amr: texts(amr), auth_time }
    }

    #[test]
    fn one_of_the_levels_or_of_the_methods_is_enough_and_zero_never_is() {
        let required = RequiredLevel { acr: texts(&["mfa", "0"]), amr: texts(&["otp"]), max_age: None };
        for met in [login_level(Some("mfa"), &[], None), login_level(None, &["pwd", "otp"], None)] {
            assert_eq!(required.check_level(&met, NOW), Ok(()), "{met:?}");
        }
        for low in [
            login_level(None, &[], None),
            login_level(Some("0"), &[], None),
            login_level(Some("pwd"), &["pwd"], Some(NOW)),
            login_level(Some("otp"), &["mfa"], Some(NOW)),
        ] {
            assert_eq!(required.check_level(&low, NOW), Err(LevelFault::SecondFactor), "{low:?}");
        }
    }

    #[test]
    fn a_login_is_as_old_as_its_user_was_last_asked() {
        let required = RequiredLevel { max_age: Some(Duration::from_mins(1)), ..RequiredLevel::default() };
        for (auth_time, expected) in [
            (Some(NOW - 90), Ok(())),
            (Some(NOW + 120), Ok(())),
            (Some(NOW - 91), Err(LevelFault::TooOld)),
            (Some(NOW + 121), Err(LevelFault::AuthTimeLater)),
            (Some(i64::MIN), Err(LevelFault::TooOld)),
            (None, Err(LevelFault::NoAuthTime)),
        ] {
            assert_eq!(required.check_level(&login_level(None, &[], auth_time), NOW), expected, "{auth_time:?}");
        }
        let both = RequiredLevel { acr: texts(&["mfa"]), ..required };
        assert_eq!(both.check_level(&login_level(Some("mfa"), &[], Some(NOW - 91)), NOW), Err(LevelFault::TooOld));
    }
}
