//! The parameters of an upload that describe its datafile, checked in the order and with the texts of ids.server.

use jiff::Timestamp;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::domain::file_names;
use crate::domain::new_datafile::NewDatafile;
use crate::error::bad_request;
use crate::routes::caller::SentCredential;

/// The datafile of a new file.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct DatafileParameters {
    /// ICAT session id; alternative to `Authorization: Bearer`.
    #[param(nullable = false)]
    pub session_id: Option<String>,
    /// `Datafile.name`
    #[param(value_type = String, required = true)]
    name: Option<String>,
    #[param(value_type = i64, required = true)]
    dataset_id: Option<String>,
    #[param(value_type = i64, required = true)]
    datafile_format_id: Option<String>,
    #[param(nullable = false)]
    description: Option<String>,
    #[param(nullable = false)]
    doi: Option<String>,
    /// Milliseconds since 1970 UTC.
    #[param(value_type = Option<i64>, nullable = false)]
    datafile_create_time: Option<String>,
    /// Milliseconds since 1970 UTC.
    #[param(value_type = Option<i64>, nullable = false)]
    datafile_mod_time: Option<String>,
}

pub fn parse_new_datafile(parameters: DatafileParameters, credential: &SentCredential) -> Result<NewDatafile, Problem> {
    credential.require_well_formed()?;
    let name = parameters.name.ok_or_else(|| missing_parameter("name"))?;
    let required = |name: &str, value: Option<&str>| parse_number(name, value)?.ok_or_else(|| missing_parameter(name));
    let time = |name: &str, value: Option<&str>| {
        let millis = parse_number(name, value)?;
        let moment = millis.map(Timestamp::from_millisecond).transpose();
        moment.map_err(|_| bad_request(format!("The {name} parameter is no time")))
    };
    let format = required("datafileFormatId", parameters.datafile_format_id.as_deref())?;
    let dataset = required("datasetId", parameters.dataset_id.as_deref())?;
    let created = time("datafileCreateTime", parameters.datafile_create_time.as_deref())?;
    let modified = time("datafileModTime", parameters.datafile_mod_time.as_deref())?;
    if !file_names::is_storable(&name) {
        return Err(bad_request(
            "The name parameter must have 1 to 255 characters, none of them a control character, and no part . or ..",
        ));
    }
    let DatafileParameters { description, doi, .. } = parameters;
    Ok(NewDatafile { name, dataset, format, description, doi, created, modified })
}

fn missing_parameter(name: &str) -> Problem {
    bad_request(format!("The {name} parameter must be set"))
}

fn parse_number(name: &str, value: Option<&str>) -> Result<Option<i64>, Problem> {
    let not_numeric = |_| bad_request(format!("The {name} parameter must be numeric"));
    value.map(|text| text.parse().map_err(not_numeric)).transpose()
}
