//! `POST /logbook/app/login` and `/logout`: a session of ICAT for the page's cookie.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use icat_client::IcatError;
use icat_client::client::Authenticator;
use minijinja::context;
use serde::Deserialize;
use service_kit::{ClientAddress, Code, Problem};

use crate::http::PAGE_ADDRESS;
use crate::web::pages::Pages;
use crate::web::session_cookie::{create_cookie, find_session, redirect_to, refuse_foreign_site, to_page_address};
use crate::web::templates::render_page;

#[derive(Default, Deserialize)]
pub struct LoginForm {
    plugin: String,
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Where nobody is logged in: the form, which leads back to the address that was asked for.
pub async fn show_form(pages: &Pages, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let next = request.uri().path_and_query().map_or(PAGE_ADDRESS, |target| target.as_str());
    render_form(pages, StatusCode::OK, to_page_address(next), &LoginForm::default(), None).await
}

async fn render_form(
    pages: &Pages,
    status: StatusCode,
    next: &str,
    given: &LoginForm,
    message: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let ways: Vec<_> = list_password_authenticators(pages)
        .await?
        .into_iter()
        .map(|way| context! { friendly => way.friendly.as_deref().unwrap_or(&way.mnemonic), mnemonic => way.mnemonic })
        .collect();
    let values = context! {
        site => pages.site.as_str(), ways, next, message, plugin => given.plugin.as_str(), username => given.username.as_str(),
    };
    render_page(status, "login.html", values)
}

/// The authenticators that ask for a password.
async fn list_password_authenticators(pages: &Pages) -> Result<Vec<Authenticator>, Problem> {
    let known = pages.identity.icat().get_properties().await.map_err(|e| catalogue_unavailable(&e))?;
    Ok(known.authenticators.into_iter().filter(|way| way.keys.iter().any(|key| key.name == "password")).collect())
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
    Problem::new(Code::Unavailable, "logbook/icat-down", text).with_retry_after(10).with_source(e.to_string())
}

pub async fn log_in(
    pages: web::Data<Pages>,
    request: HttpRequest,
    client: web::ReqData<ClientAddress>,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let form = form.into_inner();
    let ways = if form.username.contains('/') { list_password_authenticators(&pages).await? } else { Vec::new() };
    let (plugin, username) = split_account(&form, &ways);
    let credentials = [("username", username), ("password", form.password.as_str())];
    match pages.identity.icat().login_for_client(plugin, &credentials, client.0).await {
        Ok(session) => {
            let mut answer = redirect_to(to_page_address(&form.next));
            answer.add_cookie(&create_cookie(&request, &session)).map_err(Problem::internal)?;
            Ok(answer)
        }
        Err(e) if e.is_refused_login() => {
            let text = "User name or password is wrong.";
            render_form(&pages, StatusCode::FORBIDDEN, to_page_address(&form.next), &form, Some(text)).await
        }
        Err(e) if e.is_login_unavailable() => Err(catalogue_unavailable(&e)),
        Err(e) => {
            let text = "the catalogue cannot open sessions now; try again later";
            Err(Problem::new(Code::BadGateway, "logbook/login-failed", text).with_source(e.to_string()))
        }
    }
}

pub async fn log_out(pages: web::Data<Pages>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    if let Some(session) = find_session(&request)
        && let Err(e) = pages.identity.icat().end_session(&session).await
    {
        tracing::info!(error = %e, "a session could not be ended");
    }
    let mut answer = redirect_to(PAGE_ADDRESS);
    answer.add_cookie(&create_cookie(&request, "")).map_err(Problem::internal)?;
    Ok(answer)
}
