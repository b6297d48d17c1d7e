//! What contents embed: images as `data:` addresses become attachments, and HTML is made harmless before it is stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use service_kit::Problem;

use crate::attachments::is_shown_inline;
use crate::domain::event::Content;
use crate::domain::{content, ids};
use crate::entries::NewFile;
use crate::error::Error;
use crate::state::State;

/// Cleans the contents of an entry; the files that were in them, each once, which are on disk.
pub async fn take(state: &State, entry: &str, contents: &mut [Content]) -> Result<Vec<NewFile>, Problem> {
    let mut files = Vec::new();
    for part in contents {
        let is_html = part.is_html();
        let Some(text) = part.text.as_mut().filter(|_| is_html) else { continue };
        let mut html = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find("data:image/") {
            let (before, after) = rest.split_at(at);
            let end = after.find(['"', '\'', ' ', '>', ')']).unwrap_or(after.len());
            html.push_str(before);
            match decoded(state, &after[..end])? {
                Some(bytes) => {
                    let stored = state.attachments.put(bytes, &*state.ids, state.clock.now()).await?;
                    // Not an image after all: the address goes, and the file with it is nobody's.
                    if is_shown_inline(stored.media_type) {
                        let id = ids::of_embedded(entry, &stored.sha256);
                        html.push_str("/resource/file/");
                        html.push_str(&id);
                        if !files.iter().any(|file: &NewFile| file.id == id) {
                            files.push(NewFile { filename: filename(stored.media_type), id, stored });
                        }
                    }
                }
                None => html.push_str("about:blank"),
            }
            rest = &after[end..];
        }
        html.push_str(rest);
        *text = content::without_sessions(&content::sanitised(&html));
    }
    Ok(files)
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
