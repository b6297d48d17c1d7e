//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here. What other
//! services ask on the internal listener is not part of it.

use std::collections::BTreeMap;

use service_kit::openapi::{Bearer, Failure, plain_text_response, response_entry, with_retry_after};
use utoipa::openapi::{RefOr, Required, Response};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::routes::{jwks, session, token};

/// `services/auth/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: logins",
        description = "Access tokens and the keys to verify them with, and the sessions of ICAT+.\n\nLogins go to ICAT, \
            which asks its authenticators. Every address answers OPTIONS with `Allow`, every GET also as HEAD; a method \
            that is not listed answers 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "tokens", description = "Access tokens, and the keys to verify them with"),
        (name = "sessions", description = "Sessions of ICAT+"),
    ),
    paths(
        token::create::post,
        token::end::delete,
        jwks::get,
        session::create::post,
        session::get::get,
        session::refresh::put,
        session::end::delete,
    ),
    components(schemas(Failure)),
    modifiers(&BEARER, &OptionalBody),
)]
pub struct Document;

const BEARER: Bearer = Bearer("An access token; to get one, an ICAT session id");

/// The body of a login may be missing, which the attribute at the handler can only say as "may be null".
struct OptionalBody;

impl Modify for OptionalBody {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let login = document.paths.paths.get_mut("/auth/v1/token").and_then(|path| path.post.as_mut());
        if let Some(RefOr::T(body)) = login.and_then(|operation| operation.request_body.as_mut()) {
            body.required = Some(Required::False);
        }
    }
}

/// What every operation of ICAT+ may answer; its failures are plain text.
pub struct OfIcatPlus;

/// What every operation of ICAT+ that takes a body may answer.
pub struct BodyOfIcatPlus;

impl IntoResponses for OfIcatPlus {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("429", with_retry_after(plain_text_response("Too many requests from this address"))),
            response_entry("500", plain_text_response("A fault of the server")),
            response_entry("502", plain_text_response("ICAT answers something unexpected")),
            response_entry("503", with_retry_after(plain_text_response("Too busy, or ICAT does not answer"))),
        ])
    }
}

impl IntoResponses for BodyOfIcatPlus {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("400", plain_text_response("The body is no JSON, or a field is no text")),
            response_entry("413", plain_text_response("The body is too large")),
            response_entry("415", plain_text_response("The body is no `application/json`")),
        ])
    }
}
