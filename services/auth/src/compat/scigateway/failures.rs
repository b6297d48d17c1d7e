//! The errors of the interface, with the words of scigateway-auth 0.1.0.

use std::collections::BTreeMap;

use icat_client::IcatError;
use service_kit::openapi::{response_entry, with_retry_after};
use service_kit::{Code, DbError, Problem};
use utoipa::IntoResponses;
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

use crate::error::from_icat_error;
use crate::error_format::{FAILED, SOMETHING_WENT_WRONG};
use crate::icat_sessions::LoginError;
use crate::providers::ProviderLoginError;

/// Answers of every operation.
pub struct CommonScigatewayFailures;

/// Answers of operations with a body.
pub struct ScigatewayBodyFailures;

impl IntoResponses for CommonScigatewayFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("429", with_retry_after(failure_response("Too many requests from this address"))),
            response_entry("500", failure_response("An error of the server, or ICAT does not answer")),
            response_entry("503", with_retry_after(failure_response("The server is too busy"))),
        ])
    }
}

impl IntoResponses for ScigatewayBodyFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("400", failure_response("The body is not UTF-8")),
            response_entry("413", failure_response("The body is too large")),
            response_entry("422", failure_response("The body is not JSON, or a field is missing or of another type")),
        ])
    }
}

fn failure_response(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("ScigatewayFailure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}

/// A failure of the server that has words of its own.
pub fn server_failure(text: &'static str) -> Problem {
    Problem::new(Code::Internal, FAILED, text)
}

/// A failure of the database, which has words of its own; that it was busy is told as everywhere.
pub fn from_database_error(text: &'static str) -> impl Fn(DbError) -> Problem {
    move |e| match Problem::from(e) {
        problem if problem.code == Code::Unavailable => problem,
        problem => server_failure(text).with_source(problem),
    }
}

/// Whatever was not expected of ICAT.
pub fn from_icat_failure(e: IcatError) -> Problem {
    Problem::new(Code::Internal, "auth/icat-failed", SOMETHING_WENT_WRONG).with_source(e)
}

pub fn forbidden(slug: &'static str, text: impl Into<String>) -> Problem {
    Problem::new(Code::Forbidden, slug, text)
}

pub fn not_authenticated() -> Problem {
    Problem::new(Code::Unauthenticated, "auth/no-credentials", "Not authenticated")
}

/// An ID token that proves no login; `word` says why, for the log.
pub fn invalid_id_token(word: &'static str) -> Problem {
    forbidden("auth/bad-id-token", "Invalid OIDC id_token").with_source(word)
}

/// Whatever an identity provider did not do as expected.
pub fn from_provider_failure(e: ProviderLoginError) -> Problem {
    let word = e.as_str();
    let problem = e.into_problem("the identity provider");
    Problem::new(Code::Internal, "auth/provider-failed", SOMETHING_WENT_WRONG).with_source(format!("{word}: {problem}"))
}

/// A token that is not one of this interface, has expired, or belongs to a login that is over.
pub fn invalid_token() -> Problem {
    forbidden("auth/bad-token", "Invalid JWT token provided")
}

pub fn refresh_refused(slug: &'static str) -> Problem {
    forbidden(slug, "Unable to refresh access token")
}

/// The refresh of a login failed; `problem` is what a client of the token interface would be told.
pub fn from_refresh_failure(problem: Problem) -> Problem {
    match problem.code {
        Code::Internal | Code::OutcomeUnknown | Code::InsufficientStorage => problem,
        // As scigateway-auth, also if ICAT does not answer.
        _ => refresh_refused(problem.slug).with_source(problem),
    }
}

/// A refused login is told ICAT's own words.
pub fn from_login_error(e: LoginError) -> Problem {
    match e {
        LoginError::Icat(e @ IcatError::Refused { .. }) if e.is_login_unavailable() => from_icat_error(e),
        // scigateway-auth answers 500 to this as well, which says nothing of trying again.
        LoginError::Icat(e) if e.is_busy() => from_icat_error(e),
        LoginError::Icat(IcatError::Refused { message, .. }) => forbidden("auth/refused", message),
        LoginError::Icat(e) => from_icat_failure(e),
        LoginError::Other(problem) => problem,
    }
}
