//! When a refresh token renews a login (RFC 6749, 10.4; RFC 9700, 4.14.2).

use std::time::Duration;

use service_kit::Micros;

use super::client_id::ClientId;

/// How long logins with refresh tokens last.
#[derive(Debug, Clone, Copy)]
pub struct LoginLifetimes {
    /// From the login, however often it is renewed.
    pub absolute: Duration,
    /// Since the last renewal.
    pub idle: Duration,
    /// How long a token that was replaced may be used again: two tabs of a browser may send the same one, and an answer may
    /// be lost.
    pub grace: Duration,
}

/// Whole seconds until a login ends; the one that has begun counts.
pub fn seconds_until(end: Micros, now: Micros) -> i64 {
    let left = end.duration_since(now);
    i64::try_from(left.as_secs()).unwrap_or(i64::MAX).saturating_add(i64::from(left.subsec_nanos() > 0))
}

/// What a renewal depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewableLogin {
    pub client: String,
    pub ends_at: Micros,
    pub idle_ends_at: Micros,
    pub is_ended: bool,
    /// Whether the client presents an access token of another login.
    pub is_other_login: bool,
    /// When the presented token was replaced.
    pub consumed_at: Option<Micros>,
}

/// Whether a refresh token renews its login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    Allowed,
    Ended,
    Expired,
    /// The token was given to another client.
    OtherClient,
    /// The access token beside it is not of its login.
    OtherLogin,
    /// The token was replaced too long ago: it was copied, or the answer with its successor was.
    Reused,
}

impl Renewal {
    pub fn judge(login: &RenewableLogin, client: &ClientId, now: Micros, grace: Duration) -> Self {
        if login.is_ended {
            Self::Ended
        } else if login.consumed_at.is_some_and(|at| now.duration_since(at) > grace) {
            Self::Reused
        } else if now >= login.ends_at || now >= login.idle_ends_at {
            Self::Expired
        } else if login.client != client.as_str() {
            Self::OtherClient
        } else if login.is_other_login {
            Self::OtherLogin
        } else {
            Self::Allowed
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "accepted",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::OtherClient => "other_client",
            Self::OtherLogin => "other_login",
            Self::Reused => "reused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(20);

    fn seconds(n: i64) -> Micros {
        Micros::from_i64(n * 1_000_000)
    }

    fn login() -> RenewableLogin {
        RenewableLogin {
            client: "cli".to_owned(),
            ends_at: seconds(1000),
            idle_ends_at: seconds(500),
            is_ended: false,
            is_other_login: false,
            consumed_at: None,
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_never_negative() {
        for (end, seconds) in [(10_000_000, 10), (9_000_001, 10), (9_000_000, 9), (0, 0), (-5_000_000, 0)] {
            assert_eq!(seconds_until(Micros::from_i64(end), Micros::from_i64(0)), seconds, "{end}");
        }
    }

    #[test]
    fn a_token_renews_its_login_until_one_of_its_ends() {
        let judge = |login: RenewableLogin, client: &str, now: i64| {
            Renewal::judge(&login, &ClientId::parse(client).unwrap(), seconds(now), GRACE)
        };
        assert_eq!(judge(login(), "cli", 499), Renewal::Allowed);
        assert_eq!(judge(login(), "cli", 500), Renewal::Expired);
        assert_eq!(judge(RenewableLogin { idle_ends_at: seconds(2000), ..login() }, "cli", 1000), Renewal::Expired);
        assert_eq!(judge(login(), "other", 1), Renewal::OtherClient);
        assert_eq!(judge(RenewableLogin { is_other_login: true, ..login() }, "cli", 1), Renewal::OtherLogin);
        assert_eq!(judge(RenewableLogin { is_ended: true, ..login() }, "cli", 1), Renewal::Ended);
        let consumed = || RenewableLogin { consumed_at: Some(seconds(100)), ..login() };
        // The clock of another replica may be behind.
        for within in [90, 100, 120] {
            assert_eq!(judge(consumed(), "cli", within), Renewal::Allowed, "{within}");
        }
        assert_eq!(judge(consumed(), "cli", 121), Renewal::Reused);
        assert_eq!(judge(consumed(), "other", 121), Renewal::Reused, "whoever has it");
        assert_eq!(judge(consumed(), "cli", 700), Renewal::Reused);
    }
}
