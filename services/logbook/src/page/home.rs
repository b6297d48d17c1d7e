//! `GET /logbook/app`: the logbooks that somebody may open.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use minijinja::context;
use service_kit::Problem;

use super::html::page;
use super::level::{Shown, escaped, investigations};
use super::login;
use super::visitor::{HOME, visitor};
use crate::people;
use crate::state::State;

pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Some(caller) = visitor(&request, &identity).await? else { return login::form(&state, &request).await };
    let instruments: Vec<Shown> = match identity.visible_to(&caller).await {
        Ok(visible) => visible.instruments.iter().map(|name| instrument(name)).collect(),
        Err(e) => {
            tracing::debug!(error = %e, "it is not known which instruments somebody serves");
            Vec::new()
        }
    };
    let values = context! {
        site => state.site.as_str(),
        user => people::short(&caller.subject().icat_user_name),
        instruments,
        investigations => investigations(&state, &caller).await,
    };
    page(StatusCode::OK, "home.html", values)
}

fn instrument(name: &str) -> Shown {
    Shown { address: format!("{HOME}/instrument/{}", escaped(name)), name: name.to_owned(), title: None, day: None }
}
