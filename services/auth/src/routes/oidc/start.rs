//! `GET /auth/v1/oidc/{provider}/start`: sends a browser to an identity provider.

use std::time::Duration;

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::parameters::parse_query;
use service_kit::{Code, Problem};

use super::find_provider;
use crate::browser_cookie::{create_browser_cookie, find_browser_secret};
use crate::domain::provider_login::{LoginRequest, SessionKind, parse_acr_values};
use crate::domain::return_address::ReturnAddress;
use crate::providers::ProviderSettings;
use crate::request_origin::RequestOrigin;
use crate::state::State;

#[derive(Deserialize)]
struct StartParameters {
    /// A path of this site, where the browser goes after the login; without it, the start page.
    return_to: Option<String>,
    /// What the browser gets: `portal`, the default, is a refresh token in the cookie `__Host-undulator-refresh`, `page` is the
    /// cookie of the web pages of this facility.
    session: Option<String>,
    /// Levels of which the provider must state one, separated by blanks, besides what the settings demand (RFC 9470).
    acr_values: Option<String>,
    /// Methods of which one is enough in place of a level; providers cannot be asked for them.
    amr_values: Option<String>,
    /// How many seconds ago the user may have logged in at the provider.
    max_age: Option<String>,
}

impl StartParameters {
    fn into_request(self, settings: &ProviderSettings) -> Result<LoginRequest, Problem> {
        let refused = |text: &str| Problem::new(Code::BadRequest, "auth/bad-login-request", text);
        let return_to =
            self.return_to.as_deref().map_or_else(|| Some(ReturnAddress::start_page()), ReturnAddress::parse);
        let session_kind = self.session.as_deref().map_or(Some(SessionKind::Portal), SessionKind::parse_requested);
        let acr_values = parse_acr_values(self.acr_values.as_deref().unwrap_or_default());
        // Both demands could not be met.
        let acr_values = acr_values.filter(|values| {
            settings.required_acr.is_empty() || values.iter().all(|value| settings.required_acr.contains(value))
        });
        let amr_values = parse_acr_values(self.amr_values.as_deref().unwrap_or_default());
        let max_age = self.max_age.as_deref().map(str::parse::<u32>).transpose();
        Ok(LoginRequest {
            return_to: return_to.ok_or_else(|| refused("return_to must be a path of this site, such as /portal"))?,
            session_kind: session_kind.ok_or_else(|| refused("session must be portal or page"))?,
            acr_values: acr_values.ok_or_else(|| {
                refused("acr_values must be at most 10 levels that the settings of this provider accept")
            })?,
            amr_values: amr_values.ok_or_else(|| refused("amr_values must be at most 10 methods"))?,
            max_age: max_age
                .map_err(|_| refused("max_age must be a number of seconds"))?
                .map(|seconds| Duration::from_secs(seconds.into())),
            page_login: None,
        })
    }
}

pub async fn start_login(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    provider: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let provider = find_provider(&state, &provider)?;
    let login = parse_query::<StartParameters>(&request)?.into_request(&provider.settings)?;
    // Each is a row, until the user comes back or does not.
    state.login_throttle.count_anonymous_login(&provider.settings.name, &origin.0)?;
    let secret = find_browser_secret(&request);
    let started = state.provider_logins.start_login(provider, &login, secret.as_deref()).await;
    let started = started.map_err(|e| e.into_problem(provider.settings.display_name()))?;
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, started.url))
        .cookie(create_browser_cookie(&started.browser_secret))
        .finish())
}
