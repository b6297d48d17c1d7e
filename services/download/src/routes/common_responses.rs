//! Responses in the `OpenAPI` document that many operations share.

use std::collections::BTreeMap;

use service_kit::openapi::{response_entry, with_retry_after};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// The bytes of a file or an archive.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Bytes(#[expect(dead_code, reason = "the document only needs the type")] Vec<u8>);

/// What every operation may answer.
pub struct CommonResponses;

impl IntoResponses for CommonResponses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let busy = "`DataNotOnlineException`: overloaded, ICAT or auth does not answer, or the answer took too long";
        BTreeMap::from([
            response_entry(
                "429",
                with_retry_after(describe_failure("`DataNotOnlineException`: too many requests from this address")),
            ),
            response_entry("500", describe_failure("`InternalException`: internal error")),
            response_entry("503", with_retry_after(describe_failure(busy))),
        ])
    }
}

fn describe_failure(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}
