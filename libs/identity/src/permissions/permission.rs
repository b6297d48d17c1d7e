//! Permissions, and decisions about them.

use service_kit::{Code, Problem};

use crate::required_levels::MissingLevel;

/// What API keys and access tokens can be made for.
pub const SCOPES: [&str; 5] = ["read", "logbook:read", "logbook:write", "doi:mint", "admin"];

/// A question; ids are those of ICAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    ReadInvestigation(i64),
    ReadDataset(i64),
    ReadDatafile(i64),
    /// As the investigation itself.
    ReadLogbook(i64),
    /// Members and instrument scientists until the release, administrators always.
    WriteLogbook(i64),
    /// Instrument scientists of the instrument, and administrators: to read what belongs to no investigation there.
    ReadInstrumentLogbook(i64),
    /// The same, to write it.
    WriteInstrumentLogbook(i64),
    /// Principal investigators and administrators.
    MintFor(i64),
    Administer,
}

impl Permission {
    /// What an API key must have been made for.
    pub fn required_scope(self) -> &'static str {
        match self {
            Self::ReadInvestigation(_) | Self::ReadDataset(_) | Self::ReadDatafile(_) => "read",
            Self::ReadLogbook(_) | Self::ReadInstrumentLogbook(_) => "logbook:read",
            Self::WriteLogbook(_) | Self::WriteInstrumentLogbook(_) => "logbook:write",
            Self::MintFor(_) => "doi:mint",
            Self::Administer => "admin",
        }
    }

    pub(super) fn checked_row(self) -> Option<(&'static str, i64)> {
        match self {
            Self::ReadInvestigation(id) | Self::ReadLogbook(id) | Self::WriteLogbook(id) | Self::MintFor(id) => {
                Some(("Investigation", id))
            }
            Self::ReadDataset(id) => Some(("Dataset", id)),
            Self::ReadDatafile(id) => Some(("Datafile", id)),
            Self::ReadInstrumentLogbook(id) | Self::WriteInstrumentLogbook(id) => Some(("Instrument", id)),
            Self::Administer => None,
        }
    }
}

/// An answer and the rule it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    /// For people: which fact allowed it, or what was missing.
    pub rule: String,
    /// What the login of the user lacks, whose rights would allow it.
    pub missing_level: Option<MissingLevel>,
}

impl Decision {
    pub fn allow(rule: impl Into<String>) -> Self {
        Self { allowed: true, rule: rule.into(), missing_level: None }
    }

    pub fn deny(rule: impl Into<String>) -> Self {
        Self { allowed: false, rule: rule.into(), missing_level: None }
    }

    /// For somebody whose rights would allow it.
    pub fn deny_level(missing: MissingLevel) -> Self {
        Self { allowed: false, rule: missing.render_text(), missing_level: Some(missing) }
    }

    /// An error unless it is allowed: [`Code::Unauthenticated`] with a challenge if another login of the user is enough, else
    /// [`Code::Forbidden`] with the rule.
    pub fn require_allowed(self) -> Result<(), Problem> {
        self.require_allowed_or(|rule| {
            Problem::new(Code::Forbidden, "identity/forbidden", format!("not allowed: {rule}"))
        })
    }

    /// The same with another error where the rights do not allow it; it is given the rule.
    pub fn require_allowed_or<E: From<Problem>>(self, forbid: impl FnOnce(String) -> E) -> Result<(), E> {
        match self {
            Self { allowed: true, .. } => Ok(()),
            Self { missing_level: Some(missing), .. } => Err(Problem::from(missing).into()),
            Self { rule, .. } => Err(forbid(rule)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_required_scope_exists() {
        for permission in [
            Permission::ReadInvestigation(1),
            Permission::ReadDataset(1),
            Permission::ReadDatafile(1),
            Permission::ReadLogbook(1),
            Permission::WriteLogbook(1),
            Permission::ReadInstrumentLogbook(1),
            Permission::WriteInstrumentLogbook(1),
            Permission::MintFor(1),
            Permission::Administer,
        ] {
            assert!(SCOPES.contains(&permission.required_scope()), "{permission:?}");
        }
    }
}
