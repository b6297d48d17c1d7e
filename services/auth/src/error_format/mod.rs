//! The error formats of ICAT authenticator plugins, `{"code","message"}`, of the sessions of ICAT+, plain text, of pages, and of
//! the interface of scigateway-auth.

mod scigateway;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use identity::page_sessions::redirect_to;
use serde_json::json;
use service_kit::pages::{percent_encode_segment, render_error_page};
use service_kit::{Code, ErrorFormat, FailedRequest, http_status};

pub use self::scigateway::{FAILED, INVALID_BODY, SCIGATEWAY_ERRORS, SOMETHING_WENT_WRONG, ScigatewayFailure};
use crate::error::NOT_LOGGED_IN;

pub const AUTHN_ERRORS: ErrorFormat = ErrorFormat::new("authenticator plugin", render_authn_error);
/// ICAT+ has no 401: a missing or an unknown session is 403, as in icat.server.
pub const ICAT_PLUS_ERRORS: ErrorFormat = ErrorFormat::new("ICAT+ sessions", render_icat_plus_error);

/// The login page, whose style and start page the pages of failures have; without the slash at its start.
const LOGIN_PAGE: &str = "auth/app";
/// Pages for people who log in.
pub const PAGE_ERRORS: ErrorFormat = ErrorFormat::new("login page", render_page_error);

/// A page that is only for those who are logged in leads to the login, and from there back.
fn render_page_error(failed: &FailedRequest<'_>) -> HttpResponse {
    if let (NOT_LOGGED_IN, Some(page)) = (failed.problem.slug, failed.page) {
        return redirect_to(&format!("/{LOGIN_PAGE}?next={}", percent_encode_segment(page)));
    }
    // Style and start page are those of the login page, wherever the failed page is.
    render_error_page(&FailedRequest { mount_name: LOGIN_PAGE, ..*failed }, "To the login")
}

fn render_authn_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let FailedRequest { problem, mount_name, .. } = failed;
    let (status, code) = match problem.code {
        Code::NoRoute => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        Code::Internal | Code::BadGateway | Code::InsufficientStorage | Code::OutcomeUnknown => {
            (http_status(problem.code), "InternalException")
        }
        Code::Unauthenticated | Code::Forbidden => (StatusCode::FORBIDDEN, "AuthnException"),
        _ => (http_status(problem.code), "AuthnException"),
    };
    let message = if problem.code == Code::NoRoute {
        format!("Operation not implemented by this {mount_name} server.")
    } else {
        problem.detail.clone()
    };
    let body = json!({"code": code, "message": message}).to_string();
    HttpResponse::build(status).insert_header(("content-type", "application/json")).body(body)
}

fn render_icat_plus_error(failed: &FailedRequest<'_>) -> HttpResponse {
    let problem = failed.problem;
    let status = if problem.code == Code::Unauthenticated { StatusCode::FORBIDDEN } else { http_status(problem.code) };
    HttpResponse::build(status).content_type(ContentType::plaintext()).body(problem.detail.clone())
}
