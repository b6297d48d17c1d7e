//! `POST /auth/app/logout`: ends the login of the page, and says where else the user may be logged in.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{create_page_cookie, find_page_session, redirect_to, refuse_foreign_site};
use minijinja::context;
use minijinja::value::Serde;
use service_kit::{Problem, is_session_handle};

use super::provider_logout::ProviderLogoutView;
use super::templates::render_page;
use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn log_out(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let session = find_page_session(&request);
    let mut elsewhere = None;
    match state.page_visitors.find_visitor(&request).await? {
        Some(login) => {
            elsewhere = ProviderLogoutView::find_for_login(&state, &request, &login.row.mechanism, session).await;
            state.logout.log_out(&login, &origin.0).await?;
        }
        None => {
            // A session of ICAT, which a page of another service has opened.
            if let Some(session) = session.filter(|session| !is_session_handle(session))
                && let Err(e) = state.logout.log_out_of_icat(&session, &origin.0).await
            {
                tracing::warn!(error = %e, "cannot end the session of a page; it stays open until it expires");
            }
        }
    }
    let mut response = match elsewhere {
        Some(logout) => {
            let values = context! { site => state.site.as_str(), ..Serde(&logout) };
            let mut page = render_page(StatusCode::OK, "logged_out.html", values)?;
            if let Some(policy) = logout.policy {
                page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            }
            page
        }
        None => redirect_to("/auth/app"),
    };
    response.add_cookie(&create_page_cookie(&request, "")).map_err(Problem::internal)?;
    Ok(response)
}
