//! `POST /auth/app/logout`: ends the login of the page, and says where else the user may be logged in.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{create_page_cookie, find_page_session, redirect_to, refuse_foreign_site};
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use service_kit::pages::render_policy_with_form_target;
use service_kit::{Problem, find_server_root, is_session_handle};

use super::templates::render_page;
use crate::request_origin::RequestOrigin;
use crate::state::State;

/// The form that logs a user out at the provider (`OpenID` Connect RP-Initiated Logout 1.0, 2). A form, so that the ID token is in no
/// address.
#[derive(Serialize)]
struct ProviderLogoutForm {
    provider: String,
    address: String,
    client_id: String,
    /// Where the provider leads back to.
    return_to: String,
    /// Tells the provider who asks; without it, it asks the user.
    id_token: Option<String>,
    #[serde(skip)]
    policy: HeaderValue,
}

pub async fn log_out(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let session = find_page_session(&request);
    let mut form = None;
    match state.page_visitors.find_visitor(&request).await? {
        Some(login) => {
            form = prepare_provider_logout(&state, &request, &login.row.mechanism, session).await;
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
    let mut response = match form {
        Some(form) => {
            let values = context! { site => state.site.as_str(), ..Serde(&form) };
            let mut page = render_page(StatusCode::OK, "logged_out.html", values)?;
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, form.policy);
            page
        }
        None => redirect_to("/auth/app"),
    };
    response.add_cookie(&create_page_cookie(&request, "")).map_err(Problem::internal)?;
    Ok(response)
}

/// `None` if the login did not come from a provider, or the provider has no logout page that is known now.
async fn prepare_provider_logout(
    state: &State,
    request: &HttpRequest,
    name: &str,
    session: Option<String>,
) -> Option<ProviderLogoutForm> {
    let provider = state.providers.find_by_name(name)?;
    let address = provider.find_logout_endpoint().await.unwrap_or_else(|e| {
        tracing::info!(error = %e, "the logout page of an identity provider is not known");
        None
    })?;
    let id_token = state.logins.find_id_token(session?).await.unwrap_or_else(|e| {
        tracing::warn!(error = %e, "the ID token of a login is not known; the identity provider will ask the user");
        None
    });
    let policy = render_policy_with_form_target(&address.origin().ascii_serialization());
    Some(ProviderLogoutForm {
        provider: provider.settings.display_name().to_owned(),
        address: address.into(),
        client_id: provider.settings.client_id.clone(),
        return_to: format!("{}/auth/app", find_server_root(request)),
        id_token: id_token.map(|token| token.expose().to_owned()),
        policy: HeaderValue::from_str(&policy).ok()?,
    })
}
