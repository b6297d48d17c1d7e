//! What a request for a list says, as a file.

use std::sync::Arc;

use actix_web::HttpResponse;
use identity::Caller;
use service_kit::Problem;

use crate::catalogue::permissions;
use crate::domain::filter::{Parameters, flag};
use crate::domain::logbook::Book;
use crate::entries;
use crate::export::{Export, Format, answer, read_heading, report_order};
use crate::state::State;

/// Everything that matches unless a limit is asked for. The caller may read the logbook; the history goes along in an `.eln` if
/// they may read that too.
pub async fn export_list(
    state: Arc<State>,
    caller: &Caller,
    book: Book,
    query: &Parameters,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let filter = query.filter(&state.zone)?;
    let format = format.with_byte_order_mark(flag("bom", query.bom.as_deref())?);
    let mut page = query.page(u32::MAX, u32::MAX)?;
    if format == Format::Pdf {
        page = report_order(page, query);
    }
    let scope = entries::scope(&mut state.db.read().await?, &book).await?;
    let heading = read_heading(&state, caller, &book, query.instrument_name.as_deref()).await;
    let with_history = format == Format::Eln && permissions::history(&state, caller, &book).await.is_ok();
    answer(state, Export { book, scope, filter, page, format, with_history, heading }).await
}
