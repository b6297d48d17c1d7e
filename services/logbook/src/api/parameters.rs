//! Parameters that several operations have.

#![expect(dead_code, reason = "lists are read as `Parameters`; these say what there is")]

use serde::Deserialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

/// Who asks.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct Credential {
    /// A session id or, for programs, an API key. With `Authorization` or `X-Api-Key` it may be anything, such as `-`.
    #[param(example = "-")]
    credential: String,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
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
pub struct BookQuery {
    #[param(nullable = false, value_type = Option<i64>)]
    pub investigation_id: Option<String>,
    #[param(nullable = false)]
    pub instrument_name: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, phrases in quotation marks, beginnings with `*`.
    search: String,
    #[param(nullable = false, minimum = 1)]
    limit: Option<i64>,
    /// `next` of the answer before: what follows it.
    #[param(nullable = false)]
    before: Option<String>,
}

/// Of a CSV.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CsvQuery {
    /// Begins with a byte order mark, by which spreadsheets know UTF-8.
    #[param(nullable = false)]
    bom: Option<bool>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// As `Last-Event-ID`, for clients that cannot send it.
    #[param(nullable = false)]
    pub after: Option<String>,
}
