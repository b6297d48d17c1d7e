//! `/logbook/{sessionId}/records` and `/logbook/keys`

pub mod list_keys;
pub mod list_records;
