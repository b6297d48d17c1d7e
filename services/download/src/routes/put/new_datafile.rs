//! What an upload says about its datafile, checked in the order and with the texts of ids.server.

use jiff::Timestamp;
use serde_json::{Value, json};
use service_kit::Problem;

use crate::domain::file_names;
use crate::error::bad_request;
use crate::routes::parameters::Parameters;

/// A datafile to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDatafile {
    pub name: String,
    pub dataset: i64,
    format: i64,
    description: Option<String>,
    doi: Option<String>,
    created: Option<Timestamp>,
    modified: Option<Timestamp>,
}

impl NewDatafile {
    pub fn of(parameters: &Parameters) -> Result<Self, Problem> {
        parameters.check_session()?;
        let name = parameters.get("name").ok_or_else(|| must_be_set("name"))?;
        let number = |name: &str| number(name, parameters.get(name));
        let required = |name: &str| number(name)?.ok_or_else(|| must_be_set(name));
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
        Ok(Self { name: name.to_owned(), dataset, format, description, doi, created, modified })
    }

    /// As ICAT takes it.
    pub fn entity(&self, location: &str, size: u64, crc: u32) -> Value {
        let mut members = json!({
            "name": self.name,
            "location": location,
            "fileSize": size,
            "checksum": format!("{crc:x}"),
            "dataset": {"id": self.dataset},
            "datafileFormat": {"id": self.format},
        });
        let optional = [
            ("description", self.description.clone()),
            ("doi", self.doi.clone()),
            ("datafileCreateTime", self.created.map(written)),
            ("datafileModTime", self.modified.map(written)),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                members[key] = value.into();
            }
        }
        json!({"Datafile": members})
    }
}

fn written(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn must_be_set(name: &str) -> Problem {
    bad_request(format!("The {name} parameter must be set"))
}

fn number(name: &str, value: Option<&str>) -> Result<Option<i64>, Problem> {
    let not_numeric = |_| bad_request(format!("The {name} parameter must be numeric"));
    value.map(|text| text.parse().map_err(not_numeric)).transpose()
}
