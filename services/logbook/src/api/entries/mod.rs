//! `/logbook/{sessionId}/event`

pub mod count;
pub mod create;
pub mod create_from_base64;
pub mod find_page;
pub mod list;
pub mod list_days;
pub mod remove;
pub mod restore;
pub mod retag;
pub mod search;
pub mod stream;
pub mod update;
