//! Images of a document. A JPEG goes into the file as it is unless it is large; the others are decoded row by row, put
//! on white and made as small as print needs them, so that a large one costs little memory.

mod shrink;
#[cfg(test)]
mod tests;

use std::io::Cursor;
use std::num::NonZeroU64;
use std::sync::Arc;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};
use png::Transformations;

use self::shrink::{ENOUGH, Layout, Pixels, Shrink};

/// Of an image that is shown.
const MAX_PIXELS: u64 = 40_000_000;

/// A pixel of a screen in points.
const PIXEL: f32 = 0.75;

/// Of a JPEG that is made smaller.
const QUALITY: u8 = 85;

/// An image that is known to be whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub(crate) format: Format,
    pub(crate) bytes: Arc<[u8]>,
    /// As they are stored.
    pub(crate) pixels: (u32, u32),
    /// In points, as it stands upright.
    pub(crate) size: (f32, f32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Gray,
    Rgb,
}

impl Image {
    /// An image from the bytes of a PNG, JPEG, GIF or WebP file; of a film the first picture. `None` for what is none of
    /// these, is broken, or has more than 40 million pixels.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => from_jpeg(bytes),
            [0x89, b'P', b'N', b'G', ..] => from_pixels(from_png(bytes)?),
            [b'G', b'I', b'F', b'8', ..] => from_pixels(from_gif(bytes)?),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => from_pixels(from_webp(bytes)?),
            _ => None,
        }
    }

    /// Bytes that it takes while a document is rendered.
    pub fn memory_bytes(&self) -> usize {
        let (width, height) = self.pixels;
        let colors = if self.format == Format::Gray { 1 } else { 3 };
        self.bytes.len() + width as usize * height as usize * colors
    }
}

fn from_pixels(small: Shrink) -> Option<Image> {
    let size = (pixels_to_points(small.width), pixels_to_points(small.height));
    let Pixels { size: pixels, is_gray, bytes } = small.finish()?;
    let format = if is_gray { Format::Gray } else { Format::Rgb };
    Some(Image { format, bytes: bytes.into(), pixels, size })
}

#[expect(clippy::cast_precision_loss, reason = "a size on paper")]
fn pixels_to_points(pixels: u32) -> f32 {
    pixels as f32 * PIXEL
}

fn is_small_enough(width: u32, height: u32) -> bool {
    (1..=MAX_PIXELS).contains(&(u64::from(width) * u64::from(height)))
}

/// It is decoded in any case: one that is broken would spoil the document.
fn from_jpeg(bytes: &[u8]) -> Option<Image> {
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    is_small_enough(width, height).then_some(())?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).ok()?;
    let is_lying = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let size = if is_lying {
        (pixels_to_points(height), pixels_to_points(width))
    } else {
        (pixels_to_points(width), pixels_to_points(height))
    };
    if width.max(height) < 2 * ENOUGH {
        return Some(Image { format: Format::Jpeg, bytes: bytes.into(), pixels: (width, height), size });
    }
    let (layout, pixels) = match image {
        DynamicImage::ImageLuma8(gray) => (Layout::Gray, gray.into_raw()),
        other => (Layout::Rgb, other.into_rgb8().into_raw()),
    };
    let mut small = Shrink::new(width, height, layout);
    small.push_rows(&pixels);
    drop(pixels);
    let Pixels { size: (width, height), is_gray, bytes } = small.finish()?;
    let mut upright = if is_gray {
        DynamicImage::ImageLuma8(image::GrayImage::from_raw(width, height, bytes)?)
    } else {
        DynamicImage::ImageRgb8(image::RgbImage::from_raw(width, height, bytes)?)
    };
    upright.apply_orientation(orientation);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&upright).ok()?;
    let pixels = (upright.width(), upright.height());
    Some(Image { format: Format::Jpeg, bytes: jpeg.into(), pixels, size })
}

fn from_png(bytes: &[u8]) -> Option<Shrink> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let (width, height) = decoder.read_header_info().ok().map(|info| (info.width, info.height))?;
    is_small_enough(width, height).then_some(())?;
    let mut reader = decoder.read_info().ok()?;
    let layout = match reader.output_color_type().0 {
        png::ColorType::Grayscale => Layout::Gray,
        png::ColorType::GrayscaleAlpha => Layout::GrayAlpha,
        png::ColorType::Rgb => Layout::Rgb,
        png::ColorType::Rgba => Layout::Rgba,
        png::ColorType::Indexed => return None,
    };
    let mut small = Shrink::new(width, height, layout);
    if reader.info().interlaced {
        let mut all = vec![0; reader.output_buffer_size()?];
        reader.next_frame(&mut all).ok()?;
        small.push_rows(&all);
    } else {
        while let Some(row) = reader.next_row().ok()? {
            small.push_rows(row.data());
        }
    }
    Some(small)
}

/// The first picture of what may be a film.
fn from_gif(bytes: &[u8]) -> Option<Shrink> {
    let mut options = gif::DecodeOptions::new();
    options.set_memory_limit(gif::MemoryLimit::Bytes(NonZeroU64::new(MAX_PIXELS)?));
    let mut decoder = options.read_info(bytes).ok()?;
    let frame = decoder.next_frame_info().ok()??;
    let (width, height, clear) = (u32::from(frame.width), u32::from(frame.height), frame.transparent);
    is_small_enough(width, height).then_some(())?;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder.read_into_buffer(&mut indices).ok()?;
    let palette = decoder.palette().ok()?;
    let mut small = Shrink::new(width, height, Layout::Rgb);
    let mut row = Vec::new();
    for line in indices.chunks_exact(decoder.line_length()) {
        row.clear();
        for index in line {
            let at = usize::from(*index) * 3;
            let white = &[0xff; 3][..];
            let is_clear = clear == Some(*index);
            row.extend_from_slice(if is_clear { white } else { palette.get(at..at + 3).unwrap_or(white) });
        }
        small.push_rows(&row);
    }
    Some(small)
}

fn from_webp(bytes: &[u8]) -> Option<Shrink> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    is_small_enough(width, height).then_some(())?;
    let mut all = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut all).ok()?;
    let mut small = Shrink::new(width, height, if decoder.has_alpha() { Layout::Rgba } else { Layout::Rgb });
    small.push_rows(&all);
    Some(small)
}
