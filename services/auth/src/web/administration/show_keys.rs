//! `GET /auth/app/admin/keys`: the API keys of the database.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::SCOPES;
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use service_kit::parameters::parse_query;
use service_kit::{Micros, Problem};

use super::MAX_ROWS;
use crate::state::State;
use crate::store::api_keys::ApiKeyRow;
use crate::store::logins::NEWEST;
use crate::web::logins_view::render_minute;
use crate::web::templates::render_page;

#[derive(Deserialize)]
struct PageParameters {
    /// What has just been done, for the message.
    #[serde(default)]
    done: String,
}

/// What the form for a new key sends. The scopes are further fields, see [`name_scope_field`].
#[derive(Default, Deserialize, Serialize)]
pub struct KeyForm {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub user: String,
    /// Separated by commas.
    #[serde(default)]
    pub instruments: String,
    /// A day.
    #[serde(default)]
    pub expires: String,
}

/// What the page shows besides the keys.
#[derive(Default)]
pub struct KeysPage<'a> {
    pub message: Option<&'a str>,
    pub problem: Option<&'a str>,
    pub new_key: Option<NewKeyView<'a>>,
    pub form: KeyForm,
    pub chosen_scopes: Vec<String>,
}

/// A key that was created just now.
#[derive(Serialize)]
pub struct NewKeyView<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

#[derive(Serialize)]
struct ScopeView {
    name: &'static str,
    field: String,
    is_chosen: bool,
}

#[derive(Serialize)]
struct KeyView {
    id: String,
    name: String,
    user: String,
    scopes: Vec<String>,
    instruments: Vec<String>,
    state: &'static str,
    expires: String,
    created_by: String,
    last_used: Option<String>,
}

#[derive(Serialize)]
struct KeysView<'a> {
    site: &'a str,
    tab: &'a str,
    keys: Vec<KeyView>,
    has_more: bool,
    scopes: Vec<ScopeView>,
    message: Option<&'a str>,
    problem: Option<&'a str>,
    new_key: Option<NewKeyView<'a>>,
    form: KeyForm,
}

/// The field of the form for a scope.
pub fn name_scope_field(scope: &str) -> String {
    format!("scope-{scope}")
}

pub async fn show_keys(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    state.page_visitors.require_administrator(&request).await?;
    let PageParameters { done } = parse_query(&request)?;
    let message = (done == "revoked").then_some("The key was revoked. Services refuse it from now on.");
    render_keys(&state, StatusCode::OK, KeysPage { message, ..KeysPage::default() }).await
}

/// The page, for example with what is wrong with the form.
pub async fn render_keys(state: &State, status: StatusCode, page: KeysPage<'_>) -> Result<HttpResponse, Problem> {
    let wanted = i64::try_from(MAX_ROWS + 1).map_err(Problem::internal)?;
    let mut rows = state.api_keys.list_keys(None, NEWEST, wanted).await?;
    let has_more = rows.len() > MAX_ROWS;
    rows.truncate(MAX_ROWS);
    let scopes = SCOPES.iter().map(|scope| ScopeView {
        name: scope,
        field: name_scope_field(scope),
        is_chosen: page.chosen_scopes.iter().any(|chosen| chosen == scope),
    });
    let view = KeysView {
        site: &state.site,
        tab: "keys",
        keys: rows.into_iter().map(|row| render_key(state, row)).collect(),
        has_more,
        scopes: scopes.collect(),
        message: page.message,
        problem: page.problem,
        new_key: page.new_key,
        form: page.form,
    };
    render_page(status, "admin_keys.html", context! { ..Serde(view) })
}

fn render_key(state: &State, row: ApiKeyRow) -> KeyView {
    let day = |moment: Micros| moment.to_timestamp().strftime("%Y-%m-%d").to_string();
    KeyView {
        state: state.api_keys.find_state(&row).as_str(),
        id: row.id,
        name: row.terms.name,
        user: row.terms.user_name,
        scopes: row.terms.scopes,
        instruments: row.terms.instruments,
        expires: day(row.terms.expires_at),
        created_by: row.created_by,
        last_used: row.last_used_at.map(render_minute),
    }
}
