//! What parsing and compiling depend on besides the text.

use jiff::tz::TimeZone;
use service_kit::{Engine, Micros};

/// What parsing a query depends on besides its text.
#[derive(Debug, Clone)]
pub struct ParseContext {
    /// The zone of times that are written without one.
    pub time_zone: TimeZone,
}

/// What a compiled query depends on besides its tree.
#[derive(Debug, Clone, Copy)]
pub struct QueryEnvironment<'a> {
    /// The session's user name, for `:user`.
    pub user: &'a str,
    /// For `CURRENT_TIMESTAMP`.
    pub now: Micros,
    /// For `CURRENT_DATE`: the start of the facility's day.
    pub start_of_today: Micros,
    pub engine: Engine,
    /// The most rows to fetch.
    pub row_cap: u64,
    /// Whether rows that the user may not read count as absent in FROM, JOIN, WHERE and sub-selects too. icat.server
    /// checks only what is selected, so that conditions can probe unreadable data.
    pub strict: bool,
    /// The user of the sets of granted rows; 0 for a user without a row. `None`: sets are not used, because the transaction may
    /// have changed rows that they follow from.
    pub granted_user: Option<i64>,
}
