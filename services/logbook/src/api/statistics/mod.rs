//! `/logbook/{sessionId}/stats`: how much is written, for administrators.

pub mod count_per_day;
pub mod count_per_investigation;

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct DaysQuery {
    /// The first day.
    #[param(nullable = false, format = Date)]
    start_date: Option<String>,
    /// The last day.
    #[param(nullable = false, format = Date)]
    end_date: Option<String>,
}
