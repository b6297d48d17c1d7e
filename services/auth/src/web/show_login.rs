//! `GET /auth/app`: the ways to log in, or who is logged in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::login_form::{LoginForm, parse_next, render_form};
use super::templates::render_page;
use super::visitor::find_visitor;
use crate::state::State;

#[derive(Deserialize)]
struct PageParameters {
    /// Where the page leads to.
    #[serde(default)]
    next: String,
}

pub async fn show_login(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let PageParameters { next } = parse_query(&request)?;
    match find_visitor(&state, &request).await? {
        Some(login) => {
            let values = context! { site => state.site.as_str(), user => login.row.user_name, next => parse_next(&next).as_str() };
            render_page(StatusCode::OK, "account.html", values)
        }
        None => render_form(&state, StatusCode::OK, &LoginForm { next, ..LoginForm::default() }, None).await,
    }
}
