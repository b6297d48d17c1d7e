//! `POST /auth/app/links/{provider}/remove`: users of the provider get the account of this page no more.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::redirect_to;
use service_kit::Problem;

use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn remove_link(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    provider: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let visitor = state.page_visitors.require_sender(&request).await?;
    let user = &visitor.row.user_name;
    state.account_links.unlink_user(user, &provider, user, &origin.0).await?;
    Ok(redirect_to("/auth/app?done=unlinked"))
}
