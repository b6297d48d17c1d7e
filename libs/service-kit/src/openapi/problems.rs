//! What the documents of services share whose failures are problem details (RFC 9457). A service lists [`Failure`] among
//! its components and, where callers say who they are, [`BEARER`] among its modifiers; the rest stands in the
//! `responses` of its operations.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey as ApiKeyScheme, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, ToSchema};

/// Problem details (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what the boundary writes")]
pub struct Failure {
    /// The kind of the error, for programs.
    #[schema(example = "urn:undulator:problem:identity/bad-credentials")]
    r#type: String,
    title: String,
    status: u16,
    /// A description of the error, for people.
    detail: String,
    /// The id with which operators can find the request in the log.
    request_id: String,
}

/// What every operation may answer: 429, 500, 503.
pub struct CommonFailures;

/// What every operation that takes a body of JSON may answer besides: 413, 415.
pub struct BodyFailures;

/// What every operation that asks ICAT may answer besides: 502.
pub struct IcatFailures;

/// What every operation that takes a `Caller` may answer besides: 401, 502.
pub struct CallerFailures;

impl IntoResponses for CommonFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("429", with_retry_after(failure_response("Too many requests from this address"))),
            response_entry("500", failure_response("An error of the server")),
            response_entry(
                "503",
                with_retry_after(failure_response("The server is too busy, or another system does not answer")),
            ),
        ])
    }
}

impl IntoResponses for BodyFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("413", failure_response("The body is too large")),
            response_entry("415", failure_response("The body is not `application/json`")),
        ])
    }
}

impl IntoResponses for IcatFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([response_entry("502", failure_response("ICAT sent an unexpected response"))])
    }
}

impl IntoResponses for CallerFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = IcatFailures::responses();
        all.extend([response_entry("401", unauthenticated_response("No credentials, or none that are good"))]);
        all
    }
}

/// The answer to whoever has not said who they are, or has to prove it better.
pub fn unauthenticated_response(description: &str) -> ResponseBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let header = HeaderBuilder::new().schema(Some(text)).description(Some(
        "`Bearer`; with `error=\"insufficient_user_authentication\"`, `acr_values` and `max_age`, the operation needs a login of a \
         higher level or a newer one (RFC 9470)",
    ));
    failure_response(description).header("WWW-Authenticate", header.build())
}

/// The scheme `bearer` of `security(("bearer" = []))`, with its description.
pub struct Bearer(pub &'static str);

/// The scheme `api_key` of `security(("api_key" = []))`: the header `X-Api-Key`.
pub struct ApiKey;

impl Modify for ApiKey {
    fn modify(&self, document: &mut OpenApi) {
        let description = "An API key of a program";
        let scheme =
            SecurityScheme::ApiKey(ApiKeyScheme::Header(ApiKeyValue::with_description("X-Api-Key", description)));
        document.components.get_or_insert_default().add_security_scheme("api_key", scheme);
    }
}

/// For operations that take a `Caller`.
pub const BEARER: Bearer = Bearer("A token of auth, an ICAT session id, or an API key");

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(self.0)).build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The same answer with `Retry-After`.
pub fn with_retry_after(response: ResponseBuilder) -> ResponseBuilder {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds")).build();
    response.header("Retry-After", header)
}

fn failure_response(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/problem+json", Content::new(Some(schema)))
}

/// A failure in plain text.
pub fn plain_text_response(description: &str) -> ResponseBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    ResponseBuilder::new().description(description).content("text/plain", Content::new(Some(schema)))
}

/// An answer under its status, as `responses` has them.
pub fn response_entry(status: &str, response: ResponseBuilder) -> (String, RefOr<Response>) {
    (status.to_owned(), response.build().into())
}
