//! `/logbook/{sessionId}/event`

pub mod count;
pub mod create;
pub mod create_from_base64;
pub mod find_page;
pub mod list;
pub mod list_days;
pub mod remove;
pub mod restore;
pub mod retag;
pub mod search;
pub mod stream;
pub mod update;

use actix_web::{HttpRequest, HttpResponse};
use identity::Caller;
use service_kit::Problem;

use crate::catalogue::permissions;
use crate::domain::filter::{Filter, Parameters};
use crate::domain::logbook::Book;
use crate::entries;
use crate::http::{book_of, json};
use crate::state::State;
use crate::store::entries::Scope;

/// Hides all entries that match, or shows them again; answers those that were changed.
async fn set_removed(
    state: &State,
    caller: &Caller,
    request: &HttpRequest,
    query: &Parameters,
    removed: bool,
) -> Result<HttpResponse, Problem> {
    query.all_known()?;
    let book = book_of(query)?;
    permissions::write(state, caller, &book).await?;
    let ids = query.id.clone().map(|id| vec![id]);
    let mut filter = Filter { ids, ..query.filter(&state.zone)? };
    if let Book::Instrument(name) = &book {
        let scope = Scope::Instrument(name.clone());
        filter.not_books =
            permissions::closed_among(state, caller, &scope, &Filter { removed: Some(!removed), ..filter.clone() })
                .await?;
    }
    let actor = &caller.subject().icat_user_name;
    let changed = entries::set_removed(state, &book, &filter, removed, request.query_string(), actor).await?;
    let mut tx = state.db.read().await?;
    Ok(json(&entries::show_all(state, &mut tx, &changed).await?))
}
