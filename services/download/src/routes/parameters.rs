//! The parameters of a call, from its address or its form.

use std::collections::HashMap;

use actix_web::{HttpRequest, web};
use service_kit::{Problem, bearer_credential};

use crate::domain::id_parameters;
use crate::error::bad_request;
use crate::selection::Selection;

/// Of a repeated parameter the first value counts.
#[derive(Debug, Default)]
pub struct Parameters {
    values: HashMap<String, String>,
    /// The credential of `Authorization: Bearer`.
    pub bearer: Option<String>,
}

impl Parameters {
    pub fn from_query(request: &HttpRequest) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs.map_err(|e| bad_request(e.to_string()))?;
        Ok(Self::from_pairs(pairs.into_inner(), request))
    }

    pub fn from_form(form: web::Form<Vec<(String, String)>>, request: &HttpRequest) -> Self {
        Self::from_pairs(form.into_inner(), request)
    }

    pub fn from_pairs(pairs: Vec<(String, String)>, request: &HttpRequest) -> Self {
        let mut values = HashMap::new();
        for (key, value) in pairs {
            values.entry(key).or_insert(value);
        }
        Self { values, bearer: bearer_credential(request).map(str::to_owned) }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Only `true` is true, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The prepared id, if the call has one; it wins over session and ids.
    pub fn prepared_id(&self) -> Result<Option<&str>, Problem> {
        self.get("preparedId")
            .map(|id| id_parameters::parse_uuid("preparedId", Some(id)))
            .transpose()
            .map_err(Problem::from)
    }

    /// The bearer credential; only without one, the session id of the parameter.
    pub fn credential(&self) -> Option<&str> {
        self.bearer.as_deref().or_else(|| self.get("sessionId"))
    }

    /// The session id must have its form, if it is what counts.
    pub fn require_session_id(&self) -> Result<(), Problem> {
        if self.bearer.is_some() {
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
