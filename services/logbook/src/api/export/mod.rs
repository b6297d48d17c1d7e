//! `/logbook/{credential}/export`: a logbook as a file, an address for each format.

pub mod csv;
pub mod eln;
pub mod json_lines;
pub mod pdf;
pub mod text;

use std::sync::Arc;

use actix_web::HttpResponse;
use identity::Caller;
use service_kit::Problem;

use crate::catalogue::permissions;
use crate::domain::filter::Parameters;
use crate::export::{Format, export_list};
use crate::http::book_of;
use crate::state::State;

/// The list that a query asks for, as a file, if the caller may read it.
async fn export_readable(
    state: Arc<State>,
    caller: &Caller,
    query: &Parameters,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let book = book_of(query)?;
    permissions::read(&state, caller, &book).await?;
    export_list(state, caller, book, query, format).await
}
