//! `POST /auth/app/password`: somebody changes the password of their own local account. All its logins end, this one as well.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{create_page_cookie, redirect_to};
use serde::Deserialize;
use service_kit::{Code, Problem};

use super::account_page::{AccountPage, render_account};
use super::administration::to_form_message;
use crate::accounts::LoginAttempt;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct PasswordForm {
    current: String,
    new: String,
    repeated: String,
}

pub async fn change_password(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<PasswordForm>,
) -> Result<HttpResponse, Problem> {
    let visitor = state.page_visitors.require_sender(&request).await?;
    let user = &visitor.row.user_name;
    let account = state.accounts.parse_name(user).map_err(|_| {
        let text = "The password of this account is not kept here. Change it where you log in.";
        Problem::new(Code::Conflict, "auth/no-local-account", text)
    })?;
    let PasswordForm { current, new, repeated } = form.into_inner();
    let refuse = async |problem: &str| {
        let page = AccountPage { problem: Some(problem), ..AccountPage::default() };
        render_account(&state, StatusCode::UNPROCESSABLE_ENTITY, &visitor, &page).await
    };
    if new != repeated {
        return refuse("The new passwords differ.").await;
    }
    // Counted as a login: whoever finds an open page must not try out passwords.
    let attempt =
        LoginAttempt { mechanism: &account.mechanism, name: &account.name, password: current, origin: &origin.0 };
    match state.local_logins.log_in(attempt).await {
        Ok(()) => {}
        Err(problem) if problem.code == Code::Forbidden => return refuse("The current password is wrong.").await,
        Err(problem) => return Err(problem),
    }
    let set = match state.local_logins.hash_new_password(&account, &new).await? {
        Ok(hash) => state.accounts.for_actor(user, &origin.0).set_password_hash(&account, &hash).await,
        Err(e) => Err(e),
    };
    if let Err(e) = set {
        return refuse(&to_form_message(e)?).await;
    }
    let mut response = redirect_to("/auth/app?done=password-changed");
    response.add_cookie(&create_page_cookie(&request, "")).map_err(Problem::internal)?;
    Ok(response)
}
