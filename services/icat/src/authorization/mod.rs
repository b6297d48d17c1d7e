//! Who may do what: rules, groups, public tables and public steps, as icat.server 6.2 combines them.
//!
//! Rules only add rights. A rule without grouping applies to everybody, a rule with a grouping to its members, found by
//! the exact user name of the session. Unless `catalogue.authorization` says otherwise, this is stricter than icat.server:
//! a table is public only by a rule that grants READ, and a rule that restricts by joins alone restricts.

mod readable_rows;
mod rule_cache;
mod rule_set;

pub use self::readable_rows::{DecidingRows, ReadableLimits, ReadableRows, find_readable_rows};
pub use self::rule_cache::RuleCache;
pub use self::rule_set::{Rights, RuleSet};

/// An operation that a rule's `crudFlags` can grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Create,
    Read,
    Update,
    Delete,
}

impl Operation {
    pub const ALL: [Self; 4] = [Self::Create, Self::Read, Self::Update, Self::Delete];

    /// The name in error messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Read => "READ",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// Whether its letter is among `crudFlags`, in either case as in icat.server.
    fn is_granted_by(self, flags: &str) -> bool {
        let letter = self.as_str().as_bytes()[0];
        flags.bytes().any(|flag| flag.eq_ignore_ascii_case(&letter))
    }
}
