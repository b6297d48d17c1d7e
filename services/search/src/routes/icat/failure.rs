//! Errors of icat.server in the `OpenAPI` document.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// An error of icat.server.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what the boundary writes")]
pub struct IcatFailure {
    #[schema(example = "BAD_PARAMETER")]
    code: String,
    message: String,
}

/// What every operation for users may answer.
pub struct IcatFailures;

/// What every operation for administrators of services may answer.
pub struct IcatAdministratorFailures;

impl IntoResponses for IcatFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        list_failures("the API key lacks the scope `read`")
    }
}

impl IntoResponses for IcatAdministratorFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut failures =
            list_failures("the caller is no administrator of services, or the API key lacks the scope `admin`");
        failures.extend([build_failure("415", "`BAD_PARAMETER`: the body is not a form")]);
        failures
    }
}

fn list_failures(insufficient_privileges: &str) -> BTreeMap<String, RefOr<Response>> {
    let forbidden =
        format!("`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: {insufficient_privileges}");
    BTreeMap::from([
        build_failure("400", "`BAD_PARAMETER`: a mistake in a parameter"),
        build_failure("403", &forbidden),
        build_failure("429", "`INTERNAL`: too many requests from this address"),
        build_failure("500", "`INTERNAL`: an error of the server"),
        build_failure("502", "`INTERNAL`: the catalogue sent an unexpected response"),
        build_failure("503", "`INTERNAL`: the server is too busy, or the search took too long"),
    ])
}

fn build_failure(status: &str, description: &str) -> (String, RefOr<Response>) {
    let content = Content::new(Some(Ref::from_schema_name("IcatFailure")));
    let response = ResponseBuilder::new().description(description).content("application/json", content).build();
    (status.to_owned(), RefOr::T(response))
}
