//! Entries of the audit log. They contain no secrets, and no name that is not the name of an account; other names are hidden.

use service_kit::Micros;

use super::origin::Origin;

/// The actor of what a command does, which knows no user.
pub const COMMAND_LINE: &str = "command line";

/// So many entries of a kind that anybody can cause are stored in an hour.
pub const MAX_ENTRIES_PER_HOUR: i64 = 20;
const HOUR: i64 = 3_600_000_000;

/// The beginning of the hour of a moment (UTC).
pub fn find_hour(moment: Micros) -> Micros {
    Micros::from_i64(moment.as_i64().div_euclid(HOUR).saturating_mul(HOUR))
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditKind {
    /// Credentials were checked.
    Login,
    /// A session was opened or a token given for one.
    Session,
    /// A refresh token was used.
    Refresh,
    /// A login ended before its time.
    Logout,
    /// A local account was created or changed.
    Account,
    /// The signing keys were changed.
    Key,
    /// An API key was created or revoked, or one that is no longer valid was used.
    ApiKey,
    /// A user was added to a group of the catalogue or removed from one, as an identity provider says.
    Group,
    /// An administrator changed what portals show about maintenance.
    Maintenance,
}

impl AuditKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Session => "session",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::Account => "account",
            Self::Key => "key",
            Self::ApiKey => "api_key",
            Self::Group => "group",
            Self::Maintenance => "maintenance",
        }
    }
}

/// An entry of the audit log, before it has a time.
#[derive(Debug, Clone)]
pub struct AuditEntry<'e> {
    pub kind: AuditKind,
    /// What happened or why it was refused, as a word for programs.
    pub reason: &'static str,
    /// Who did it, if not the user whom it concerns.
    pub actor: Option<&'e str>,
    /// ICAT user name.
    pub user_name: Option<&'e str>,
    /// The mechanism or identity provider.
    pub provider: Option<&'e str>,
    /// The client of a login, or the name of an API key or of a group.
    pub client: Option<&'e str>,
    pub sid_hash: Option<&'e str>,
    /// Whether the user name is a hidden text, of which there may be as many as somebody likes.
    pub has_hidden_name: bool,
    pub origin: &'e Origin,
}

impl<'e> AuditEntry<'e> {
    pub fn new(kind: AuditKind, reason: &'static str, origin: &'e Origin) -> Self {
        Self {
            kind,
            reason,
            actor: None,
            user_name: None,
            provider: None,
            client: None,
            sid_hash: None,
            has_hidden_name: false,
            origin,
        }
    }

    /// Whether anybody can cause as many as they like: refused logins and API keys, and refreshes in a loop. Of those with the same user, reason
    /// and address, [`MAX_ENTRIES_PER_HOUR`] are stored, and further ones are counted.
    pub fn is_limited(&self) -> bool {
        match self.kind {
            AuditKind::Login => self.reason != "accepted",
            AuditKind::Refresh => true,
            AuditKind::ApiKey => !matches!(self.reason, "created" | "revoked"),
            AuditKind::Session
            | AuditKind::Logout
            | AuditKind::Account
            | AuditKind::Key
            | AuditKind::Group
            | AuditKind::Maintenance => false,
        }
    }

    /// The user name under which it is counted: hidden ones are counted together.
    pub fn counted_user_name(&self) -> &str {
        if self.has_hidden_name { "" } else { self.user_name.unwrap_or_default() }
    }

    /// Whether it is so usual that others are not told: a refresh that was accepted.
    pub fn is_routine(&self) -> bool {
        self.kind == AuditKind::Refresh && self.reason == "accepted"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_can_cause_is_limited() {
        let origin = Origin::default();
        for (kind, reason, is_limited) in [
            (AuditKind::Login, "accepted", false),
            (AuditKind::Login, "wrong_password", true),
            (AuditKind::Refresh, "accepted", true),
            (AuditKind::Refresh, "reused", true),
            (AuditKind::Logout, "logged_out", false),
            (AuditKind::Account, "created", false),
            (AuditKind::ApiKey, "created", false),
            (AuditKind::ApiKey, "revoked", false),
            (AuditKind::ApiKey, "refused_expired", true),
        ] {
            assert_eq!(AuditEntry::new(kind, reason, &origin).is_limited(), is_limited, "{reason}");
        }
        let entry = AuditEntry { user_name: Some("db/x"), ..AuditEntry::new(AuditKind::Login, "refused", &origin) };
        assert_eq!(entry.counted_user_name(), "db/x");
        assert_eq!(AuditEntry { has_hidden_name: true, ..entry }.counted_user_name(), "");
    }

    #[test]
    fn hours_begin_on_the_hour() {
        for (moment, hour) in [(0, 0), (HOUR - 1, 0), (HOUR, HOUR), (-1, -HOUR)] {
            assert_eq!(find_hour(Micros::from_i64(moment)), Micros::from_i64(hour), "{moment}");
        }
    }
}
