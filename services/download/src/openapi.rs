//! The `OpenAPI` document: the operations stand at their handlers, what several of them share stands here.

#![expect(dead_code, reason = "shapes that handlers read and write otherwise, because their bytes are a contract")]

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi, ToSchema};

use crate::routes::{get_data, ping, version};

/// `services/download/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: download",
        description = "Data files in the interface of ids.server 2.1: one with ranges and validators, or several as \
            one ZIP.\n\nWhat a caller may have is asked of ICAT with the caller's own session. Every address answers \
            OPTIONS with `Allow`, every GET also as HEAD; an address that is not listed answers 501 `NOT_IMPLEMENTED`, \
            a method that is not listed 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(ping::get, version::get, get_data::get),
    components(schemas(Failure)),
    modifiers(&Bearer),
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of auth or an ICAT session id, where none is given as `sessionId`"))
            .build();
        document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// What ids.server answers to a request that it refuses or that fails.
#[derive(ToSchema)]
pub struct Failure {
    code: FailureCode,
    /// For people.
    message: String,
}

/// The kinds of failure.
#[derive(ToSchema)]
enum FailureCode {
    BadRequestException,
    /// Trying later helps.
    DataNotOnlineException,
    InsufficientPrivilegesException,
    InternalException,
    NotFoundException,
    NotImplementedException,
    #[serde(rename = "NOT_IMPLEMENTED")]
    NoSuchAddress,
}

#[derive(ToSchema)]
pub struct Version {
    #[schema(example = "2.1.2")]
    version: String,
}

/// The bytes of a file or an archive.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Bytes(Vec<u8>);

/// What to download. Without any ids the answer is an empty ZIP.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct DataQuery {
    /// An ICAT session; or `Authorization: Bearer`.
    #[param(nullable = false, pattern = "^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$")]
    session_id: Option<String>,
    /// Not supported yet: answers 501.
    #[param(nullable = false)]
    prepared_id: Option<String>,
    /// Ids with commas between them.
    #[param(nullable = false, example = "1,2,3")]
    datafile_ids: Option<String>,
    /// Ids with commas between them; all their files.
    #[param(nullable = false, example = "1,2,3")]
    dataset_ids: Option<String>,
    /// Ids with commas between them; all their files.
    #[param(nullable = false, example = "1,2,3")]
    investigation_ids: Option<String>,
    /// `true` also puts one file alone into a ZIP.
    #[param(nullable = false)]
    zip: Option<bool>,
    /// Name of the download; `.zip` is added to archives.
    #[param(nullable = false)]
    outname: Option<String>,
}

/// What every operation may answer.
pub struct Always;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let later = |response: ResponseBuilder| {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
            let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds")).build();
            response.header("Retry-After", header)
        };
        let busy = "`DataNotOnlineException`: too busy, ICAT or auth does not answer, or the answer took too long";
        BTreeMap::from([
            of("429", later(failure("`DataNotOnlineException`: too many requests from this address"))),
            of("500", failure("`InternalException`: a fault of the server")),
            of("503", later(failure(busy))),
        ])
    }
}

fn failure(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}

fn of(status: &str, response: ResponseBuilder) -> (String, RefOr<Response>) {
    (status.to_owned(), response.build().into())
}
