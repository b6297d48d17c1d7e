//! `POST /auth/app/admin/logins/end`: ends a login, or all of a user.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use serde::Deserialize;
use service_kit::pages::percent_encode_segment;
use service_kit::{Code, Problem};

use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct EndForm {
    /// Of one login; without it, all of the user end.
    id: Option<String>,
    #[serde(default)]
    user: String,
}

pub async fn end_logins(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<EndForm>,
) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_sending_administrator(&request).await?;
    let (administration, actor) = (&state.login_administration, administrator.user_name());
    let EndForm { id, user } = form.into_inner();
    if user.contains('\0') || id.as_ref().is_some_and(|id| id.contains('\0')) {
        return Err(Problem::new(Code::Validation, "auth/bad-form", "ids and user names have no zero bytes"));
    }
    let done = match id {
        Some(id) => administration.end_login(&id, actor, &origin.0).await.map(|_| "one")?,
        None if user.is_empty() => {
            return Err(Problem::new(Code::Validation, "auth/bad-form", "send the id of a login, or a user"));
        }
        None => administration.end_logins_of_user(&user, actor, &origin.0).await.map(|_| "all")?,
    };
    Ok(redirect_to(&format!("/auth/app/admin/logins?done={done}&user={}", percent_encode_segment(&user))))
}
