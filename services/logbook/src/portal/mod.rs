//! What a portal keeps here besides entries: banners, and the settings of its users.

pub mod banners;
pub mod preferences;
