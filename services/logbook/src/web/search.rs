//! `GET /logbook/app/find?search=…`: words in all logbooks that somebody may read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use minijinja::context;
use service_kit::Problem;
use service_kit::fulltext::FulltextQuery;

use crate::api::entries::search::reach;
use crate::catalogue::users;
use crate::domain::filter::{Filter, Parameters, number};
use crate::markup::escape::percent_encode_segment;
use crate::state::State;
use crate::store::search;
use crate::web::entry_view::View;
use crate::web::logbook::views;
use crate::web::login;
use crate::web::session_cookie::visitor;
use crate::web::templates::page;

const ENTRIES: i64 = 50;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    query: web::Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let question = query.search.clone().unwrap_or_default();
    let filter = Filter { removed: Some(false), ..Filter::default() };
    let before = number("before", query.before.as_deref())?;
    let (mut entries, mut more) = (Vec::<View>::new(), None);
    if let Some(asked) = FulltextQuery::parse(&question) {
        let (reach, _) = reach(&state, &caller, &query).await?;
        let mut tx = state.db.read().await?;
        let mut found = search::find(&mut tx, &reach, &asked, &filter, before, ENTRIES + 1).await?;
        if found.len() > usize::try_from(ENTRIES).unwrap_or(usize::MAX) {
            found.pop();
            more = found.last().map(|last| format!("search={}&before={}", percent_encode_segment(&question), last.seq));
        }
        entries = views(&state, &mut tx, &found, Some(&asked)).await?;
        for (view, entry) in entries.iter_mut().zip(&found) {
            let event = &entry.event;
            let name = event.investigation_name.clone().or_else(|| event.instrument_name.clone());
            view.book = Some(name.unwrap_or_else(|| "facility".to_owned()));
        }
    }
    let user = users::short(&caller.subject().icat_user_name);
    let values = context! { site => state.site.as_str(), user, everywhere => question, entries, more };
    page(StatusCode::OK, "found.html", values)
}
