//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here. What other
//! services ask on the internal listener is not part of it.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

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
    modifiers(&Bearer, &OptionalBody),
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An access token; to get one, an ICAT session id"))
            .build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

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

/// Problem details (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of what the floor writes")]
pub struct Failure {
    /// Which kind of failure, for programs.
    #[schema(example = "urn:undulator:problem:auth/bad-credentials")]
    r#type: String,
    title: String,
    status: u16,
    /// What is wrong, for people.
    detail: String,
    /// Under which the operators find it in the log.
    request_id: String,
}

/// What every operation of ours may answer.
pub struct Always;

/// What every operation of ours that takes a body may answer.
pub struct Body;

/// What every operation of ours that asks ICAT may answer.
pub struct FromIcat;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            of("429", later(failure("Too many requests from this address"))),
            of("500", failure("A fault of the server")),
            of("503", later(failure("Too busy, or ICAT does not answer"))),
        ])
    }
}

impl IntoResponses for Body {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            of("413", failure("The body is too large")),
            of("415", failure("The body is no `application/json`")),
        ])
    }
}

impl IntoResponses for FromIcat {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([of("502", failure("ICAT answers something unexpected"))])
    }
}

/// What every operation of ICAT+ may answer; its failures are plain text.
pub struct OfIcatPlus;

/// What every operation of ICAT+ that takes a body may answer.
pub struct BodyOfIcatPlus;

impl IntoResponses for OfIcatPlus {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            of("429", later(text("Too many requests from this address"))),
            of("500", text("A fault of the server")),
            of("502", text("ICAT answers something unexpected")),
            of("503", later(text("Too busy, or ICAT does not answer"))),
        ])
    }
}

impl IntoResponses for BodyOfIcatPlus {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            of("400", text("The body is no JSON, or a field is no text")),
            of("413", text("The body is too large")),
            of("415", text("The body is no `application/json`")),
        ])
    }
}

fn later(response: ResponseBuilder) -> ResponseBuilder {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
    let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds")).build();
    response.header("Retry-After", header)
}

fn failure(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/problem+json", Content::new(Some(schema)))
}

fn text(description: &str) -> ResponseBuilder {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    ResponseBuilder::new().description(description).content("text/plain", Content::new(Some(schema)))
}

fn of(status: &str, response: ResponseBuilder) -> (String, RefOr<Response>) {
    (status.to_owned(), response.build().into())
}
