//! Shapes of answers, for the `OpenAPI` document.

#![expect(dead_code, reason = "shapes that handlers write as text, because their bytes are a contract")]

use std::collections::BTreeMap;

use service_kit::openapi::{response_entry, with_retry_after};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// The body of an error response, as in icat.server.
#[derive(ToSchema)]
pub struct Failure {
    code: FailureCode,
    /// A text for people; some clients compare it with known texts.
    message: String,
    /// The position of the entity in the request that caused the error, counted from 0.
    #[schema(nullable = false)]
    offset: Option<i64>,
}

/// The kinds of errors.
#[derive(ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FailureCode {
    BadParameter,
    Internal,
    InsufficientPrivileges,
    NoSuchObjectFound,
    ObjectAlreadyExists,
    Session,
    Validation,
    NotImplemented,
}

#[derive(ToSchema)]
pub struct Version {
    #[schema(example = "6.2.0")]
    version: String,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionId {
    #[schema(format = "uuid")]
    session_id: String,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    #[schema(example = "db/alice")]
    user_name: String,
    remaining_minutes: f64,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    logged_in: bool,
}

#[derive(ToSchema)]
pub struct Id {
    id: i64,
}

/// An operation on an entity.
#[derive(ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum AccessType {
    Create,
    Read,
    Update,
    Delete,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessAllowed {
    is_access_allowed: bool,
}

/// A type of entity.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityInfo {
    #[schema(example = "Dataset")]
    name: String,
    /// The unique key; empty if there is none.
    constraint_field_names: Vec<String>,
    fields: Vec<FieldInfo>,
}

#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldInfo {
    name: String,
    /// `String`, `Long`, `Integer`, `Double`, `boolean`, `Date`, an enumeration, or the type to which a relation leads.
    #[schema(rename = "type")]
    r#type: String,
    rel_type: RelType,
    not_nullable: bool,
    /// The maximum number of characters of a string.
    #[schema(nullable = false)]
    string_length: Option<u32>,
    /// The values of an enumeration.
    #[schema(nullable = false)]
    values: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum RelType {
    Attribute,
    One,
    Many,
}

/// The result of a query: the rows of a search, or one entity.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum Rows {
    /// One element per row: an entity, a value (number, text, boolean, time or null), or an array of these if the query
    /// selects several.
    Search(Vec<serde_json::Value>),
    One(Entity),
}

/// An entity under the name of its type, `{"Dataset":{"id":31,"createId":"db/alice","name":"scan",…}}`. Attributes
/// without a value and to-one relations that are not included are omitted; to-many relations that are not included are
/// empty arrays. The fields depend on the type; they are those of the ICAT 6.2 schema.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub struct Entity(serde_json::Value);

/// What every operation may answer.
pub struct CommonResponses;

impl IntoResponses for CommonResponses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry(
                "429",
                with_retry_after(failure_response("`INTERNAL`: too many requests from this address")),
            ),
            response_entry("500", failure_response("`INTERNAL`: an error of the server")),
            response_entry(
                "503",
                with_retry_after(failure_response("`INTERNAL`: the server is too busy, or the response took too long")),
            ),
        ])
    }
}

/// What every operation with a body may answer.
pub struct BodyResponses;

impl IntoResponses for BodyResponses {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            response_entry("413", failure_response("`BAD_PARAMETER`: the body is too large")),
            response_entry("415", failure_response("`BAD_PARAMETER`: the body is not a form")),
        ])
    }
}

fn failure_response(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}
