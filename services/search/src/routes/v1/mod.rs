//! Our own interface (`/search/v1`): one JSON body per search, typed rows, pages of one point in time, exact totals.

pub mod directories;
pub mod index;
mod limit;
pub mod search;
pub mod values;
