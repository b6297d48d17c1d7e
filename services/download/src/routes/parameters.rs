//! The parameters of a request, from its query or its form.

use std::collections::HashMap;

use actix_web::{HttpRequest, web};
use service_kit::{CredentialLocation, Problem, RequestCredential};

use crate::domain::id_parameters;
use crate::error::bad_request;
use crate::selection::Selection;

/// The first value of a repeated parameter counts.
#[derive(Debug, Default)]
pub struct Parameters {
    values: HashMap<String, String>,
    credential: Option<RequestCredential>,
}

impl Parameters {
    pub fn from_query(request: &HttpRequest) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs.map_err(|e| bad_request(e.to_string()))?;
        Self::from_pairs(pairs.into_inner(), request)
    }

    pub fn from_form(form: web::Form<Vec<(String, String)>>, request: &HttpRequest) -> Result<Self, Problem> {
        Self::from_pairs(form.into_inner(), request)
    }

    pub fn from_pairs(pairs: Vec<(String, String)>, request: &HttpRequest) -> Result<Self, Problem> {
        let mut values: HashMap<String, String> = HashMap::new();
        for (key, value) in pairs {
            values.entry(key).or_insert(value);
        }
        let credential = RequestCredential::find_with_parameter(request, values.get("sessionId").map(String::as_str))?;
        Ok(Self { values, credential })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether the value is `true` in upper or lower case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The prepared id, if there is one; session and ids are ignored then.
    pub fn prepared_id(&self) -> Result<Option<&str>, Problem> {
        self.get("preparedId")
            .map(|id| id_parameters::parse_uuid("preparedId", Some(id)))
            .transpose()
            .map_err(Problem::from)
    }

    /// The bearer credential, or the parameter `sessionId`.
    pub fn credential(&self) -> Option<&str> {
        self.credential.as_ref().map(|credential| credential.text.as_str())
    }

    /// An error unless the session id is a UUID; it is not checked if there is a bearer credential.
    pub fn require_session_id(&self) -> Result<(), Problem> {
        if self.credential.as_ref().is_some_and(|found| found.location == CredentialLocation::Authorization) {
            return Ok(());
        }
        id_parameters::parse_uuid("sessionId", self.get("sessionId")).map(drop).map_err(Problem::from)
    }

    pub fn parse_selection(&self) -> Result<Selection, Problem> {
        let datafiles = id_parameters::parse_id_list("datafileIds", self.get("datafileIds"))?;
        let datasets = id_parameters::parse_id_list("datasetIds", self.get("datasetIds"))?;
        let investigations = id_parameters::parse_id_list("investigationIds", self.get("investigationIds"))?;
        Ok(Selection { investigations, datasets, datafiles })
    }
}
