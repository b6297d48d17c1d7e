//! `GET /logbook/app`: the logbooks that somebody may open.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use minijinja::context;
use service_kit::Problem;

use crate::catalogue::users;
use crate::markup::escape::percent_encode_segment;
use crate::state::State;
use crate::web::investigation_list::Asked;
use crate::web::logbook_path::Shown;
use crate::web::session_cookie::{HOME, redirect, visitor};
use crate::web::templates::page;
use crate::web::{investigation_list, login};

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let instruments: Vec<Shown> = match identity.find_visible_investigations(caller.subject()).await {
        Ok(visible) => visible.instruments.iter().map(|name| instrument(name)).collect(),
        Err(e) => {
            tracing::debug!(error = %e, "it is not known which instruments somebody serves");
            Vec::new()
        }
    };
    let found = investigation_list::find(&state, &caller, &asked).await;
    let values = context! {
        site => state.site.as_str(),
        user => users::short(&caller.subject().icat_user_name),
        instruments,
        all_instruments => investigation_list::instruments(&state, &caller).await,
        investigations => found.investigations,
        newer => found.newer,
        older => found.older,
        asked => context! { name => asked.name(), instrument => asked.instrument(), year => asked.year() },
        is_narrowed => asked.is_narrowed(),
    };
    page(StatusCode::OK, "home.html", values)
}

/// `GET /logbook`: leads to the page.
pub async fn lead_here() -> HttpResponse {
    redirect(HOME)
}

fn instrument(name: &str) -> Shown {
    Shown {
        address: format!("{HOME}/instrument/{}", percent_encode_segment(name)),
        name: name.to_owned(),
        title: None,
        day: None,
    }
}
