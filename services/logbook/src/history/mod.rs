//! The history of logbooks: records that form a chain of hashes, and the signature that closes it.

pub mod close_worker;
pub mod signature;
pub mod signing_keys;
pub mod verify;
