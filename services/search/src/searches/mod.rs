//! Searches as people and portals ask for them: typed rows, pages of one point in time, exact totals. Both the interface
//! `/search/v1` and the page `/search/app` answer with them.

mod cursor;
mod days;
pub mod find_directories;
pub mod find_page;
pub mod find_values;
pub mod hits;
pub mod json_object;
pub mod search_body;

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::authorized_search::AuthorizedSearch;
use crate::points_in_time::PointsInTime;

/// Searches of the catalogue with the rights of callers.
pub struct CatalogueSearches {
    pub authorized: Arc<AuthorizedSearch>,
    pub points_in_time: PointsInTime,
    /// In which days begin and end.
    pub zone: TimeZone,
}
