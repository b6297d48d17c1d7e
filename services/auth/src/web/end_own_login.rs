//! `POST /auth/app/logins/end`: ends a login of the user on another device.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use serde::Deserialize;
use service_kit::Problem;

use crate::domain::login::EndReason;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
pub struct EndForm {
    id: String,
}

pub async fn end_login(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<EndForm>,
) -> Result<HttpResponse, Problem> {
    let visitor = state.page_visitors.require_sender(&request).await?;
    // One that has ended in the meantime is what the user wants.
    if let Some(login) = state.logins.find_own_login(&visitor.row, &form.id).await? {
        state.logins.end_login(&login.sid_hash, EndReason::EndedElsewhere, &origin.0).await?;
    }
    Ok(redirect_to("/auth/app?done=login-ended"))
}
