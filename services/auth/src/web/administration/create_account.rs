//! `POST /auth/app/admin/accounts`: creates an account.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use serde::Deserialize;
use service_kit::Problem;

use super::show_accounts::{AccountsPage, render_accounts};
use super::to_form_message;
use crate::accounts::AccountError;
use crate::domain::origin::Origin;
use crate::page_visitors::Administrator;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct NewAccountForm {
    mechanism: String,
    name: String,
    password: String,
}

pub async fn create_account(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<NewAccountForm>,
) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_sending_administrator(&request).await?;
    let Err(e) = create_from_form(&state, &administrator, &form, &origin.0).await? else {
        return Ok(redirect_to("/auth/app/admin?done=created"));
    };
    let problem = to_form_message(e)?;
    let page = AccountsPage {
        problem: Some(&problem),
        new_mechanism: &form.mechanism,
        new_name: &form.name,
        ..AccountsPage::default()
    };
    render_accounts(&state, StatusCode::UNPROCESSABLE_ENTITY, &page).await
}

async fn create_from_form(
    state: &State,
    administrator: &Administrator,
    form: &NewAccountForm,
    origin: &Origin,
) -> Result<Result<(), AccountError>, Problem> {
    let account = match state.accounts.parse_name(&format!("{}/{}", form.mechanism, form.name)) {
        Ok(account) => account,
        Err(e) => return Ok(Err(e)),
    };
    let hash = match state.local_logins.hash_new_password(&account, &form.password).await? {
        Ok(hash) => hash,
        Err(e) => return Ok(Err(e)),
    };
    let accounts = state.accounts.for_actor(administrator.user_name(), origin);
    Ok(accounts.create_account_with_hash(&account, &hash).await)
}
