//! `POST /auth/app/admin/accounts/{change}`: locks, unlocks or removes an account.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use serde::Deserialize;
use service_kit::{Code, Problem};

use super::to_problem;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct AccountForm {
    account: String,
}

pub async fn change_account(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    change: web::Path<String>,
    form: web::Form<AccountForm>,
) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_sending_administrator(&request).await?;
    let accounts = state.accounts.for_actor(administrator.user_name(), &origin.0);
    let account = accounts.parse_name(&form.account).map_err(to_problem)?;
    if account.to_string() == administrator.user_name() && *change != "unlock" {
        let text = "You cannot lock or remove your own account. Another administrator can, or the command line.";
        return Err(Problem::new(Code::Conflict, "auth/own-account", text));
    }
    let done = match change.as_str() {
        "lock" => accounts.lock_account(&account).await.map(|_| "locked"),
        "unlock" => accounts.unlock_account(&account).await.map(|_| "unlocked"),
        "remove" => accounts.remove_account(&account).await.map(|()| "removed"),
        _ => return Err(Problem::new(Code::NotFound, "auth/no-such-page", "there is no such page")),
    };
    Ok(redirect_to(&format!("/auth/app/admin?done={}", done.map_err(to_problem)?)))
}
