//! Shapes of answers, for the `OpenAPI` document.

#![expect(dead_code, reason = "shapes that handlers write as text, because their bytes are a contract")]

use std::collections::BTreeMap;

use service_kit::openapi::{response_entry, with_retry_after};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// What icat.server answers to a request that it refuses or that fails.
#[derive(ToSchema)]
pub struct Failure {
    code: FailureCode,
    /// For people; clients match a few of them.
    message: String,
    /// Which entity of the list that was sent is at fault, counted from 0.
    #[schema(nullable = false)]
    offset: Option<i64>,
}

/// The kinds of failure.
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

/// What somebody may do with an entity.
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
    /// `String`, `Long`, `Integer`, `Double`, `boolean`, `Date`, an enumeration, or the type that a relation leads to.
    #[schema(rename = "type")]
    r#type: String,
    rel_type: RelType,
    not_nullable: bool,
    /// The most characters of a string.
    #[schema(nullable = false)]
    string_length: Option<u32>,
    /// The names of an enumeration.
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

/// What a query gives: rows of a search, or one entity.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum Rows {
    /// One element per row: an entity, a value (number, text, boolean, time or null), or an array of such where the
    /// query selects several things.
    Search(Vec<serde_json::Value>),
    One(Entity),
}

/// An entity under the name of its type, `{"Dataset":{"id":31,"createId":"db/alice","name":"scan",…}}`: attributes
/// that are not set and to-one relations that are not included are left out, to-many relations that are not included
/// are empty arrays. Which fields there are depends on the type; they are those of the ICAT 6.2 schema.
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
            response_entry("500", failure_response("`INTERNAL`: a fault of the server")),
            response_entry(
                "503",
                with_retry_after(failure_response("`INTERNAL`: too busy, or the answer took too long")),
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
            response_entry("415", failure_response("`BAD_PARAMETER`: the body is no form")),
        ])
    }
}

fn failure_response(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Failure");
    ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
}
