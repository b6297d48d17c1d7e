//! What portals keep here besides entries: banners, preferences, and one repair.

pub mod get_preferences;
pub mod instrument_name;
pub mod messages;
pub mod set_message;
pub mod set_preferences;
