//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here.

#![expect(dead_code, reason = "a shape that the process renders")]

use std::collections::BTreeMap;

use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::routes::{effects, things};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: probe",
        description = "The worked example of a service.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(things::create::post, things::get::get, effects::list::get),
    components(schemas(Failure))
)]
pub struct Document;

/// RFC 9457.
#[derive(ToSchema)]
pub struct Failure {
    /// Stable and machine-readable, such as `probe/name-taken`.
    #[schema(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    /// For people.
    detail: String,
}

/// What every operation may answer.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let of = |status: &str, description: &str| {
            let content = Content::new(Some(Ref::from_schema_name("Failure")));
            let response = ResponseBuilder::new().description(description);
            (status.to_owned(), response.content("application/problem+json", content).build().into())
        };
        BTreeMap::from([
            of("429", "Too many requests from this address"),
            of("500", "A fault of the server"),
            of("503", "Too busy, or the answer took too long"),
        ])
    }
}
