//! Answers that the operations of ICAT+ have in common; its errors are plain text.

use std::collections::BTreeMap;

use service_kit::openapi::{plain_text_response, response_entry, with_retry_after};
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// Answers of every operation of ICAT+.
pub struct IcatPlusErrors;

/// Answers of operations of ICAT+ with a body.
pub struct IcatPlusBodyErrors;

impl IntoResponses for IcatPlusErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("429", with_retry_after(plain_text_response("Too many requests from this address"))),
            response_entry("500", plain_text_response("Internal error")),
            response_entry("502", plain_text_response("ICAT sent an invalid answer")),
            response_entry("503", with_retry_after(plain_text_response("Overloaded, or ICAT does not answer"))),
        ])
    }
}

impl IntoResponses for IcatPlusBodyErrors {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("400", plain_text_response("The body is not JSON, or a field is not a text")),
            response_entry("413", plain_text_response("The body is too large")),
            response_entry("415", plain_text_response("The body is not `application/json`")),
        ])
    }
}
