//! `POST /auth/app/admin/accounts/password`: sets the password of an account, and ends its logins.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use serde::Deserialize;
use service_kit::Problem;

use super::show_accounts::{AccountsPage, render_accounts};
use super::{to_form_message, to_problem};
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct PasswordForm {
    account: String,
    password: String,
}

pub async fn set_password(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<PasswordForm>,
) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_sending_administrator(&request).await?;
    let account = state.accounts.parse_name(&form.account).map_err(to_problem)?;
    let set = match state.local_logins.hash_new_password(&account, &form.password).await? {
        Ok(hash) => {
            let accounts = state.accounts.for_actor(administrator.user_name(), &origin.0);
            accounts.set_password_hash(&account, &hash).await
        }
        Err(e) => Err(e),
    };
    let Err(e) = set else { return Ok(redirect_to("/auth/app/admin?done=password")) };
    let problem = format!("{account}: {}", to_form_message(e)?);
    let page = AccountsPage { search: &form.account, problem: Some(&problem), ..AccountsPage::default() };
    render_accounts(&state, StatusCode::UNPROCESSABLE_ENTITY, &page).await
}
