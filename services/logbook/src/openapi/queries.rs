//! Parameters that several operations have.

#![expect(dead_code, reason = "lists are read as `Parameters`; these say what there is")]

use serde::Deserialize;
use utoipa::IntoParams;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct FilterQuery {
    #[param(nullable = false)]
    investigation_id: Option<String>,
    #[param(nullable = false)]
    instrument_name: Option<String>,
    /// Such as `annotation-comment,notification-error,broadcast`.
    #[param(nullable = false)]
    types: Option<String>,
    /// Leaves out what belongs to an investigation.
    #[param(nullable = false)]
    filter_investigation: Option<bool>,
    /// A day, `2025-03-02`.
    #[param(nullable = false)]
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
    #[param(nullable = false)]
    start_time: Option<String>,
    #[param(nullable = false)]
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
    /// `json`, or for a file `pdf`, `eln`, `csv`, `txt` or `jsonl`.
    #[param(nullable = false)]
    format: Option<String>,
    /// `true`: a CSV begins with a byte order mark, by which spreadsheets know UTF-8.
    #[param(nullable = false)]
    bom: Option<bool>,
    /// `_id`, `creationDate`, `createdAt` or `updatedAt`.
    #[param(nullable = false)]
    sort_by: Option<String>,
    /// `1` ascending, `-1` descending; without it the newest is first, in a PDF the oldest.
    #[param(nullable = false)]
    sort_order: Option<String>,
    #[param(nullable = false)]
    skip: Option<String>,
    #[param(nullable = false)]
    limit: Option<String>,
    /// An entry, where its page is asked for.
    #[serde(rename = "_id")]
    #[param(nullable = false)]
    id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct InvestigationQuery {
    #[param(nullable = false)]
    pub investigation_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct BookQuery {
    #[param(nullable = false)]
    pub investigation_id: Option<String>,
    #[param(nullable = false)]
    pub instrument_name: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, phrases in quotation marks, beginnings with `*`.
    search: String,
    #[param(nullable = false)]
    limit: Option<String>,
    /// `next` of the answer before: what follows it.
    #[param(nullable = false)]
    before: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// As `Last-Event-ID`, for clients that cannot send it.
    #[param(nullable = false)]
    pub after: Option<String>,
}
