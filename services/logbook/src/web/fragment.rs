//! `GET /logbook/app/{level}/{id}/entries?ids=…`: some entries, for the script that shows what is being written.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use minijinja::context;
use serde::Deserialize;
use service_kit::Problem;

use crate::domain::filter::Filter;
use crate::entries;
use crate::state::State;
use crate::store::entries::matching;
use crate::web::logbook::{readable, views};
use crate::web::session_cookie::known;
use crate::web::templates::page;

/// At most as many as a live record sends.
const MOST: usize = 200;

#[derive(Deserialize)]
pub struct Query {
    ids: String,
}

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let caller = known(&request, &identity).await?;
    let level = readable(&state, &caller, &path).await?;
    let ids: Vec<String> = query.ids.split(',').take(MOST).map(str::to_owned).collect();
    let mut tx = state.db.read().await?;
    let scope = entries::scope(&mut tx, &level.book).await?;
    let filter = Filter { removed: Some(false), ..Filter::default() };
    let found = matching(&mut tx, &ids, &scope, &filter).await?;
    let entries = views(&state, &mut tx, &found, None).await?;
    page(StatusCode::OK, "fragment.html", context! { entries, address => level.address() })
}
