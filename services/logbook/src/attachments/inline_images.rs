//! Images that texts of entries embed as `data:` URLs become attachments, and HTML is sanitized before it is stored.

use service_kit::Problem;

use crate::attachments::thumbnail::convert_to_png;
use crate::attachments::uploads::{decode_data_url, default_filename};
use crate::attachments::{InlineImages, is_shown_converted, is_shown_inline};
use crate::domain::entry_content::TextPart;
use crate::domain::{entry_html, ids};
use crate::store::attachments::{NewAttachment, StoredBlob};

impl InlineImages {
    /// Sanitizes the texts of an entry; the images that were in them, each once, which are stored.
    pub async fn extract_inline_images(
        &self,
        entry: &str,
        parts: &mut [TextPart],
    ) -> Result<Vec<NewAttachment>, Problem> {
        let mut files: Vec<NewAttachment> = Vec::new();
        for part in parts {
            let is_html = part.is_html();
            let Some(text) = part.text.as_mut().filter(|_| is_html) else { continue };
            let sent = std::mem::take(text);
            let (html, images) = self.text_pool.run(sent.len(), move || entry_html::extract_images(&sent)).await??;
            let mut ids = Vec::with_capacity(images.len());
            for address in &images {
                ids.push(self.store_image(entry, address, &mut files).await?);
            }
            *text = if images.is_empty() {
                html
            } else {
                self.text_pool.run(html.len(), move || entry_html::insert_images(&html, ids)).await?
            };
        }
        Ok(files)
    }

    /// The attachment of an embedded image; `None` if it is no image after all. An image that not every browser shows is kept
    /// as it came, and a PNG of it takes its place in the text.
    async fn store_image(
        &self,
        entry: &str,
        address: &str,
        files: &mut Vec<NewAttachment>,
    ) -> Result<Option<String>, Problem> {
        let Some(bytes) = decode_data_url(address, self.attachments.max_bytes)? else { return Ok(None) };
        let stored = self.attachments.store_bytes(bytes.clone()).await?;
        if is_shown_inline(stored.media_type) {
            return Ok(Some(add_file(entry, stored, files)));
        }
        if !is_shown_converted(stored.media_type) {
            return Ok(None);
        }
        add_file(entry, stored, files);
        let converted = self.documents.run_queued(move || convert_to_png(&bytes)).await?;
        let Some(png) = converted else { return Ok(None) };
        let shown = self.attachments.store_bytes(png).await?;
        Ok(Some(add_file(entry, shown, files)))
    }
}

/// The id of an attachment; the same content is one attachment.
fn add_file(entry: &str, stored: StoredBlob, files: &mut Vec<NewAttachment>) -> String {
    let id = ids::derive_id(entry, &stored.sha256);
    if !files.iter().any(|file| file.id == id) {
        let filename = default_filename(stored.media_type);
        files.push(NewAttachment { filename, id: id.clone(), stored });
    }
    id
}
