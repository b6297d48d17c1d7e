//! `GET /auth/app`: the ways to log in, or the account of somebody who is logged in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::account_page::{AccountPage, render_account};
use super::login_form::{LoginDemand, LoginForm, parse_next, render_form};
use crate::state::State;

#[derive(Deserialize)]
struct PageParameters {
    /// Where the page leads to.
    #[serde(default)]
    next: String,
    /// What has just been done, for the message.
    #[serde(default)]
    done: String,
    /// Also where somebody is logged in, because an operation needs a login of a higher level or a newer one.
    #[serde(default)]
    again: String,
    #[serde(flatten)]
    demand: LoginDemand,
}

pub async fn show_login(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let PageParameters { next, done, again, demand } = parse_query(&request)?;
    if !again.is_empty() {
        let message = Some("What you want to do needs a login that is newer or has a second factor. Log in again.");
        return render_form(&state, StatusCode::OK, &LoginForm { next, demand, ..LoginForm::default() }, message).await;
    }
    let message = match done.as_str() {
        "login-ended" => Some("The login has ended."),
        "logins-ended" => Some("All other logins have ended."),
        "linked" => Some("From now on, you get this account when you log in there."),
        "password-changed" => Some("The password is changed. Log in with the new one."),
        "unlinked" => Some("The link is removed. Logins of before go on until they end."),
        _ => None,
    };
    match state.page_visitors.find_visitor(&request).await? {
        Some(login) => {
            let next = parse_next(&next);
            let page = AccountPage { next: next.as_str(), message, problem: None };
            render_account(&state, StatusCode::OK, &login, &page).await
        }
        None => render_form(&state, StatusCode::OK, &LoginForm { next, ..LoginForm::default() }, message).await,
    }
}
