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

/// What every operation may answer.
pub struct IcatFailures;

impl IntoResponses for IcatFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let failure = |status: &str, description: &str| {
            let content = Content::new(Some(Ref::from_schema_name("IcatFailure")));
            let response = ResponseBuilder::new().description(description).content("application/json", content).build();
            (status.to_owned(), RefOr::T(response))
        };
        BTreeMap::from([
            failure("400", "`BAD_PARAMETER`: a mistake in a parameter"),
            failure(
                "403",
                "`SESSION`: there is no valid session; `INSUFFICIENT_PRIVILEGES`: the API key lacks the scope `read`",
            ),
            failure("429", "`INTERNAL`: too many requests from this address"),
            failure("500", "`INTERNAL`: an error of the server"),
            failure("502", "`INTERNAL`: the catalogue sent an unexpected response"),
            failure("503", "`INTERNAL`: the server is too busy, or the search took too long"),
        ])
    }
}
