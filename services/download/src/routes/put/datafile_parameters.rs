//! The parameters of an upload that describe its datafile, checked in the order and with the texts of ids.server.

use jiff::Timestamp;
use service_kit::Problem;

use crate::domain::file_names;
use crate::domain::new_datafile::NewDatafile;
use crate::error::bad_request;
use crate::routes::parameters::Parameters;

pub fn parse_new_datafile(parameters: &Parameters) -> Result<NewDatafile, Problem> {
    parameters.require_session_id()?;
    let name = parameters.get("name").ok_or_else(|| missing_parameter("name"))?;
    let number = |name: &str| parse_number(name, parameters.get(name));
    let required = |name: &str| number(name)?.ok_or_else(|| missing_parameter(name));
    let time = |name: &str| {
        let millis = number(name)?;
        let moment = millis.map(Timestamp::from_millisecond).transpose();
        moment.map_err(|_| bad_request(format!("The {name} parameter is no time")))
    };
    let (format, dataset) = (required("datafileFormatId")?, required("datasetId")?);
    let (created, modified) = (time("datafileCreateTime")?, time("datafileModTime")?);
    if !file_names::is_storable(name) {
        return Err(bad_request(
            "The name parameter must have 1 to 255 characters, none of them a control character, and no part . or ..",
        ));
    }
    let text = |name: &str| parameters.get(name).map(str::to_owned);
    let (description, doi) = (text("description"), text("doi"));
    Ok(NewDatafile { name: name.to_owned(), dataset, format, description, doi, created, modified })
}

fn missing_parameter(name: &str) -> Problem {
    bad_request(format!("The {name} parameter must be set"))
}

fn parse_number(name: &str, value: Option<&str>) -> Result<Option<i64>, Problem> {
    let not_numeric = |_| bad_request(format!("The {name} parameter must be numeric"));
    value.map(|text| text.parse().map_err(not_numeric)).transpose()
}
