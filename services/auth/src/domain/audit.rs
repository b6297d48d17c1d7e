//! Entries of the audit log. They contain no secrets, and no name that is not the name of an account.

use super::origin::Origin;

/// The actor of what a command does, which knows no user.
pub const COMMAND_LINE: &str = "command line";

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
    pub client: Option<&'e str>,
    pub sid_hash: Option<&'e str>,
    pub origin: &'e Origin,
}

impl<'e> AuditEntry<'e> {
    pub fn new(kind: AuditKind, reason: &'static str, origin: &'e Origin) -> Self {
        Self { kind, reason, actor: None, user_name: None, provider: None, client: None, sid_hash: None, origin }
    }

    /// Whether it is so usual that others are not told: a refresh that was accepted.
    pub fn is_routine(&self) -> bool {
        self.kind == AuditKind::Refresh && self.reason == "accepted"
    }
}
