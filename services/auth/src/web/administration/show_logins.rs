//! `GET /auth/app/admin/logins`: who is logged in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::MAX_ROWS;
use crate::state::State;
use crate::web::logins_view::{LoginView, render_logins};
use crate::web::templates::render_page;

#[derive(Deserialize)]
struct PageParameters {
    /// ICAT user name; empty: all users.
    #[serde(default)]
    user: String,
    /// What has just been done, for the message.
    #[serde(default)]
    done: String,
}

#[derive(Serialize)]
struct LoginsView<'a> {
    site: &'a str,
    tab: &'a str,
    user: &'a str,
    logins: Vec<LoginView>,
    has_more: bool,
    message: Option<&'a str>,
}

pub async fn show_logins(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_administrator(&request).await?;
    let PageParameters { user, done } = parse_query(&request)?;
    let user = user.trim();
    let wanted = i64::try_from(MAX_ROWS + 1).map_err(Problem::internal)?;
    // No user has a name with a zero byte, which databases refuse.
    let chosen = Some(user).filter(|user| !user.is_empty() && !user.contains('\0'));
    let mut rows = state.login_administration.list_logins(chosen, wanted).await?;
    let has_more = rows.len() > MAX_ROWS;
    rows.truncate(MAX_ROWS);
    let message = match done.as_str() {
        "one" => Some("The login has ended."),
        "all" => Some("All logins of the user have ended."),
        _ => None,
    };
    let logins = render_logins(rows, &administrator.login.row.sid_hash);
    let view = LoginsView { site: &state.site, tab: "logins", user, logins, has_more, message };
    render_page(StatusCode::OK, "admin_logins.html", context! { ..Serde(view) })
}
