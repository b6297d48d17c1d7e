//! `/logbook/{sessionId}/event`

pub mod count;
pub mod create;
pub mod create_from_base64;
pub mod dates;
pub mod list;
pub mod page;
pub mod remove;
pub mod restore;
pub mod retag;
pub mod update;
