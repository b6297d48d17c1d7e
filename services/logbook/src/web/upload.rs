//! `POST /logbook/app/{level}/{id}/file`: a file that the page's script attaches, as an entry of its own.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use minijinja::context;
use service_kit::Problem;

use crate::attachments::uploads;
use crate::catalogue::{permissions, users};
use crate::domain::entry_content::Event;
use crate::entries;
use crate::entries::NewEntry;
use crate::state::State;
use crate::web::logbook::views;
use crate::web::logbook_path::Level;
use crate::web::session_cookie::{known, refuse_foreign};
use crate::web::templates::page;

pub async fn post(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    refuse_foreign(&request)?;
    let caller = known(&request, &identity).await?;
    let level = Level::parse(&path.0, &path.1)?;
    permissions::write(&state, &caller, &level.book).await?;
    let (filename, stored) = uploads::receive(&state, &request, payload).await?;
    let mut event = Event::attachment(state.clock.now_micros());
    event.instrument_name = level.instrument();
    users::sign(&state, &caller, &mut event).await;
    users::place(&state, &caller, &mut event, level.investigation()).await;
    let file = uploads::told(&state, stored, filename, &mut event);
    let actor = caller.subject().icat_user_name.clone();
    let new = NewEntry { book: level.book.clone(), event, files: vec![file], late: false, actor };
    let entry = entries::create(&state, new).await?;
    let mut tx = state.db.read().await?;
    let entries = views(&state, &mut tx, std::slice::from_ref(&entry), None).await?;
    page(StatusCode::OK, "fragment.html", context! { entries, address => level.address() })
}
