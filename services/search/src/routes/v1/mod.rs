//! Our own interface (`/search/v1`): one JSON body per search, typed rows, pages of one point in time, exact totals.

mod cursor;
mod days;
pub mod directories;
pub mod hits;
pub mod search;
pub mod search_body;
