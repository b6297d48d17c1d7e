//! What contents embed: images as `data:` addresses become attachments, and HTML is made harmless before it is stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::Problem;

use crate::attachments::thumbnail::convert_to_png;
use crate::attachments::{Stored, is_shown_converted, is_shown_inline};
use crate::domain::entry_content::Content;
use crate::domain::{entry_html, ids};
use crate::entries::NewFile;
use crate::error::Error;
use crate::state::State;

/// Cleans the contents of an entry; the files that were in them, each once, which are on disk.
pub async fn take(state: &State, entry: &str, contents: &mut [Content]) -> Result<Vec<NewFile>, Problem> {
    let mut files: Vec<NewFile> = Vec::new();
    for part in contents {
        let is_html = part.is_html();
        let Some(text) = part.text.as_mut().filter(|_| is_html) else { continue };
        let sent = std::mem::take(text);
        let (html, images) = state.rendering.run(sent.len(), move || entry_html::taken(&sent)).await??;
        let mut ids = Vec::with_capacity(images.len());
        for address in &images {
            ids.push(attached(state, entry, address, &mut files).await?);
        }
        *text = if images.is_empty() {
            html
        } else {
            state.rendering.run(html.len(), move || entry_html::placed(&html, ids)).await?
        };
    }
    Ok(files)
}

/// The attachment of an embedded image; `None` if it is no image after all. What not every browser shows is kept as it came,
/// and a PNG of it stands in its place.
async fn attached(
    state: &State,
    entry: &str,
    address: &str,
    files: &mut Vec<NewFile>,
) -> Result<Option<String>, Problem> {
    let Some(bytes) = decoded(state, address)? else { return Ok(None) };
    let stored = state.attachments.put(state, bytes.clone()).await?;
    if is_shown_inline(stored.media_type) {
        return Ok(Some(added(entry, stored, files)));
    }
    if !is_shown_converted(stored.media_type) {
        return Ok(None);
    }
    added(entry, stored, files);
    let Some(png) = state.documents.run_queued(move || convert_to_png(&bytes)).await? else { return Ok(None) };
    let shown = state.attachments.put(state, png).await?;
    Ok(Some(added(entry, shown, files)))
}

/// The id of an attachment; the same content is one.
fn added(entry: &str, stored: Stored, files: &mut Vec<NewFile>) -> String {
    let id = ids::of_embedded(entry, &stored.sha256);
    if !files.iter().any(|file| file.id == id) {
        files.push(NewFile { filename: filename(stored.media_type), id: id.clone(), stored });
    }
    id
}

/// The bytes of a `data:` address; `None` if it is not base64.
fn decoded(state: &State, address: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some((_, encoded)) = address.split_once(";base64,") else { return Ok(None) };
    let most = state.config.largest_attachment.as_u64();
    if encoded.len() as u64 / 4 * 3 > most {
        return Err(Error::TooLarge(most));
    }
    Ok(STANDARD.decode(encoded).ok())
}

/// The bytes of a body's `base64`, which is a `data:` address.
pub fn decode(state: &State, address: &str) -> Result<Vec<u8>, Error> {
    let form = || Error::bad("base64 must be a data URL: data:<type>;base64,<content>");
    if !address.starts_with("data:") {
        return Err(form());
    }
    decoded(state, address)?.ok_or_else(form)
}

/// `image.png` for `image/png`.
pub fn filename(media_type: &str) -> String {
    let (kind, form) = media_type.split_once('/').unwrap_or((media_type, "bin"));
    match (kind, form) {
        ("image", form) => format!("image.{}", if form == "jpeg" { "jpg" } else { form }),
        ("application", "octet-stream") => "file.bin".to_owned(),
        (_, form) => format!("file.{form}"),
    }
}
