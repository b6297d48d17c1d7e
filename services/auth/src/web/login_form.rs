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
    #[serde(flatten)]
    pub demand: LoginDemand,
}

/// What the login must be, where an operation needs more than any login (RFC 9470): parameters of the page, for the providers.
#[derive(Default, Deserialize, Serialize)]
pub struct LoginDemand {
    /// Separated by blanks.
    #[serde(default)]
    pub acr_values: String,
    #[serde(default)]
    pub amr_values: String,
    /// In seconds.
    #[serde(default)]
    pub max_age: String,
}

impl LoginDemand {
    /// Whether a second factor is demanded, which passwords do not have.
    fn has_second_factor(&self) -> bool {
        !(self.acr_values.trim().is_empty() && self.amr_values.trim().is_empty())
    }

    /// Parameters for the start of a login at a provider, which accepts only levels of its settings; `None` if none of those that are
    /// demanded is among them.
    fn build_parameters(&self, accepted_levels: &[String]) -> Option<String> {
        let is_accepted =
            |level: &&str| accepted_levels.is_empty() || accepted_levels.iter().any(|known| known == level);
        let levels: Vec<&str> = self.acr_values.split_whitespace().filter(is_accepted).collect();
        if self.has_second_factor() && levels.is_empty() && self.amr_values.trim().is_empty() {
            return None;
        }
        let given = [
            ("acr_values", levels.join(" ")),
            ("amr_values", self.amr_values.clone()),
            ("max_age", self.max_age.clone()),
        ];
        let given = given.iter().filter(|(_, value)| !value.trim().is_empty());
        let to_query = |(name, value): &(&str, String)| format!("&{name}={}", percent_encode_segment(value.trim()));
        Some(given.map(to_query).collect::<Vec<_>>().concat())
    }
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
    demand: &'a LoginDemand,
    needs_second_factor: bool,
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
    let providers = state.providers.list_providers().iter().filter_map(|provider| {
        let demand = form.demand.build_parameters(&provider.settings.required_acr)?;
        let (name, next) = (&provider.settings.name, percent_encode_segment(next.as_str()));
        let address = format!("/auth/v1/oidc/{name}/start?session=page&return_to={next}{demand}");
        Some(ProviderButton { display_name: provider.settings.display_name().to_owned(), address })
    });
    // With the catalogue down, the page still shows what there is.
    let needs_second_factor = form.demand.has_second_factor();
    let plugins = state.icat.get_properties().await.map(|properties| {
        let is_password = |plugin: &Authenticator| plugin.keys.iter().any(|key| key.name == "password");
        let has_password = |plugin: &Authenticator| !needs_second_factor && is_password(plugin);
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
        demand: &form.demand,
        needs_second_factor,
    };
    render_page(status, "login.html", context! { message, ..Serde(view) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_for_the_demanded_levels_that_it_accepts() {
        let demand = |acr: &str, amr: &str| LoginDemand {
            acr_values: acr.to_owned(),
            amr_values: amr.to_owned(),
            max_age: "900".to_owned(),
        };
        let known = ["mfa".to_owned()];
        for (given, accepted, expected) in [
            (demand("mfa hw", ""), &known[..], Some("&acr_values=mfa&max_age=900")),
            (demand("mfa hw", ""), &[], Some("&acr_values=mfa%20hw&max_age=900")),
            (demand("hw", ""), &known, None),
            (demand("hw", "otp"), &known, Some("&amr_values=otp&max_age=900")),
            (demand("", ""), &known, Some("&max_age=900")),
            (LoginDemand::default(), &known, Some("")),
        ] {
            assert_eq!(given.build_parameters(accepted).as_deref(), expected);
        }
    }
}
