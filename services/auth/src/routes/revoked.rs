//! `GET /auth/v1/revoked`: logins that ended although tokens of them are still valid, for verifiers that do not hear events.

use actix_web::http::header::{CACHE_CONTROL, ContentType, ETAG, EntityTag};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::openapi::{CommonFailures, Failure};
use service_kit::parameters::parse_query;
use service_kit::{Code, Micros, Problem, has_current_content, sha256_hex};
use utoipa::{IntoParams, ToSchema};

use crate::revocations::{Position, RenderedPage, RevokedPage};
use crate::state::State;
use crate::store::revoked_logins::RevokedLogin;

/// Of the hash of a login; 128 bits are enough to tell logins apart.
const ID_LENGTH: usize = 32;
/// Entries of one answer: about 3 MB before compression.
const MAX_ENTRIES: usize = 50_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// `next` of the previous answer: what ended since.
    after: Option<String>,
}

/// A login that has ended.
#[derive(Serialize, ToSchema)]
pub struct RevokedEntry {
    /// The first 32 hexadecimal digits of the SHA-256 of the claim `sid` of its tokens.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015")]
    id: String,
    /// `exp` of the last of its tokens (seconds since 1970 UTC). Keep the entry for as long after that as you accept expired tokens,
    /// such as 30 seconds.
    #[schema(example = 1_768_209_000)]
    exp: i64,
}

#[derive(Serialize, ToSchema)]
pub struct RevokedList {
    revoked: Vec<RevokedEntry>,
    /// For the next request. What ended shortly before this answer is in the next one again.
    next: String,
    /// Whether to ask again at once.
    more: bool,
}

#[utoipa::path(
    get, path = "/auth/v1/revoked", operation_id = "list_revoked", tag = "tokens",
    summary = "List logins that ended before their tokens",
    description = "For services that verify tokens by themselves and do not listen to events: refuse tokens whose `sid` is in \
        the list. Ask every 30 seconds, with `after`, and with the `ETag` of the last answer as `If-None-Match` if `after` \
        is the same. The answer has at most 50,000 entries.",
    params(Parameters),
    security(),
    responses(
        CommonFailures,
        (status = 200, description = "Ended logins, the first ended first", body = RevokedList),
        (status = 304, description = "The same as before"),
        (status = 400, description = "The query cannot be read", body = Failure, content_type = "application/problem+json"),
        (status = 422, description = "`after` is not `next` of a previous answer", body = Failure,
            content_type = "application/problem+json"),
    ),
)]
pub async fn list_revoked(state: web::Data<State>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let Parameters { after } = parse_query(&request)?;
    let after = after.as_deref().map(parse_position).transpose()?;
    let page = state.revocations.list_revoked(after.as_ref(), MAX_ENTRIES, render_page).await?;
    let etag = EntityTag::new_strong(page.etag);
    if !page.has_more && has_current_content(&request, &etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache")).insert_header((ETAG, etag));
    Ok(response.content_type(ContentType::json()).body(page.body))
}

fn render_page(page: &RevokedPage<'_>) -> Result<RenderedPage, Problem> {
    let to_entry = |login: &RevokedLogin| RevokedEntry {
        id: login.sid_hash[..ID_LENGTH].to_owned(),
        exp: to_whole_seconds(login.tokens_end_at),
    };
    let revoked: Vec<RevokedEntry> = page.logins.iter().map(to_entry).collect();
    // `next` moves with the time, but says nothing new where the entries are the same.
    let content = serde_json::to_vec(&revoked).map_err(Problem::internal)?;
    let etag = sha256_hex(&content)[..ID_LENGTH].to_owned();
    let list = RevokedList { revoked, next: render_position(&page.next), more: page.has_more };
    let body = serde_json::to_vec(&list).map_err(Problem::internal)?;
    Ok(RenderedPage { etag, body: body.into(), has_more: page.has_more })
}

/// Tokens expire at whole seconds; rows of earlier versions have fractions, which are rounded up.
fn to_whole_seconds(moment: Micros) -> i64 {
    -(-moment.as_i64()).div_euclid(1_000_000)
}

fn render_position(position: &Position) -> String {
    format!("{}.{}", position.ended_at.as_i64(), position.sid_hash)
}

fn parse_position(text: &str) -> Result<Position, Problem> {
    let parsed = text.split_once('.').and_then(|(ended_at, sid_hash)| {
        let is_hash = sid_hash.is_empty() || sid_hash.len() == 64;
        let ended_at = ended_at.parse().ok().filter(|_| is_hash)?;
        Some(Position { ended_at: Micros::from_i64(ended_at), sid_hash: sid_hash.to_owned() })
    });
    let text = "after must be next of a previous answer";
    parsed.ok_or_else(|| Problem::new(Code::Validation, "auth/bad-position", text))
}
