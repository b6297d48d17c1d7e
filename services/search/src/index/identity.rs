//! The identity of an index.

/// The identity of an index, and whether it was given just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexIdentity {
    pub text: String,
    pub is_new: bool,
}

/// What the identities of all indices of one database have in common: the part before the dot.
pub fn find_database(identity: &str) -> &str {
    identity.split('.').next().unwrap_or(identity)
}
