//! `GET /resource/{sessionId}/file/download`: an attachment. In place of the session there may be a ticket for this one file,
//! which contents have in their images.

use std::future::ready;

use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use futures_util::stream::{once, unfold};
use identity::{Caller, Identity};
use serde::Deserialize;
use service_kit::{Problem, RequestCredential, content_disposition};
use utoipa::IntoParams;

use crate::api::document::{Always, Binary, Credential};
use crate::attachments::{is_shown_converted, is_shown_inline, signed_url, thumbnail};
use crate::catalogue::permissions;
use crate::error::Error;
use crate::state::State;
use crate::store::attachments::Attachment;
use crate::store::entries::Entry;
use crate::store::{attachments, entries};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    #[param(value_type = String)]
    resource_id: Option<String>,
    /// Of a large image a small one, as PNG; of a BMP or TIFF always, because not every browser shows these.
    #[param(nullable = false)]
    thumbnail: Option<bool>,
}

#[utoipa::path(
    get, path = "/resource/{credential}/file/download", operation_id = "download_file", tag = "attachments",
    summary = "An attachment",
    params(Credential, Query),
    security((), ("bearer" = []), ("api_key" = [])),
    responses(
        Always,
        (status = 200, description = "Its bytes; images that cannot be active are shown in the page, everything else is saved",
            content(
                (Binary = "application/octet-stream"), (Binary = "image/png"), (Binary = "image/jpeg"), (Binary = "image/gif"),
                (Binary = "image/webp")
            )),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such attachment", body = String, content_type = "text/plain"),
    ),
)]
pub async fn download_file(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let Query { resource_id, thumbnail } = query.into_inner();
    let id = resource_id.ok_or_else(|| Error::bad("resourceId is missing"))?;
    let header = RequestCredential::find_in_headers(&request)?.map(|credential| credential.text);
    let opened = match &header {
        Some(_) => None,
        None => signed_url::opens(&state, &path, &id)?,
    };
    let (attachment, entry) = located(&state, &id).await?;
    match opened {
        // What was removed is no more shown by its address.
        Some(()) if entry.removed => return Err(Error::NoSuchAttachment(id).into()),
        Some(()) => {}
        None => {
            let caller = identity.verify_credential(header.as_deref().unwrap_or(&path)).await?;
            may_open(&state, &caller, &entry).await?;
        }
    }
    sent(&state, &attachment, thumbnail.unwrap_or_default()).await
}

/// Whoever may read the entry; of a removed one, whoever may see the history.
pub async fn may_open(state: &State, caller: &Caller, entry: &Entry) -> Result<(), Problem> {
    permissions::read(state, caller, &entry.book).await?;
    if entry.removed { permissions::history(state, caller, &entry.book).await } else { Ok(()) }
}

/// An attachment and its entry.
pub async fn located(state: &State, id: &str) -> Result<(Attachment, Entry), Problem> {
    let missing = || Error::NoSuchAttachment(id.to_owned());
    let mut tx = state.db.read().await?;
    let attachment = attachments::get(&mut tx, id).await?.ok_or_else(missing)?;
    let entry = entries::get(&mut tx, &attachment.entry_id).await?.ok_or_else(missing)?;
    Ok((attachment, entry))
}

/// Its bytes, in a way in which nothing in them runs.
pub async fn sent(state: &State, attachment: &Attachment, as_thumbnail: bool) -> Result<HttpResponse, Problem> {
    let inline = is_shown_inline(&attachment.media_type);
    let has_thumbnail = inline || is_shown_converted(&attachment.media_type);
    let small = if has_thumbnail && as_thumbnail { thumbnail::of(state, attachment).await? } else { None };
    let name = &attachment.filename;
    let disposition = if inline || small.is_some() {
        content_disposition::inline_disposition(name)
    } else {
        content_disposition::attachment_disposition(name)
    };
    let media_type = match (&small, inline) {
        (Some(_), _) => "image/png",
        (None, true) => attachment.media_type.as_str(),
        (None, false) => "application/octet-stream",
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header(("content-type", media_type))
        .insert_header(disposition)
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("content-security-policy", "default-src 'none'; sandbox"))
        .insert_header(("cache-control", "private, max-age=3600, immutable"))
        .insert_header(("etag", format!("\"{}{}\"", attachment.sha256, if small.is_some() { "-small" } else { "" })));
    if let Some(small) = small {
        return Ok(answer.body(small.to_vec()));
    }
    let mut reading = state.attachments.reading(attachment);
    // A content that cannot be read is an error, and not an answer that breaks off.
    let first = reading.next().await?.unwrap_or_default();
    let length = u64::try_from(attachment.bytes).unwrap_or_default();
    let rest = unfold(reading, |mut reading| async move {
        let piece = reading.next().await.inspect_err(|e| tracing::error!(error = %e, "an attachment broke off"));
        piece.map(|piece| piece.map(Bytes::from)).transpose().map(|piece| (piece, reading))
    });
    let all = once(ready(Ok::<_, Problem>(Bytes::from(first)))).chain(rest);
    Ok(answer.body(SizedStream::new(length, all)))
}
