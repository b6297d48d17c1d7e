//! The chain of a logbook's records: each has the hash of the one before, so that nobody can change or drop one unnoticed.

use aws_lc_rs::digest::{SHA256, digest};
use service_kit::Micros;

use crate::domain::ids::{encode_hex, join_parts};

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    Created,
    Changed,
    Removed,
    Restored,
    Tagged,
    MovedOut,
    MovedIn,
    Closed,
}

impl RecordKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Restored => "restored",
            Self::Tagged => "tagged",
            Self::MovedOut => "moved-out",
            Self::MovedIn => "moved-in",
            Self::Closed => "closed",
        }
    }
}

/// What is hashed of a record.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    pub logbook: &'a str,
    /// From 1.
    pub n: i64,
    pub kind: &'a str,
    pub at: Micros,
    pub actor: &'a str,
    /// JSON as it is stored.
    pub body: &'a str,
    /// The hash of record n − 1; empty for the first.
    pub previous: &'a str,
}

/// SHA-256 in hexadecimal over the parts.
pub fn hash_link(link: &Link<'_>) -> String {
    let (n, at) = (link.n.to_string(), link.at.as_i64().to_string());
    let text = join_parts(
        "undulator logbook record 1",
        &[link.logbook, &n, link.kind, &at, link.actor, link.body, link.previous],
    );
    encode_hex(digest(&SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_parts_cannot_be_moved_into_one_another() {
        let link = Link {
            logbook: "facility",
            n: 1,
            kind: "created",
            at: Micros::from_i64(5),
            actor: "db/a",
            body: "{}",
            previous: "",
        };
        let others = [
            Link { logbook: "instrument/x", ..link },
            Link { n: 2, ..link },
            Link { kind: "changed", ..link },
            Link { at: Micros::from_i64(6), ..link },
            Link { actor: "db/b", ..link },
            Link { body: "[]", ..link },
            Link { previous: "00", ..link },
            Link { actor: "db/a\n2:{}", body: "", ..link },
        ];
        let first = hash_link(&link);
        assert_eq!(first.len(), 64);
        for other in others {
            assert_ne!(hash_link(&other), first, "{other:?}");
        }
        assert_eq!(hash_link(&link), first);
    }
}
