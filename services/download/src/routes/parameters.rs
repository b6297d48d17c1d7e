//! The parameters that many operations share.

use serde::Deserialize;
use service_kit::Problem;
use utoipa::{IntoParams, ToSchema};

use crate::domain::id_parameters::{parse_id_list, parse_uuid};
use crate::selection::Selection;

/// Whether the value is `true` in upper or lower case.
pub fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A selection of files. Without ids it is empty.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
#[schema(as = SelectionForm)]
pub struct SelectionParameters {
    /// ICAT session id; alternative to `Authorization: Bearer`.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    #[schema(nullable = false)]
    pub session_id: Option<String>,
    /// The response of `prepareData`, if the operation accepts one. The session and the ids are then ignored.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    #[schema(nullable = false)]
    pub prepared_id: Option<String>,
    /// Comma-separated ids.
    #[param(nullable = false, example = "1,2,3")]
    #[schema(nullable = false)]
    pub datafile_ids: Option<String>,
    /// Comma-separated ids; all files that belong to them are selected.
    #[param(nullable = false, example = "1,2,3")]
    #[schema(nullable = false)]
    pub dataset_ids: Option<String>,
    /// Comma-separated ids; all files that belong to them are selected.
    #[param(nullable = false, example = "1,2,3")]
    #[schema(nullable = false)]
    pub investigation_ids: Option<String>,
}

impl SelectionParameters {
    /// The prepared id, if there is one; session and ids are ignored then.
    pub fn parse_prepared_id(&self) -> Result<Option<&str>, Problem> {
        let id = self.prepared_id.as_deref();
        id.map(|id| parse_uuid("preparedId", Some(id))).transpose().map_err(Problem::from)
    }

    /// The three lists of ids.
    pub fn parse_selection(&self) -> Result<Selection, Problem> {
        let datafiles = parse_id_list("datafileIds", self.datafile_ids.as_deref())?;
        let datasets = parse_id_list("datasetIds", self.dataset_ids.as_deref())?;
        let investigations = parse_id_list("investigationIds", self.investigation_ids.as_deref())?;
        Ok(Selection { investigations, datasets, datafiles })
    }
}
