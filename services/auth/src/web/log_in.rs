//! `POST /auth/app/login`: a login with a password.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::{create_page_cookie, redirect_to, refuse_foreign_site};
use service_kit::{Code, Problem};

use super::login_form::{LoginForm, parse_next, render_form};
use crate::icat_sessions::LoginError;
use crate::login_flow::OpenedSession;
use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn log_in(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    form: web::Form<LoginForm>,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let credentials = [("username", form.username.as_str()), ("password", form.password.as_str())];
    let issue = async |opened: &OpenedSession| {
        let handle = state.logins.start_page_login(opened, None, &origin.0).await?;
        service_kit::record_caller(&opened.session.user_name);
        Ok(handle)
    };
    let opened = state.login_flow.log_in(&form.plugin, &credentials, &origin.0, issue).await;
    match opened.map_err(LoginError::into_problem) {
        Ok(handle) => {
            let mut response = redirect_to(parse_next(&form.next).as_str());
            response.add_cookie(&create_page_cookie(&request, handle.expose())).map_err(Problem::internal)?;
            Ok(response)
        }
        Err(problem) if problem.code == Code::Unauthenticated => {
            let message = "User name or password is wrong.";
            render_form(&state, StatusCode::FORBIDDEN, &form, Some(message)).await
        }
        Err(problem) => Err(problem),
    }
}
