//! Login with a form: a session of ICAT for the cookie.

use std::net::IpAddr;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::join;
use icat_client::IcatError;
use icat_client::client::Authenticator;
use serde::{Deserialize, Serialize};
use service_kit::pages::percent_encode_segment;
use service_kit::{Code, Problem};

use super::cookie::create_page_cookie;
use super::{PageSessions, redirect_to, refuse_foreign_site, to_own_address};

/// What the form sends.
#[derive(Default, Deserialize)]
pub struct LoginForm {
    plugin: String,
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// What the template of the form shows.
#[derive(Debug, Serialize)]
pub struct LoginFormView {
    /// The address of the page.
    page: &'static str,
    /// The identity providers.
    providers: Vec<ProviderButton>,
    /// The authenticators that ask for a password.
    ways: Vec<LoginWay>,
    /// Where the form leads to.
    next: String,
    /// What was wrong with the last attempt.
    message: Option<&'static str>,
    plugin: String,
    username: String,
}

#[derive(Debug, Serialize)]
struct ProviderButton {
    display_name: String,
    address: String,
}

#[derive(Debug, Serialize)]
struct LoginWay {
    friendly: String,
    mnemonic: String,
}

/// What came of a login.
pub enum LoginOutcome {
    /// Sets the cookie, and leads to the address that was asked for.
    LoggedIn(HttpResponse),
    /// The form with what is wrong.
    Refused(LoginFormView),
}

impl PageSessions {
    /// The form where nobody is logged in. It leads back to the address that was asked for.
    pub async fn prepare_form(&self, request: &HttpRequest) -> Result<LoginFormView, Problem> {
        // Only a page can be opened again.
        let target = request.uri().path_and_query().filter(|_| request.method() == Method::GET);
        let next = target.map_or(self.address, |target| target.as_str());
        let next = to_own_address(self.address, next).to_owned();
        self.build_form(LoginForm { next, ..LoginForm::default() }, None).await
    }

    async fn build_form(&self, given: LoginForm, message: Option<&'static str>) -> Result<LoginFormView, Problem> {
        let (authenticators, providers) =
            join(self.list_password_authenticators(), self.identity.0.issued.auth().list_providers()).await;
        let ways = authenticators?.into_iter().map(|way| LoginWay {
            friendly: way.friendly.unwrap_or_else(|| way.mnemonic.clone()),
            mnemonic: way.mnemonic,
        });
        let ways = ways.collect();
        let LoginForm { plugin, username, next, .. } = given;
        let providers = providers.into_iter().map(|provider| ProviderButton {
            address: format!("{}?session=page&return_to={}", provider.start, percent_encode_segment(&next)),
            display_name: provider.display_name,
        });
        Ok(LoginFormView { page: self.address, providers: providers.collect(), ways, next, message, plugin, username })
    }

    async fn list_password_authenticators(&self) -> Result<Vec<Authenticator>, Problem> {
        let known = self.identity.icat().get_properties().await.map_err(|e| catalogue_unavailable(&e))?;
        Ok(known.authenticators.into_iter().filter(|way| way.keys.iter().any(|key| key.name == "password")).collect())
    }

    /// Opens a session for somebody at this address.
    pub async fn log_in(
        &self,
        request: &HttpRequest,
        client: IpAddr,
        mut form: LoginForm,
    ) -> Result<LoginOutcome, Problem> {
        refuse_foreign_site(request)?;
        form.next = to_own_address(self.address, &form.next).to_owned();
        let ways = if form.username.contains('/') { self.list_password_authenticators().await? } else { Vec::new() };
        let (plugin, username) = split_account(&form, &ways);
        let credentials = [("username", username), ("password", form.password.as_str())];
        match self.identity.icat().login_for_client(plugin, &credentials, client).await {
            Ok(session) => {
                let mut response = redirect_to(&form.next);
                response.add_cookie(&create_page_cookie(request, &session)).map_err(Problem::internal)?;
                Ok(LoginOutcome::LoggedIn(response))
            }
            Err(e) if e.is_refused_login() => {
                Ok(LoginOutcome::Refused(self.build_form(form, Some("User name or password is wrong.")).await?))
            }
            Err(e) if e.is_login_unavailable() => Err(catalogue_unavailable(&e)),
            Err(e) => {
                let text = "the catalogue cannot open sessions now; try again later";
                Err(Problem::new(Code::BadGateway, "identity/login-failed", text).with_source(e.to_string()))
            }
        }
    }
}

/// Authenticator and name: whoever gives the name by which the catalogue knows them (`db/alice`) has said both.
fn split_account<'a>(form: &'a LoginForm, ways: &[Authenticator]) -> (&'a str, &'a str) {
    match form.username.split_once('/') {
        Some((plugin, name)) if ways.iter().any(|way| way.mnemonic == plugin) => (plugin, name),
        _ => (&form.plugin, &form.username),
    }
}

fn catalogue_unavailable(e: &IcatError) -> Problem {
    let text = "the catalogue does not answer; try again later";
    Problem::new(Code::Unavailable, "identity/icat-down", text).with_retry_after(10).with_source(e.to_string())
}
