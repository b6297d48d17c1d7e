//! `GET /auth/app/admin`: the local accounts.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::pages::percent_encode_segment;
use service_kit::parameters::parse_query;

use super::{MAX_ROWS, to_problem};
use crate::accounts::Account;
use crate::state::State;
use crate::web::templates::render_page;

#[derive(Default, Deserialize)]
struct PageParameters {
    /// A part of a name.
    #[serde(default)]
    search: String,
    /// What has just been done, for the message.
    #[serde(default)]
    done: String,
}

/// What the page shows besides the accounts.
#[derive(Default, Serialize)]
pub struct AccountsPage<'a> {
    pub search: &'a str,
    pub message: Option<&'a str>,
    pub problem: Option<&'a str>,
    pub new_mechanism: &'a str,
    pub new_name: &'a str,
}

#[derive(Serialize)]
struct AccountsView<'a> {
    site: &'a str,
    tab: &'a str,
    accounts: Vec<AccountView>,
    has_more: bool,
    mechanisms: &'a [String],
    #[serde(flatten)]
    page: &'a AccountsPage<'a>,
}

#[derive(Serialize)]
struct AccountView {
    name: String,
    /// The name in an address.
    address: String,
    password_of: String,
    locked_since: Option<String>,
}

pub async fn show_accounts(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    state.page_visitors.require_administrator(&request).await?;
    let PageParameters { search, done } = parse_query(&request)?;
    let message = match done.as_str() {
        "created" => Some("The account was created."),
        "locked" => Some("The account was locked, and its logins have ended."),
        "unlocked" => Some("The account was unlocked."),
        "removed" => Some("The account was removed, and its logins have ended."),
        "password" => Some("The password was set, and the logins of the account have ended."),
        _ => None,
    };
    render_accounts(&state, StatusCode::OK, &AccountsPage { search: &search, message, ..AccountsPage::default() }).await
}

/// The page, for example with what is wrong with a form.
pub async fn render_accounts(
    state: &State,
    status: StatusCode,
    page: &AccountsPage<'_>,
) -> Result<HttpResponse, Problem> {
    let wanted = page.search.to_lowercase();
    let all = state.accounts.list_accounts().await.map_err(to_problem)?;
    let mut found: Vec<AccountView> = all
        .iter()
        .map(render_account)
        .filter(|account| account.name.to_lowercase().contains(&wanted))
        .take(MAX_ROWS + 1)
        .collect();
    let has_more = found.len() > MAX_ROWS;
    found.truncate(MAX_ROWS);
    let view = AccountsView {
        site: &state.site,
        tab: "accounts",
        accounts: found,
        has_more,
        mechanisms: state.accounts.list_mechanisms(),
        page,
    };
    render_page(status, "admin_accounts.html", context! { ..Serde(view) })
}

fn render_account(account: &Account) -> AccountView {
    let day = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
    let name = account.name.to_string();
    AccountView {
        address: percent_encode_segment(&name),
        name,
        password_of: day(account.password_set_at),
        locked_since: account.locked_at.map(day),
    }
}
