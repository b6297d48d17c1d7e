//! What somebody who is logged in sees of their account.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use service_kit::Problem;

use super::logins_view::{LoginView, render_logins, render_minute};
use super::templates::render_page;
use crate::logins::LiveLogin;
use crate::state::State;
use crate::store::account_links::AccountLinkRow;
use crate::store::logins::NEWEST;

/// Newer ones are shown.
const MAX_LOGINS: usize = 50;

#[derive(Serialize)]
struct AccountView<'a> {
    site: &'a str,
    user: &'a str,
    next: &'a str,
    is_administrator: bool,
    logins: Vec<LoginView>,
    has_more_logins: bool,
    /// Whether the password is kept here.
    has_password: bool,
    links: Vec<LinkView>,
    providers: Vec<ProviderView>,
}

/// A provider that the account is linked to.
#[derive(Serialize)]
struct LinkView {
    provider: String,
    display_name: String,
    linked_at: String,
}

/// A provider that it can be linked to.
#[derive(Serialize)]
struct ProviderView {
    name: String,
    display_name: String,
}

/// What the page says besides.
pub struct AccountPage<'a> {
    /// Where it leads to.
    pub next: &'a str,
    /// What has just been done.
    pub message: Option<&'a str>,
    /// What is wrong with the form of the password.
    pub problem: Option<&'a str>,
}

impl Default for AccountPage<'_> {
    fn default() -> Self {
        Self { next: "/", message: None, problem: None }
    }
}

pub async fn render_account(
    state: &State,
    status: StatusCode,
    login: &LiveLogin,
    page: &AccountPage<'_>,
) -> Result<HttpResponse, Problem> {
    let AccountPage { next, message, problem } = page;
    let user = &login.row.user_name;
    let wanted = i64::try_from(MAX_LOGINS + 1).map_err(Problem::internal)?;
    let mut logins = state.logins.list_own_logins(&login.row, NEWEST, wanted).await?;
    let has_more_logins = logins.len() > MAX_LOGINS;
    logins.truncate(MAX_LOGINS);
    let links = state.account_links.list_links(user).await?;
    let view = AccountView {
        site: &state.site,
        user,
        next,
        is_administrator: state.administrators.is_administrator(user).await,
        logins: render_logins(logins, &login.row.sid_hash),
        has_more_logins,
        has_password: state.accounts.parse_name(user).is_ok(),
        providers: list_linkable_providers(state, login, &links),
        links: links.into_iter().map(|link| render_link(state, link)).collect(),
    };
    render_page(status, "account.html", context! { message, problem, ..Serde(view) })
}

fn render_link(state: &State, link: AccountLinkRow) -> LinkView {
    let provider = state.providers.find_by_name(&link.provider);
    LinkView {
        display_name: provider.map_or(link.provider.as_str(), |found| found.settings.display_name()).to_owned(),
        linked_at: render_minute(link.linked_at),
        provider: link.provider,
    }
}

/// Those that the account does not come from and is not linked to.
fn list_linkable_providers(state: &State, login: &LiveLogin, links: &[AccountLinkRow]) -> Vec<ProviderView> {
    let mechanism = login.row.user_name.split_once('/').map_or("", |(mechanism, _)| mechanism);
    let providers = state.providers.list_providers().iter().map(|provider| &provider.settings);
    providers
        .filter(|provider| provider.mechanism() != mechanism)
        .filter(|provider| links.iter().all(|link| link.provider != provider.name))
        .map(|provider| ProviderView { name: provider.name.clone(), display_name: provider.display_name().to_owned() })
        .collect()
}
