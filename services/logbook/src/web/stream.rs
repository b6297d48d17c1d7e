//! `GET /logbook/app/{level}/{id}/live`: the stream of a logbook for the page's script.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use service_kit::Problem;

use crate::api::document::StreamQuery;
use crate::api::entries::stream;
use crate::domain::filter::Filter;
use crate::state::State;
use crate::stream::Key;
use crate::web::logbook::readable;
use crate::web::session_cookie::known;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    place: web::Query<StreamQuery>,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let book = readable(&state, &caller, &path).await?.book;
    let key = Key { book, filter: Filter { removed: Some(false), ..Filter::default() } };
    stream::answer(state.into_inner(), caller, key, &request, place.after.as_deref()).await
}
