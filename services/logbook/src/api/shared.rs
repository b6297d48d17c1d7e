//! What operations share: parameters, and the failures that each of them may answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use service_kit::openapi::{plain_text_response, response_entry, with_retry_after};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use crate::domain::invalid::Invalid;
use crate::domain::logbook::Logbook;

/// Who asks.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the extractor of callers reads it")]
pub struct Credential {
    /// A session id or, for programs, an API key. With `Authorization` or `X-Api-Key`, it can be any text, such as `-`.
    #[param(example = "-")]
    credential: String,
}

/// Failures that every operation may answer.
pub struct CommonFailures;

impl IntoResponses for CommonFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("400", plain_text_response("The request is invalid; the text gives the reason")),
            response_entry("401", plain_text_response("There is no session, or it has ended")),
            response_entry("413", plain_text_response("The body is too large")),
            response_entry("429", with_retry_after(plain_text_response("Too many requests from this address"))),
            response_entry("500", plain_text_response("An error of the server")),
            response_entry("502", plain_text_response("ICAT sent an unexpected response")),
            response_entry(
                "503",
                with_retry_after(plain_text_response("The server is too busy, or ICAT does not answer")),
            ),
        ])
    }
}

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "bytes are sent as they are")]
pub struct Binary(Vec<u8>);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct InvestigationQuery {
    #[param(nullable = false, value_type = Option<i64>)]
    pub investigation_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct LogbookQuery {
    #[param(nullable = false, value_type = Option<i64>)]
    pub investigation_id: Option<String>,
    #[param(nullable = false)]
    pub instrument_name: Option<String>,
}

impl LogbookQuery {
    /// The logbook that the request names.
    pub fn parse_logbook(&self) -> Result<Logbook, Invalid> {
        Logbook::parse(self.investigation_id.as_deref(), self.instrument_name.as_deref())
    }
}
