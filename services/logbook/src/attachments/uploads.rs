//! Files that come with a request and become attachments.

use actix_multipart::{Multipart, MultipartError};
use actix_web::{HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use service_kit::Problem;

use crate::attachments::Attachments;
use crate::domain::entry_content::EntryContent;
use crate::domain::ids;
use crate::error::Error;
use crate::http::with_idle_timeout;
use crate::store::attachments::{NewAttachment, StoredBlob};

/// Bytes; more than file systems have. The name stands in a header when the file is sent, three times as long there.
const MAX_FILENAME: usize = 1000;

impl Attachments {
    /// Stores the file of a body's `base64`, which is a `data:` URL.
    pub async fn store_data_url(
        &self,
        address: Option<&str>,
        content: &mut EntryContent,
    ) -> Result<NewAttachment, Problem> {
        let address = address.ok_or_else(|| Error::invalid("base64 is missing"))?;
        let form = || Error::invalid("base64 must be a data URL: data:<type>;base64,<content>");
        if !address.starts_with("data:") {
            return Err(form().into());
        }
        let bytes = decode_data_url(address, self.max_bytes)?.ok_or_else(form)?;
        let stored = self.store_bytes(bytes).await?;
        Ok(self.set_file_metadata(stored, None, content))
    }

    /// Stores the file of a form: the first part that is one, whatever its name; other parts are skipped.
    pub async fn receive_file(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<(Option<String>, StoredBlob), Problem> {
        let broken = |e: MultipartError| Error::invalid(format!("the upload is broken: {e}"));
        let mut parts = Multipart::new(request.headers(), payload);
        while let Some(part) = with_idle_timeout(self.idle_timeout, parts.next()).await? {
            let mut part = part.map_err(broken)?;
            let filename = part.content_disposition().and_then(|d| d.get_filename()).map(str::to_owned);
            let Some(filename) = filename else { continue };
            if filename.len() > MAX_FILENAME {
                return Err(Error::invalid(format!("the name of a file may have {MAX_FILENAME} bytes")).into());
            }
            let mut upload = self.begin_upload().await?;
            while let Some(chunk) = with_idle_timeout(self.idle_timeout, part.next()).await? {
                upload.write(chunk.map_err(broken)?.to_vec()).await?;
                if upload.bytes() > self.max_bytes {
                    return Err(Error::TooLarge(self.max_bytes).into());
                }
            }
            return Ok((Some(filename), self.finish_upload(upload).await?));
        }
        Err(Error::invalid("the upload has no file").into())
    }

    /// Sets name, size and media type of a file in its entry. What it is was found out from its bytes.
    pub fn set_file_metadata(
        &self,
        stored: StoredBlob,
        name: Option<String>,
        content: &mut EntryContent,
    ) -> NewAttachment {
        let name = name.map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
        let filename = name.filter(|name| !name.is_empty());
        let filename = filename.unwrap_or_else(|| default_filename(stored.media_type));
        content.filename = Some(filename.clone());
        content.file_size = Some(stored.bytes);
        content.content_type = Some(stored.media_type.to_owned());
        NewAttachment { id: ids::new_id(&*self.ids, self.clock.now()), filename, stored }
    }

    /// Bytes of a body with a file in base64 at most.
    pub fn max_base64_body(&self) -> usize {
        usize::try_from(self.max_bytes / 3 * 4 + 64 * 1024).unwrap_or(usize::MAX)
    }
}

/// The bytes of a `data:` URL; `None` if it is not base64.
pub fn decode_data_url(address: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some((_, encoded)) = address.split_once(";base64,") else { return Ok(None) };
    if encoded.len() as u64 / 4 * 3 > max_bytes {
        return Err(Error::TooLarge(max_bytes));
    }
    Ok(STANDARD.decode(encoded).ok())
}

/// `image.png` for `image/png`.
pub fn default_filename(media_type: &str) -> String {
    let (kind, form) = media_type.split_once('/').unwrap_or((media_type, "bin"));
    match (kind, form) {
        ("image", form) => format!("image.{}", if form == "jpeg" { "jpg" } else { form }),
        ("application", "octet-stream") => "file.bin".to_owned(),
        (_, form) => format!("file.{form}"),
    }
}
