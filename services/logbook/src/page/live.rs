//! `GET /logbook/app/{level}/{id}/live`: the stream of a logbook for the page's script.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use service_kit::Problem;

use super::book::readable;
use super::visitor::known;
use crate::domain::filter::Filter;
use crate::live::Key;
use crate::routes::event::stream;
use crate::state::State;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let book = readable(&state, &caller, &path).await?.book;
    let key = Key { book, filter: Filter { removed: Some(false), ..Filter::default() } };
    stream::answer(state.into_inner(), caller, key, &request, None).await
}
