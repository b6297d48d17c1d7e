//! Small forms of images, for lists.

use std::io::Cursor;
use std::sync::Arc;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use moka::future::Cache;
use service_kit::{Blocking, Problem};

use crate::attachments::{Attachments, is_shown_converted};
use crate::store::attachments::Attachment;

/// The longer side, in pixels.
const SIDE: u32 = 480;
/// Images with a longer side, or that need more memory, have no small form.
const MAX_SIDE: u32 = 20_000;
const MAX_MEMORY: u64 = 128 << 20;
/// Bytes of small forms that are cached.
const CACHED_BYTES: u64 = 32 << 20;

/// Makes small forms of images, and caches them by SHA-256.
pub struct Thumbnails {
    attachments: Arc<Attachments>,
    documents: Blocking,
    cache: Cache<String, Option<Arc<Vec<u8>>>>,
}

impl Thumbnails {
    pub fn new(attachments: Arc<Attachments>, documents: Blocking) -> Self {
        let weight = |_: &String, image: &Option<Arc<Vec<u8>>>| {
            u32::try_from(image.as_ref().map_or(0, |image| image.len()) + 100).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(CACHED_BYTES).weigher(weight).build();
        Self { attachments, documents, cache }
    }

    /// A PNG. `None` if it is not an image, cannot be decoded, or is small already and shown by every browser.
    pub async fn get_or_make(&self, attachment: &Attachment) -> Result<Option<Arc<Vec<u8>>>, Problem> {
        if let Some(cached) = self.cache.get(&attachment.sha256).await {
            return Ok(cached);
        }
        let bytes = self.attachments.read_all(attachment).await?;
        let convert = is_shown_converted(&attachment.media_type);
        let made = self.documents.run_queued(move || make_thumbnail(&bytes, convert)).await?.map(Arc::new);
        self.cache.insert(attachment.sha256.clone(), made.clone()).await;
        Ok(made)
    }
}

/// The image as a PNG of its own size.
pub fn convert_to_png(bytes: &[u8]) -> Option<Vec<u8>> {
    encode_png(&decode_upright(bytes)?)
}

/// With `convert` also of a small image.
fn make_thumbnail(bytes: &[u8], convert: bool) -> Option<Vec<u8>> {
    let image = decode_upright(bytes)?;
    if image.width() <= SIDE && image.height() <= SIDE {
        return if convert { encode_png(&image) } else { None };
    }
    encode_png(&image.thumbnail(SIDE, SIDE))
}

/// Cameras store how they were held (EXIF) and not an upright image; a browser turns it, and so does this.
fn decode_upright(bytes: &[u8]) -> Option<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().ok()?;
    // The decoded pixels count as well.
    limits.reserve(decoder.total_bytes()).ok()?;
    decoder.set_limits(limits).ok()?;
    // An image whose EXIF cannot be read is shown as it is stored, as browsers do.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    Some(image)
}

fn encode_png(image: &DynamicImage) -> Option<Vec<u8>> {
    let mut out = Cursor::new(Vec::new());
    image.to_rgba8().write_to(&mut out, ImageFormat::Png).ok()?;
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn encode_image(image: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    #[test]
    fn large_images_become_small_and_others_stay() {
        let png = |width, height| encode_image(&RgbImage::new(width, height), ImageFormat::Png);
        let made = image::load_from_memory(&make_thumbnail(&png(2000, 1000), false).unwrap()).unwrap();
        assert_eq!((made.width(), made.height()), (480, 240));
        assert_eq!(make_thumbnail(&png(200, 100), false), None);
        // 141 MiB of pixels in a file of some hundred kilobytes.
        assert_eq!(make_thumbnail(&png(7000, 7000), false), None);
        assert_eq!(make_thumbnail(b"\x89PNG\r\n\x1a\nnot really", false), None);
    }

    #[test]
    fn what_browsers_do_not_know_is_converted() {
        for format in [ImageFormat::Bmp, ImageFormat::Tiff] {
            let small = encode_image(&RgbImage::from_pixel(20, 10, Rgb([1, 2, 3])), format);
            let made = image::load_from_memory(&make_thumbnail(&small, true).unwrap()).unwrap();
            assert_eq!((made.width(), made.height()), (20, 10));
            assert_eq!(made.to_rgb8().get_pixel(3, 3), &Rgb([1, 2, 3]));
        }
    }

    /// A JPEG with an EXIF orientation: 6 is a quarter turn clockwise, 3 half a turn, 8 a quarter turn counterclockwise.
    fn encode_photograph(orientation: u8) -> Vec<u8> {
        let mut image = RgbImage::from_pixel(1000, 600, Rgb([255, 255, 255]));
        for (x, y, pixel) in image.enumerate_pixels_mut() {
            if x < 300 && y < 300 {
                *pixel = Rgb([200, 0, 0]);
            }
        }
        let jpeg = encode_image(&image, ImageFormat::Jpeg);
        let tiff =
            [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat();
        let exif = [b"Exif\0\0".as_slice(), &tiff].concat();
        let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
    }

    #[test]
    fn photographs_stand_upright() {
        for (orientation, (width, height), (right, below)) in [
            (1, (480, 288), (false, false)),
            (3, (480, 288), (true, true)),
            (6, (288, 480), (true, false)),
            (8, (288, 480), (false, true)),
        ] {
            let made = make_thumbnail(&encode_photograph(orientation), false).unwrap();
            let made = image::load_from_memory(&made).unwrap().to_rgb8();
            assert_eq!((made.width(), made.height()), (width, height), "orientation {orientation}");
            let at = |is_far: bool, side: u32| if is_far { side - 40 } else { 40 };
            let corner = made.get_pixel(at(right, width), at(below, height));
            assert!(corner[0] > 150 && corner[1] < 80, "orientation {orientation}: {corner:?}");
        }
    }
}
