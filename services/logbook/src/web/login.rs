//! `POST /logbook/app/login` and `/logout`: a session of ICAT for the page's cookie.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use icat_client::IcatError;
use icat_client::client::Authenticator;
use minijinja::context;
use serde::Deserialize;
use service_kit::{ClientAddress, Code, Problem};

use crate::state::State;
use crate::web::session_cookie::{HOME, cookie, own_address, redirect, refuse_foreign, session};
use crate::web::templates::page;

#[derive(Default, Deserialize)]
pub struct Form {
    plugin: String,
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Where nobody is logged in: the form, which leads back to the address that was asked for.
pub async fn form(state: &State, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let next = request.uri().path_and_query().map_or(HOME, |target| target.as_str());
    shown(state, StatusCode::OK, own_address(next), &Form::default(), None).await
}

async fn shown(
    state: &State,
    status: StatusCode,
    next: &str,
    given: &Form,
    message: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let ways: Vec<_> = ways(state)
        .await?
        .into_iter()
        .map(|way| context! { friendly => way.friendly.as_deref().unwrap_or(&way.mnemonic), mnemonic => way.mnemonic })
        .collect();
    let values = context! {
        site => state.site.as_str(), ways, next, message, plugin => given.plugin.as_str(), username => given.username.as_str(),
    };
    page(status, "login.html", values)
}

/// The authenticators that ask for a password.
async fn ways(state: &State) -> Result<Vec<Authenticator>, Problem> {
    let known = state.identity.icat().get_properties().await.map_err(|e| down(&e))?;
    Ok(known.authenticators.into_iter().filter(|way| way.keys.iter().any(|key| key.name == "password")).collect())
}

/// Authenticator and name: whoever gives the name by which the catalogue knows them (`db/alice`) has said both.
fn account<'a>(form: &'a Form, ways: &[Authenticator]) -> (&'a str, &'a str) {
    match form.username.split_once('/') {
        Some((plugin, name)) if ways.iter().any(|way| way.mnemonic == plugin) => (plugin, name),
        _ => (&form.plugin, &form.username),
    }
}

fn down(e: &IcatError) -> Problem {
    let text = "the catalogue does not answer; try again later";
    Problem::new(Code::Unavailable, "logbook/icat-down", text).with_retry_after(10).with_source(e.to_string())
}

pub async fn post(
    state: web::Data<State>,
    request: HttpRequest,
    client: web::ReqData<ClientAddress>,
    form: web::Form<Form>,
) -> Result<HttpResponse, Problem> {
    refuse_foreign(&request)?;
    let form = form.into_inner();
    let ways = if form.username.contains('/') { ways(&state).await? } else { Vec::new() };
    let (plugin, username) = account(&form, &ways);
    let credentials = [("username", username), ("password", form.password.as_str())];
    match state.identity.icat().login_for_client(plugin, &credentials, client.0).await {
        Ok(session) => {
            let mut answer = redirect(own_address(&form.next));
            answer.add_cookie(&cookie(&request, &session)).map_err(Problem::internal)?;
            Ok(answer)
        }
        Err(e) if e.is_refused_login() => {
            let text = "User name or password is wrong.";
            shown(&state, StatusCode::FORBIDDEN, own_address(&form.next), &form, Some(text)).await
        }
        Err(e) if e.is_login_unavailable() => Err(down(&e)),
        Err(e) => {
            let text = "the catalogue cannot open sessions now; try again later";
            Err(Problem::new(Code::BadGateway, "logbook/login-failed", text).with_source(e.to_string()))
        }
    }
}

pub async fn leave(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    refuse_foreign(&request)?;
    if let Some(session) = session(&request)
        && let Err(e) = state.identity.icat().end_session(&session).await
    {
        tracing::info!(error = %e, "a session could not be ended");
    }
    let mut answer = redirect(HOME);
    answer.add_cookie(&cookie(&request, "")).map_err(Problem::internal)?;
    Ok(answer)
}
