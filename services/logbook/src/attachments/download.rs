//! Sending attachments to those who may read the entry.

use std::future::ready;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{once, unfold};
use identity::Caller;
use service_kit::{Db, Problem, content_disposition};

use crate::attachments::signed_url::VerifiedLink;
use crate::attachments::thumbnail::Thumbnails;
use crate::attachments::{Attachments, is_shown_converted, is_shown_inline};
use crate::catalogue::permissions::Permissions;
use crate::domain::entry::Entry;
use crate::error::Error;
use crate::store::attachments::{Attachment, get_attachment};
use crate::store::entries::get_entry;

/// Sends attachments.
pub struct Downloads {
    pub db: Db,
    pub attachments: Arc<Attachments>,
    pub thumbnails: Arc<Thumbnails>,
    pub permissions: Arc<Permissions>,
}

/// An attachment with its entry, before permissions are checked.
pub struct FoundAttachment {
    attachment: Attachment,
    entry: Entry,
}

/// An attachment that may be sent.
pub struct ReadableAttachment(Attachment);

impl FoundAttachment {
    /// For who has a signed URL of it; not if its entry was removed.
    pub fn open_link(self, _: VerifiedLink) -> Result<ReadableAttachment, Error> {
        let Self { attachment, entry } = self;
        if entry.removed { Err(Error::NoSuchAttachment(attachment.id)) } else { Ok(ReadableAttachment(attachment)) }
    }
}

impl Downloads {
    /// An attachment with its entry.
    pub async fn find(&self, id: &str) -> Result<FoundAttachment, Problem> {
        let missing = || Error::NoSuchAttachment(id.to_owned());
        let mut tx = self.db.read().await?;
        let attachment = get_attachment(&mut tx, id).await?.ok_or_else(missing)?;
        let entry = get_entry(&mut tx, &attachment.entry_id).await?.ok_or_else(missing)?;
        Ok(FoundAttachment { attachment, entry })
    }

    /// For a caller who may read the entry; if it was removed, who may read the history.
    pub async fn require_read(&self, caller: &Caller, found: FoundAttachment) -> Result<ReadableAttachment, Problem> {
        let FoundAttachment { attachment, entry } = found;
        self.permissions.require_read(caller, &entry.logbook).await?;
        if entry.removed {
            self.permissions.require_history(caller, &entry.logbook).await?;
        }
        Ok(ReadableAttachment(attachment))
    }

    /// The bytes, sent in a way in which nothing in them runs.
    pub async fn respond(&self, attachment: &ReadableAttachment, as_thumbnail: bool) -> Result<HttpResponse, Problem> {
        let ReadableAttachment(attachment) = attachment;
        let inline = is_shown_inline(&attachment.media_type);
        let has_thumbnail = inline || is_shown_converted(&attachment.media_type);
        let small = if has_thumbnail && as_thumbnail { self.thumbnails.get_or_make(attachment).await? } else { None };
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
            .insert_header((
                "etag",
                format!("\"{}{}\"", attachment.sha256, if small.is_some() { "-small" } else { "" }),
            ));
        if let Some(small) = small {
            return Ok(answer.body(small.to_vec()));
        }
        let mut reader = self.attachments.open_reader(attachment);
        // A blob that cannot be read is an error, and not a response that breaks off.
        let first = reader.next_chunk().await?.unwrap_or_default();
        let length = u64::try_from(attachment.bytes).unwrap_or_default();
        let rest = unfold(reader, |mut reader| async move {
            let chunk =
                reader.next_chunk().await.inspect_err(|e| tracing::error!(error = %e, "an attachment broke off"));
            chunk.map(|chunk| chunk.map(Bytes::from)).transpose().map(|chunk| (chunk, reader))
        });
        let all = once(ready(Ok::<_, Problem>(Bytes::from(first)))).chain(rest);
        Ok(answer.body(SizedStream::new(length, all)))
    }
}
