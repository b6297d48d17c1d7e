//! The times of tokens of identity providers (RFC 7519, 4.1), by a clock that may differ from the provider's.

use std::time::Duration;

use super::provider_claims::ProviderClaims;

/// How long after its end a token is accepted, because clocks differ.
const EXPIRY_LEEWAY: i64 = 30;
/// How far the clock of a provider may be ahead of ours.
const FUTURE_LEEWAY: i64 = 120;

/// Why a token is not valid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFault {
    NoExpiry,
    Expired,
    NoIssueTime,
    IssuedLater,
    TooOld,
    NotYetValid,
}

impl TimeFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NoIssueTime => "no_issue_time",
            Self::IssuedLater => "issued_later",
            Self::TooOld => "too_old",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

/// The first fault of the times of a token, which may have been issued `max_age` ago. `now` is in seconds since 1970 UTC.
pub fn check_times(claims: &ProviderClaims, max_age: Duration, now: i64) -> Result<(), TimeFault> {
    let expiry = claims.get_seconds("exp").ok_or(TimeFault::NoExpiry)?;
    if now > expiry.saturating_add(EXPIRY_LEEWAY) {
        return Err(TimeFault::Expired);
    }
    let age = now.saturating_sub(claims.get_seconds("iat").ok_or(TimeFault::NoIssueTime)?);
    if age < -FUTURE_LEEWAY {
        return Err(TimeFault::IssuedLater);
    }
    if age > i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX).saturating_add(EXPIRY_LEEWAY) {
        return Err(TimeFault::TooOld);
    }
    match claims.get("nbf").map(|_| claims.get_seconds("nbf")) {
        Some(start) if start.is_none_or(|start| start > now.saturating_add(FUTURE_LEEWAY)) => {
            Err(TimeFault::NotYetValid)
        }
        _ => Ok(()),
    }
}
