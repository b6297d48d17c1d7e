//! What operations share: parameters, and the failures that each of them may answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use service_kit::openapi::{later, of, text};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use crate::domain::invalid::Invalid;
use crate::domain::logbook::Logbook;

/// Who asks.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "the extractor of callers reads it")]
pub struct Credential {
    /// A session id or, for programs, an API key. With `Authorization` or `X-Api-Key` it may be anything, such as `-`.
    #[param(example = "-")]
    credential: String,
}

/// Failures that every operation may answer.
pub struct CommonFailures;

impl IntoResponses for CommonFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            of("400", text("The request cannot be understood; the text says what is wrong")),
            of("401", text("No session, or one that has ended")),
            of("413", text("The body is too large")),
            of("429", later(text("Too many requests from this address"))),
            of("500", text("A fault of the server")),
            of("502", text("ICAT answered something unexpected")),
            of("503", later(text("Too busy, or ICAT does not answer"))),
        ])
    }
}

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "bytes are sent as they are")]
pub struct Binary(Vec<u8>);

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed as `ListParameters`")]
pub struct FilterQuery {
    #[param(nullable = false)]
    investigation_id: Option<i64>,
    #[param(nullable = false)]
    instrument_name: Option<String>,
    /// Such as `annotation-comment,notification-error,broadcast`.
    #[param(nullable = false)]
    types: Option<String>,
    /// Leaves out what belongs to an investigation.
    #[param(nullable = false)]
    filter_investigation: Option<bool>,
    /// A day, `2025-03-02`.
    #[param(nullable = false, format = Date)]
    date: Option<String>,
    /// Names; all must be there. One with a comma stands in quotation marks: `beam,"a, b"`.
    #[param(nullable = false)]
    tags: Option<String>,
    /// Names; any must be there.
    #[param(nullable = false)]
    or_tags: Option<String>,
    /// Names; none may be there.
    #[param(nullable = false)]
    not_tags: Option<String>,
    #[param(nullable = false, format = DateTime)]
    start_time: Option<String>,
    #[param(nullable = false, format = DateTime)]
    end_time: Option<String>,
}

/// What part of them, and in which order.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsed as `ListParameters`")]
pub struct ListQuery {
    /// A part of the text, without case and accents.
    #[param(nullable = false)]
    search: Option<String>,
    #[param(nullable = false, inline)]
    sort_by: Option<SortBy>,
    /// `1` ascending, `-1` descending; without it the newest is first, in a PDF the oldest.
    #[param(schema_with = sort_order, required = false)]
    sort_order: Option<i64>,
    #[param(nullable = false, minimum = 0)]
    skip: Option<i64>,
    #[param(nullable = false, minimum = 0)]
    limit: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
enum SortBy {
    #[serde(rename = "_id")]
    Id,
    #[serde(rename = "creationDate")]
    CreationDate,
    #[serde(rename = "createdAt")]
    CreatedAt,
    #[serde(rename = "updatedAt")]
    UpdatedAt,
}

fn sort_order() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([1, -1])).build()
}

/// An entry whose page is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "parsed as `ListParameters`")]
pub struct EntryQuery {
    #[serde(rename = "_id")]
    #[param(nullable = false)]
    id: Option<String>,
}

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
