//! `GET /logbook/app`: the logbooks that somebody may open.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use service_kit::Problem;

use crate::catalogue::users::short_user_name;
use crate::http::PAGE_ADDRESS;
use crate::markup::escape::percent_encode_segment;
use crate::web::investigation_list::{InvestigationQuery, find_investigations, list_instruments};
use crate::web::logbook_path::LogbookSummary;
use crate::web::pages::Pages;
use crate::web::templates::render_page;

pub async fn show_home(
    pages: web::Data<Pages>,
    request: HttpRequest,
    query: web::Query<InvestigationQuery>,
) -> Result<HttpResponse, Problem> {
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let instruments: Vec<LogbookSummary> = match pages.identity.list_instruments_of_scientist(&caller).await {
        Ok(instruments) => sorted_names(&instruments).into_iter().map(summarize_instrument).collect(),
        Err(e) => {
            tracing::debug!(error = %e, "the instruments of a user could not be read");
            Vec::new()
        }
    };
    let found = find_investigations(&pages, &caller, &query).await;
    let values = context! {
        site => pages.site.as_str(),
        user => short_user_name(&caller.subject().icat_user_name),
        instruments,
        all_instruments => list_instruments(&pages, &caller).await,
        investigations => found.investigations,
        newer => found.newer,
        older => found.older,
        asked => context! { name => query.name(), instrument => query.instrument(), year => query.year() },
        is_narrowed => query.has_filter(),
    };
    render_page(StatusCode::OK, "home.html", values)
}

fn sorted_names(instruments: &BTreeMap<i64, String>) -> BTreeSet<&str> {
    instruments.values().map(String::as_str).collect()
}

fn summarize_instrument(name: &str) -> LogbookSummary {
    let address = format!("{PAGE_ADDRESS}/instrument/{}", percent_encode_segment(name));
    LogbookSummary { address, name: name.to_owned(), title: None, day: None }
}
