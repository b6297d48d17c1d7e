//! `/logbook/{sessionId}/stats`: how much is written, for administrators.

pub mod count_per_day;
pub mod count_per_investigation;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::dates;
use crate::domain::filter::Filter;
use crate::error::Error;
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The first day.
    #[param(nullable = false, format = Date)]
    start_date: Option<String>,
    /// The last day.
    #[param(nullable = false, format = Date)]
    end_date: Option<String>,
}

impl Span {
    pub fn filter(&self, state: &State) -> Result<Filter, Error> {
        let day = |name, text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            // A time of day may follow.
            text.map(|text| dates::day(name, text.get(..10).unwrap_or(text), &state.zone)).transpose()
        };
        let from = day("startDate", &self.start_date)?.map(|(from, _)| from);
        let before = day("endDate", &self.end_date)?.map(|(_, before)| before);
        Ok(Filter { from, before, removed: Some(false), ..Filter::default() })
    }
}
