//! The identity of an index.

/// The identity of an index, and whether it was given just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexIdentity {
    pub text: String,
    pub is_new: bool,
}
