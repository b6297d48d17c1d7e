//! `POST /search/app/login` and `/logout`: a session of ICAT for the cookie of the pages.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{LoginForm, LoginFormView, LoginOutcome};
use minijinja::context;
use minijinja::value::Serde;
use service_kit::{ClientAddress, Problem};

use super::pages::Pages;
use super::templates::render_page;

/// Where nobody is logged in: the form, which leads back to the address that was asked for.
pub async fn show_form(pages: &Pages, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    render_form(pages, StatusCode::OK, pages.sessions.prepare_form(request).await?)
}

fn render_form(pages: &Pages, status: StatusCode, form: LoginFormView) -> Result<HttpResponse, Problem> {
    let values = context! { site => pages.site.as_str(), logbook => pages.logbook_page.as_deref(), ..Serde(form) };
    render_page(status, "login.html", values)
}

pub async fn log_in(
    pages: web::Data<Pages>,
    request: HttpRequest,
    client: web::ReqData<ClientAddress>,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, Problem> {
    match pages.sessions.log_in(&request, client.0, form.into_inner()).await? {
        LoginOutcome::LoggedIn(response) => Ok(response),
        LoginOutcome::Refused(form) => render_form(&pages, StatusCode::FORBIDDEN, form),
    }
}

pub async fn log_out(pages: web::Data<Pages>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    pages.sessions.log_out(&request).await
}
