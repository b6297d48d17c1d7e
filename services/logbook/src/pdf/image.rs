//! Images of a document. JPEG goes into the file as it is; the others are decoded row by row, put on white and made
//! as small as print needs them, so that a large one costs little memory.

use std::io::Cursor;
use std::num::NonZeroU64;
use std::sync::Arc;

use krilla::geom::Transform;
use krilla::image::Image;
use png::Transformations;

use super::exif;
use super::shrink::{Layout, Shrink};

/// Of an image that is shown.
const MAX_PIXELS: u64 = 40_000_000;

/// A pixel of a screen in points.
const PIXEL: f32 = 0.75;

#[derive(Clone)]
pub struct Picture {
    pub image: Image,
    /// In points, as it stands upright.
    pub width: f32,
    pub height: f32,
    /// Quarter turns clockwise that make it stand upright.
    turns: u8,
}

impl Picture {
    /// `None` for what is no image, is broken, or has too many pixels.
    pub fn read(bytes: &Arc<Vec<u8>>) -> Option<Self> {
        match bytes.as_slice() {
            [0xff, 0xd8, 0xff, ..] => jpeg(bytes),
            [0x89, b'P', b'N', b'G', ..] => Self::upright(from_png(bytes)?),
            [b'G', b'I', b'F', b'8', ..] => Self::upright(from_gif(bytes)?),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::upright(from_webp(bytes)?),
            _ => None,
        }
    }

    fn upright(small: Shrink) -> Option<Self> {
        let (width, height) = (points(small.width), points(small.height));
        Some(Self { image: small.finish()?, width, height, turns: 0 })
    }

    /// How to draw it into a rectangle: the size to draw in, and the transformation.
    pub fn placed(&self, x: f32, y: f32, width: f32, height: f32) -> ((f32, f32), Transform) {
        let (right, bottom) = (x + width, y + height);
        match self.turns {
            1 => ((height, width), Transform::from_row(0.0, 1.0, -1.0, 0.0, right, y)),
            2 => ((width, height), Transform::from_row(-1.0, 0.0, 0.0, -1.0, right, bottom)),
            3 => ((height, width), Transform::from_row(0.0, -1.0, 1.0, 0.0, x, bottom)),
            _ => ((width, height), Transform::from_row(1.0, 0.0, 0.0, 1.0, x, y)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size on paper")]
fn points(pixels: u32) -> f32 {
    pixels as f32 * PIXEL
}

fn is_small_enough(width: u32, height: u32) -> bool {
    (1..=MAX_PIXELS).contains(&(u64::from(width) * u64::from(height)))
}

fn jpeg(bytes: &Arc<Vec<u8>>) -> Option<Picture> {
    let image = Image::from_jpeg(Arc::clone(bytes).into(), false).ok()?;
    let (width, height) = image.size();
    let turns = exif::quarter_turns(bytes);
    let (width, height) = is_small_enough(width, height).then(|| (points(width), points(height)))?;
    let (width, height) = if turns % 2 == 1 { (height, width) } else { (width, height) };
    Some(Picture { image, width, height, turns })
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
        small.rows(&all);
    } else {
        while let Some(row) = reader.next_row().ok()? {
            small.rows(row.data());
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
        small.rows(&row);
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
    small.rows(&all);
    Some(small)
}
