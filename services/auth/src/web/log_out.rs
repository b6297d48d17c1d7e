//! `POST /auth/app/logout`: ends the login of the page, and says where else the user may be logged in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{create_page_cookie, find_page_session, redirect_to, refuse_foreign_site};
use minijinja::context;
use service_kit::{Problem, find_server_root, is_session_handle};

use super::templates::render_page;
use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn log_out(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let mut provider_page = None;
    match state.page_visitors.find_visitor(&request).await? {
        Some(login) => {
            state.logout.log_out(&login, &origin.0).await?;
            provider_page = find_logout_page(&state, &request, &login.row.mechanism).await;
        }
        None => {
            // A session of ICAT, which a page of another service has opened.
            if let Some(session) = find_page_session(&request).filter(|session| !is_session_handle(session))
                && let Err(e) = state.logout.log_out_of_icat(&session, &origin.0).await
            {
                tracing::warn!(error = %e, "cannot end the session of a page; it stays open until it expires");
            }
        }
    }
    let mut response = match provider_page {
        Some((provider, address)) => {
            let values = context! { site => state.site.as_str(), provider, address };
            render_page(StatusCode::OK, "logged_out.html", values)?
        }
        None => redirect_to("/auth/app"),
    };
    response.add_cookie(&create_page_cookie(&request, "")).map_err(Problem::internal)?;
    Ok(response)
}

/// Name and logout page of the provider that a login came from. It asks the user, because no ID token is kept to prove who asks.
async fn find_logout_page(state: &State, request: &HttpRequest, name: &str) -> Option<(String, String)> {
    let provider = state.providers.find_by_name(name)?;
    match provider.build_logout_url(&find_server_root(request)).await {
        Ok(url) => Some((provider.settings.display_name().to_owned(), url?.into())),
        Err(e) => {
            tracing::info!(error = %e, "the logout page of an identity provider is not known");
            None
        }
    }
}
