//! The viewer of HDF5 files, for links to datafiles in entries.

use icat_client::client::quote_string;
use identity::{Caller, Identity};
use service_kit::{Code, Problem};

use crate::error::Error;

/// Leads to the viewer.
pub struct DatafileViewer {
    identity: Identity,
    /// Empty: none.
    address: String,
}

impl DatafileViewer {
    pub fn new(identity: Identity, address: String) -> Self {
        Self { identity, address }
    }

    /// The address that shows a datafile of an investigation, at a place within the file if one is given.
    pub async fn find_address(
        &self,
        caller: &Caller,
        investigation: i64,
        location: &str,
        place: Option<&str>,
    ) -> Result<String, Problem> {
        if self.address.is_empty() {
            let text = "no viewer of HDF5 files is set up: logbook.h5_viewer";
            return Err(Problem::new(Code::NotImplemented, "logbook/no-viewer", text));
        }
        let Some(session) = caller.session() else {
            return Err(Error::Forbidden("files are opened with a session".to_owned()).into());
        };
        let query = format!(
            "SELECT f.id FROM Datafile f WHERE f.location = {} AND f.dataset.investigation.id = {investigation}",
            quote_string(location)
        );
        let found = self.identity.icat().search_rows(session.expose(), &query).await.map_err(|e| {
            Problem::new(Code::Unavailable, "logbook/icat-down", "ICAT does not answer; try again later").with_source(e)
        })?;
        let id = found.first().and_then(serde_json::Value::as_i64);
        let missing = || Problem::new(Code::NotFound, "logbook/no-datafile", format!("no datafile {location}"));
        let mut parameters = vec![("file", id.ok_or_else(missing)?.to_string())];
        parameters.extend(place.map(|place| ("path", format!("/{place}"))));
        let mut address = reqwest::Url::parse(&self.address).map_err(Problem::internal)?;
        address.query_pairs_mut().extend_pairs(parameters);
        Ok(address.to_string())
    }
}
