//! What programs write, with an API key in the path.

pub mod create_attachment;
pub mod create_entry_by_name;
pub mod create_entry_by_name_from_base64;
pub mod create_notification;
pub mod move_entries;

use serde::Deserialize;
use utoipa::IntoParams;

use crate::entries::beamline_entries::Target;

/// For whom a program writes.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct TargetQuery {
    #[param(nullable = false, value_type = Option<i64>)]
    investigation_id: Option<String>,
    /// The proposal.
    #[param(nullable = false)]
    investigation_name: Option<String>,
    /// One instrument, or several separated by commas, of which the first is used.
    #[param(nullable = false)]
    instrument_name: Option<String>,
}

impl From<TargetQuery> for Target {
    fn from(query: TargetQuery) -> Self {
        let TargetQuery { investigation_id, investigation_name, instrument_name } = query;
        Self { investigation_id, investigation_name, instrument_name }
    }
}
