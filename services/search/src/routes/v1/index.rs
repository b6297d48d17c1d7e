//! `GET /search/v1/index`: how much of the catalogue is in the index, for administrators.

use actix_web::{HttpResponse, web};
use identity::{Caller, Permission};
use jiff::Timestamp;
use serde::Serialize;
use service_kit::Problem;
use service_kit::openapi::{CallerFailures, CommonFailures, Failure};
use utoipa::ToSchema;

use crate::error::Error;
use crate::index_status::{IndexStatus, ScanStatus};
use crate::state::State;
use crate::store::catalogue_scans::ScanState;

/// How much of the catalogue is in the index, and what waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexReport {
    /// In the order in which they run; empty if the service does not read the catalogue itself
    pub scans: Vec<ScanReport>,
    /// Rows that have changed in the catalogue and are to be read again
    pub waiting_rows: i64,
    /// Requests and pages with changes that are not in the index yet
    pub waiting_batches: i64,
    pub rejected_documents: i64,
    /// Whether all rows that the catalogue had when the index was filled are in it, as searches say with `isIndexComplete`
    pub is_complete: bool,
}

/// How far the scan of an entity is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanReport {
    #[schema(example = "Datafile")]
    pub entity: String,
    pub state: ScanState,
    /// By the scan that runs or ran last
    pub rows_read: i64,
    /// What the catalogue had at the start
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_expected: Option<i64>,
    /// While it runs: the average since it was started
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<f64>,
    /// While it runs
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When the last scan ended that filled the index
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl From<IndexStatus> for IndexReport {
    fn from(status: IndexStatus) -> Self {
        let IndexStatus { scans, waiting_rows, waiting_batches, rejected_documents, is_complete } = status;
        let scans = scans.into_iter().map(ScanReport::from).collect();
        Self { scans, waiting_rows, waiting_batches, rejected_documents, is_complete }
    }
}

impl From<ScanStatus> for ScanReport {
    fn from(status: ScanStatus) -> Self {
        let ScanStatus {
            entity,
            state,
            rows_read,
            rows_expected,
            rows_per_second,
            remaining_seconds,
            started_at,
            finished_at,
        } = status;
        Self { entity, state, rows_read, rows_expected, rows_per_second, remaining_seconds, started_at, finished_at }
    }
}

#[utoipa::path(
    get, path = "/search/v1/index", operation_id = "read_index_status", tag = "search", summary = "Read the progress of indexing",
    description = "For administrators of services (`identity.administrators`), because the numbers are those of the whole catalogue. \
        Others learn from `isIndexComplete` of a search whether rows may be missing.",
    responses(
        CommonFailures, CallerFailures,
        (status = 200, description = "How much of the catalogue is in the index, and what waits", body = IndexReport),
        (status = 403, description = "The caller is no administrator, or the API key lacks the scope `admin`", body = Failure, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub async fn read_index_status(state: web::Data<State>, caller: Caller) -> Result<HttpResponse, Problem> {
    state.identity.require_permission(&caller, Permission::Administer).await?;
    let status = state.index_status.read_status().await.map_err(Error::from)?;
    Ok(HttpResponse::Ok().json(IndexReport::from(status)))
}
