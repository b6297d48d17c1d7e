//! What portals keep here besides entries: banners, preferences, and one repair.

pub mod fill_instrument_names;
pub mod get_preferences;
pub mod list_messages;
pub mod set_message;
pub mod set_preferences;
