//! `GET /resource/{sessionId}/file/download`: an attachment. In place of the session there may be a ticket for this one file,
//! which contents have in their images.

use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType};
use actix_web::{HttpRequest, HttpResponse, web};
use identity::Identity;
use serde::Deserialize;
use service_kit::Problem;
use utoipa::IntoParams;

use crate::attachments::is_shown_inline;
use crate::domain::book::Book;
use crate::error::Error;
use crate::openapi::Always;
use crate::state::State;
use crate::store::attachments::Attachment;
use crate::store::{attachments, entries};
use crate::{rights, tickets};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    #[param(value_type = String)]
    resource_id: Option<String>,
}

#[utoipa::path(
    get, path = "/resource/{credential}/file/download", operation_id = "download_file", summary = "An attachment",
    params(("credential" = String, Path, description = "A session id, or a key where programs write"), Query),
    responses(
        Always,
        (status = 200, description = "Its bytes; images that cannot be active are shown in the page, everything else is saved", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, description = "Not allowed to read this logbook", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such attachment", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(
    state: web::Data<State>,
    identity: web::Data<Identity>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let id = query.into_inner().resource_id.ok_or_else(|| Error::bad("resourceId is missing"))?;
    let bearer = crate::people::bearer(&request);
    let opened = match &bearer {
        Some(_) => None,
        None => tickets::opens(&state, &path, &id).await?,
    };
    let (attachment, book) = located(&state, &id).await?;
    if opened.is_none() {
        let caller = identity.caller(bearer.as_deref().unwrap_or(&path)).await?;
        rights::read(&state, &caller, &book).await?;
    }
    sent(&state, &attachment).await
}

/// An attachment and the logbook it is in.
pub async fn located(state: &State, id: &str) -> Result<(Attachment, Book), Problem> {
    let missing = || Error::NoSuchAttachment(id.to_owned());
    let mut tx = state.db.read().await?;
    let attachment = attachments::get(&mut tx, id).await?.ok_or_else(missing)?;
    let entry = entries::get(&mut tx, &attachment.entry_id).await?.ok_or_else(missing)?;
    Ok((attachment, entry.book()))
}

/// Its bytes, in a way in which nothing in them runs.
pub async fn sent(state: &State, attachment: &Attachment) -> Result<HttpResponse, Problem> {
    let bytes = state.attachments.get(&attachment.sha256).await?;
    let inline = is_shown_inline(&attachment.media_type);
    let disposition = ContentDisposition {
        disposition: if inline { DispositionType::Inline } else { DispositionType::Attachment },
        parameters: vec![DispositionParam::Filename(plain(&attachment.filename))],
    };
    Ok(HttpResponse::Ok()
        .insert_header((
            "content-type",
            if inline { attachment.media_type.as_str() } else { "application/octet-stream" },
        ))
        .insert_header(disposition)
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("content-security-policy", "default-src 'none'; sandbox"))
        .insert_header(("cache-control", "private, max-age=3600, immutable"))
        .insert_header(("etag", format!("\"{}\"", attachment.sha256)))
        .body(bytes))
}

fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\') { c } else { '_' }).collect()
}
