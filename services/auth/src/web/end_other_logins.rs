//! `POST /auth/app/logins/end-others`: ends all logins of the user but the one of this page.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use service_kit::Problem;

use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn end_other_logins(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let visitor = state.page_visitors.require_sender(&request).await?;
    state.logins.end_other_logins(&visitor.row, &origin.0).await?;
    Ok(redirect_to("/auth/app?done=logins-ended"))
}
