//! `POST /auth/app/links/{provider}`: sends the browser to an identity provider, so that its user gets the account of this page from
//! then on.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;
use service_kit::{Code, Problem};

use super::templates::render_page;
use crate::browser_cookie::{create_browser_cookie, find_browser_secret};
use crate::domain::login::{RECENT_LOGIN_AGE, is_recent_login};
use crate::domain::provider_login::{LoginRequest, SessionKind};
use crate::domain::return_address::ReturnAddress;
use crate::error::login_too_old;
use crate::state::State;

pub async fn start_link(
    state: web::Data<State>,
    request: HttpRequest,
    provider: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let visitor = state.page_visitors.require_sender(&request).await?;
    if !is_recent_login(visitor.row.auth_time, state.clock.now_micros()) {
        return Err(login_too_old());
    }
    let provider = state.providers.find_by_name(&provider);
    let provider = provider
        .ok_or_else(|| Problem::new(Code::NotFound, "auth/no-provider", "there is no such identity provider"))?;
    // The provider must ask for the password again: somebody else may be logged in there in this browser.
    let login = LoginRequest {
        return_to: ReturnAddress::start_page(),
        session_kind: SessionKind::Link,
        acr_values: Vec::new(),
        amr_values: Vec::new(),
        max_age: Some(RECENT_LOGIN_AGE),
        page_login: Some(visitor.row.sid_hash),
    };
    let secret = find_browser_secret(&request);
    let started = state.provider_logins.start_login(provider, &login, secret.as_deref()).await;
    let started = started.map_err(|e| e.into_problem(provider.settings.display_name()))?;
    // No redirect: browsers block one to another site that answers a form (Content Security Policy 3, form-action).
    let values = context! {
        site => state.site.as_str(), provider => provider.settings.display_name(), address => started.url,
    };
    let mut response = render_page(StatusCode::OK, "to_provider.html", values)?;
    response.add_cookie(&create_browser_cookie(&started.browser_secret)).map_err(Problem::internal)?;
    Ok(response)
}
