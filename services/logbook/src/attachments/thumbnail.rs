//! Small forms of images, for lists.

use std::io::Cursor;
use std::sync::Arc;

use image::{ImageFormat, ImageReader, Limits};
use moka::future::Cache;
use service_kit::Problem;

use crate::state::State;
use crate::store::attachments::Attachment;

/// The longer side, in pixels.
const SIDE: u32 = 480;
/// Images with a longer side, or that need more memory, have no small form.
const LONGEST: u32 = 20_000;
const MEMORY: u64 = 128 << 20;
/// Bytes of small forms that are remembered.
const REMEMBERED: u64 = 32 << 20;

/// What was made lately, by SHA-256.
pub struct Thumbnails(Cache<String, Option<Arc<Vec<u8>>>>);

impl Default for Thumbnails {
    fn default() -> Self {
        let weight = |_: &String, image: &Option<Arc<Vec<u8>>>| {
            u32::try_from(image.as_ref().map_or(0, |image| image.len()) + 100).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(REMEMBERED).weigher(weight).build())
    }
}

/// A PNG; `None` for what is no image, is small as it is, or cannot be read.
pub async fn of(state: &State, attachment: &Attachment) -> Result<Option<Arc<Vec<u8>>>, Problem> {
    if let Some(known) = state.thumbnails.0.get(&attachment.sha256).await {
        return Ok(known);
    }
    let bytes = state.attachments.get(attachment).await?;
    let made = state.documents.run_in_turn(move || small(&bytes)).await?.map(Arc::new);
    state.thumbnails.0.insert(attachment.sha256.clone(), made.clone()).await;
    Ok(made)
}

fn small(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST);
    limits.max_image_height = Some(LONGEST);
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let image = reader.decode().ok()?;
    if image.width() <= SIDE && image.height() <= SIDE {
        return None;
    }
    let mut out = Cursor::new(Vec::new());
    image.thumbnail(SIDE, SIDE).to_rgba8().write_to(&mut out, ImageFormat::Png).ok()?;
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_images_become_small_and_others_stay() {
        let png = |width, height| {
            let mut out = Cursor::new(Vec::new());
            image::RgbImage::new(width, height).write_to(&mut out, ImageFormat::Png).unwrap();
            out.into_inner()
        };
        let made = image::load_from_memory(&small(&png(2000, 1000)).unwrap()).unwrap();
        assert_eq!((made.width(), made.height()), (480, 240));
        assert_eq!(small(&png(200, 100)), None);
        assert_eq!(small(b"\x89PNG\r\n\x1a\nnot really"), None);
    }
}
