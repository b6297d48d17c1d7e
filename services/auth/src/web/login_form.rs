//! What the login page shows.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use icat_client::client::Authenticator;
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use service_kit::Problem;
use service_kit::pages::percent_encode_segment;

use super::templates::render_page;
use crate::domain::return_address::ReturnAddress;
use crate::state::State;

/// What the form sends.
#[derive(Default, Deserialize)]
pub struct LoginForm {
    pub plugin: String,
    pub username: String,
    pub password: String,
    #[serde(default)]
    pub next: String,
}

/// A button.
#[derive(Serialize)]
struct ProviderButton {
    display_name: String,
    address: String,
}

/// An authenticator with passwords.
#[derive(Serialize)]
struct PasswordPlugin {
    mnemonic: String,
    friendly: String,
}

#[derive(Serialize)]
struct LoginView<'a> {
    site: &'a str,
    providers: Vec<ProviderButton>,
    plugins: Vec<PasswordPlugin>,
    catalogue_is_down: bool,
    next: &'a str,
    plugin: &'a str,
    username: &'a str,
}

/// Where the page leads to: the given path, or the start page if it is no path of this site.
pub fn parse_next(next: &str) -> ReturnAddress {
    ReturnAddress::parse(next).unwrap_or_else(ReturnAddress::start_page)
}

/// The page with what was typed before, and what was wrong with it.
pub async fn render_form(
    state: &State,
    status: StatusCode,
    form: &LoginForm,
    message: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let next = parse_next(&form.next);
    let providers = state.providers.list_providers().iter().map(|provider| ProviderButton {
        display_name: provider.settings.display_name().to_owned(),
        address: format!(
            "/auth/v1/oidc/{}/start?session=page&return_to={}",
            provider.settings.name,
            percent_encode_segment(next.as_str())
        ),
    });
    // With the catalogue down, the page still shows what there is.
    let plugins = state.icat.get_properties().await.map(|properties| {
        let has_password = |plugin: &Authenticator| plugin.keys.iter().any(|key| key.name == "password");
        let shown = properties.authenticators.into_iter().filter(has_password);
        shown
            .map(|plugin| PasswordPlugin {
                friendly: plugin.friendly.unwrap_or_else(|| plugin.mnemonic.clone()),
                mnemonic: plugin.mnemonic,
            })
            .collect::<Vec<_>>()
    });
    let view = LoginView {
        site: &state.site,
        providers: providers.collect(),
        catalogue_is_down: plugins.is_err(),
        plugins: plugins.unwrap_or_default(),
        next: next.as_str(),
        plugin: &form.plugin,
        username: &form.username,
    };
    render_page(status, "login.html", context! { message, ..Serde(view) })
}
