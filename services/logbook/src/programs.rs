//! Entries of programs: always stored, wherever they can be placed, also when the program has hung up.

use std::sync::Arc;

use actix_web::HttpResponse;
use identity::Caller;
use service_kit::Problem;

use crate::bindings::{self, Bound};
use crate::domain::book::Book;
use crate::domain::event::Event;
use crate::domain::filter::number;
use crate::entries::{self, NewEntry, NewFile};
use crate::error::Error;
use crate::routes::program::Target;
use crate::routes::request::json;
use crate::state::State;

/// On disk when this returns, and on disk also if nobody waits for it any more.
pub async fn write(
    state: Arc<State>,
    caller: &Caller,
    target: &Target,
    event: Event,
    files: Vec<NewFile>,
) -> Result<HttpResponse, Problem> {
    let new = placed(&state, caller, target, event, files).await?;
    let tasks = state.tasks.clone();
    let stored = tasks.spawn_local(async move {
        let entry = entries::create(&state, new).await?;
        let mut tx = state.db.read().await?;
        entries::show(&state, &mut tx, &entry).await
    });
    let shown = stored.await.map_err(Problem::internal)??;
    Ok(json(&shown))
}

async fn placed(
    state: &Arc<State>,
    caller: &Caller,
    target: &Target,
    mut event: Event,
    files: Vec<NewFile>,
) -> Result<NewEntry, Problem> {
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let instrument =
        given(&target.instrument_name).and_then(|names| names.split(',').next().map(|n| n.trim().to_owned()));
    event.instrument_name = instrument.or(event.instrument_name.take()).filter(|name| !name.is_empty());
    event.investigation_name = given(&target.investigation_name).or(event.investigation_name.take());
    let id = number("investigationId", target.investigation_id.as_deref())?;
    let bound = match (id, &event.investigation_name, &event.instrument_name) {
        (Some(id), ..) => bindings::bind_to(state, id).await,
        (None, Some(proposal), instrument) => bindings::bind(state, proposal, instrument.as_deref(), event.at).await,
        (None, None, _) => Bound::Unknown,
    };
    if let (Bound::Unknown, Some(id)) = (bound, id) {
        return Err(Error::bad(format!("there is no investigation {id}")).into());
    }
    event.investigation_id = if let Bound::To(id) = bound { Some(id) } else { None };
    let late = bound == Bound::Late;
    let is_somebodys = id.is_some() || event.investigation_name.is_some();
    let book = match Book::of(event.investigation_id, event.instrument_name.as_deref()) {
        // It was not meant for everybody.
        Book::Facility if is_somebodys => Book::Unplaced,
        book => book,
    };
    Ok(NewEntry { book, event, files, late, actor: caller.subject().icat_user_name.clone() })
}
