//! `GET /icat/readable/{entity}`: what the user may read of an entity, as sets of ids. icat.server has nothing like it.

use actix_web::http::header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use icat_client::schema::{Entity, find_entity};
use serde::{Deserialize, Serialize};
use service_kit::parameters::parse_query;
use service_kit::{Problem, sha256_hex};
use utoipa::{IntoParams, ToSchema};

use crate::authorization::{self, ReadableLimits, ReadableRows, find_readable_rows};
use crate::error::Error;
use crate::routes::http::{json_response, requested_credential};
use crate::routes::schemas::{CommonResponses, Failure};
use crate::state::State;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[param(nullable = false)]
    session_id: Option<String>,
}

/// What the user may read of an entity.
#[derive(Serialize, ToSchema)]
pub struct Readable {
    #[schema(example = "Datafile")]
    entity: &'static str,
    access: ReadableAccess,
    /// Present if `access` is `rows`. `false` if some rules are not part of the lists, so that the user may read more rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    complete: Option<bool>,
    /// Present if `access` is `rows`. A row may be read if one of the lists contains the id at the end of its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rows: Option<Vec<DecidingRows>>,
}

/// All rows, no row, or those that follow from the lists.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ReadableAccess {
    All,
    None,
    Rows,
}

/// Rows that decide about others.
#[derive(Serialize, ToSchema)]
struct DecidingRows {
    /// The relations from a row to the one that decides; empty if the row itself does.
    #[schema(example = "dataset.investigation")]
    path: String,
    /// The type of the rows in the list.
    #[schema(example = "Investigation")]
    entity: &'static str,
    /// Their ids: a Roaring bitmap in the portable 64-bit format, in base64.
    #[schema(format = "byte")]
    ids: String,
}

impl Readable {
    fn from_rows(entity: &'static Entity, found: ReadableRows) -> Result<Self, Problem> {
        let name = entity.name;
        Ok(match found {
            ReadableRows::All => Self { entity: name, access: ReadableAccess::All, complete: None, rows: None },
            ReadableRows::None => Self { entity: name, access: ReadableAccess::None, complete: None, rows: None },
            ReadableRows::Rows { rows, complete } => {
                let rows = rows.iter().map(|list| DecidingRows::from_list(entity, list)).collect::<Result<_, _>>()?;
                Self { entity: name, access: ReadableAccess::Rows, complete: Some(complete), rows: Some(rows) }
            }
        })
    }
}

impl DecidingRows {
    fn from_list(entity: &'static Entity, list: &authorization::DecidingRows) -> Result<Self, Problem> {
        let mut bytes = Vec::with_capacity(list.ids.serialized_size());
        list.ids.serialize_into(&mut bytes).map_err(Problem::internal)?;
        let target = list.path.last().map_or(entity, |one| one.target());
        Ok(Self { path: list.render_path(), entity: target.name, ids: STANDARD.encode(bytes) })
    }
}

#[utoipa::path(
    get, path = "/icat/readable/{entity}", operation_id = "list_readable_rows", tag = "entities",
    summary = "List what the user may read of an entity",
    description = "The response contains the ids of the rows that decide, such as the investigations whose datafiles the \
        user may read: at most 5,000,000. It describes the moment of the request. Rules that can fail, take too long or select \
        too many rows are left out; then `complete` is `false`.",
    params(
        ("entity" = String, Path, description = "Such as `Datafile`"),
        Query,
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response"),
    ),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        (status = 200, description = "What the user may read", body = Readable,
            headers(("ETag" = String, description = "Changes with the content"))),
        (status = 304, description = "The content is that of the `ETag` in `If-None-Match`"),
        (status = 400, description = "`BAD_PARAMETER`: there is no such entity", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session", body = Failure),
    ),
)]
pub async fn list_readable_rows(
    state: web::Data<State>,
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let Query { session_id } = parse_query(&request)?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    let mut tx = state.db.read().await?;
    let user_name = state.sessions.require_user(&mut tx, &credential).await?;
    let entity = find_entity(&name).ok_or_else(|| {
        Error::BadParameter(format!("{name} is not an ICAT entity; names are case-sensitive, such as Datafile"))
    })?;
    let rights = state.rules.load_rights(&mut tx, user_name).await?;
    let env = state.queries.new_environment(&rights, tx.engine());
    let found =
        find_readable_rows(&mut tx, &rights, entity, &env, ReadableLimits::DEFAULT).await.map_err(Error::from)?;
    drop(tx);
    let body = serde_json::to_string(&Readable::from_rows(entity, found)?).map_err(Problem::internal)?;
    Ok(respond_if_changed(&request, body))
}

/// 304 if the client has this content already. Its tag may have become a weak one on the way.
fn respond_if_changed(request: &HttpRequest, body: String) -> HttpResponse {
    let tag = EntityTag::new_strong(sha256_hex(&body));
    let is_known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
        // A tag that cannot be read is not the one of this content.
        Err(_) => false,
    };
    let mut response = if is_known { HttpResponse::NotModified().finish() } else { json_response(body) };
    let headers = [(CACHE_CONTROL, "private, no-cache".to_owned()), (ETAG, tag.to_string())];
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
