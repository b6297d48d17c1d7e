//! `GET /logbook/app`: the logbooks that somebody may open.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use minijinja::context;
use service_kit::Problem;

use super::html::page;
use super::investigations::{self, Asked};
use super::level::{Shown, escaped};
use super::login;
use super::visitor::{HOME, redirect, visitor};
use crate::people;
use crate::state::State;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let instruments: Vec<Shown> = match identity.visible(caller.subject()).await {
        Ok(visible) => visible.instruments.iter().map(|name| instrument(name)).collect(),
        Err(e) => {
            tracing::debug!(error = %e, "it is not known which instruments somebody serves");
            Vec::new()
        }
    };
    let found = investigations::find(&state, &caller, &asked).await;
    let values = context! {
        site => state.site.as_str(),
        user => people::short(&caller.subject().icat_user_name),
        instruments,
        all_instruments => investigations::instruments(&state, &caller).await,
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
    Shown { address: format!("{HOME}/instrument/{}", escaped(name)), name: name.to_owned(), title: None, day: None }
}
