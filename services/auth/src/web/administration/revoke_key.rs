//! `POST /auth/app/admin/keys/revoke`: revokes an API key.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use serde::Deserialize;
use service_kit::{Code, Problem};

use crate::api_keys::KeyAdministrator;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct RevokeForm {
    id: String,
}

pub async fn revoke_key(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<RevokeForm>,
) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_sending_administrator(&request).await?;
    let found = if form.id.contains('\0') { None } else { state.api_keys.find_key(&form.id).await? };
    let key = found.ok_or_else(|| Problem::new(Code::NotFound, "auth/no-api-key", "there is no such API key"))?;
    let by = KeyAdministrator { name: administrator.user_name().to_owned(), origin: origin.0 };
    state.api_keys.revoke_key(&key, &by).await?;
    Ok(redirect_to("/auth/app/admin/keys?done=revoked"))
}
