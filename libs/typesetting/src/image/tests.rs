use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::{Block, Document, Figure, Typesetter};

/// A page of text, 17 by 24 pixels.
const JPEG: &[u8] = include_bytes!("test.jpg");

fn encode_png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let row = (width as usize * color.samples() * depth as usize).div_ceil(8);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0x5a; row * height as usize]).unwrap();
    writer.finish().unwrap();
    out
}

fn encode_gif() -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = gif::Encoder::new(&mut out, 4, 4, &[0, 0, 0, 200, 0, 0]).unwrap();
    encoder.write_frame(&gif::Frame::from_indexed_pixels(3, 2, vec![0, 1, 1, 0, 1, 0], Some(0))).unwrap();
    drop(encoder);
    out
}

fn encode_webp() -> Vec<u8> {
    let mut out = Vec::new();
    image_webp::WebPEncoder::new(&mut out).encode(&[9; 4 * 4 * 4], 4, 4, image_webp::ColorType::Rgba8).unwrap();
    out
}

fn large_jpeg() -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::RgbImage::from_pixel(5000, 1000, image::Rgb([200, 10, 10]))
        .write_to(&mut out, image::ImageFormat::Jpeg)
        .unwrap();
    out.into_inner()
}

/// A PDF with the images, and how many it has.
fn images_of(images: &[Image]) -> usize {
    let figure = |image: &Image| Block::Figure(Figure { image: image.clone(), description: "a test".to_owned() });
    let document = Document { blocks: images.iter().map(figure).collect(), ..Document::default() };
    let pdf = Typesetter::with_embedded_fonts().render_pdf(&document).unwrap();
    pdf.windows(14).filter(|part| *part == b"/Subtype/Image" || *part == b"/Subtype /Imag").count()
}

#[test]
fn images_of_each_kind_are_in_the_file_once() {
    use png::{BitDepth, ColorType};
    let mut images = vec![JPEG.to_vec(), encode_gif(), encode_webp(), large_jpeg()];
    for color in [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba] {
        images.extend([BitDepth::Eight, BitDepth::Sixteen].map(|depth| encode_png(9, 4, color, depth)));
    }
    images.extend([
        encode_png(2, 30_000, ColorType::Rgb, BitDepth::Eight),
        encode_png(30_000, 2, ColorType::Grayscale, BitDepth::One),
    ]);
    for bytes in &images {
        let image = Image::decode(bytes).unwrap();
        assert_eq!(images_of(&[image.clone(), image]), 1);
    }
}

#[test]
fn an_image_that_is_broken_or_too_large_is_refused() {
    let large = encode_png(6401, 6401, png::ColorType::Grayscale, png::BitDepth::One);
    let cut = &encode_png(90, 40, png::ColorType::Rgb, png::BitDepth::Eight)[..60];
    for bytes in [large, cut.to_vec(), JPEG[..30].to_vec(), b"GIF89a".to_vec(), Vec::new()] {
        assert_eq!(Image::decode(&bytes), None);
    }
}

#[test]
fn a_large_image_becomes_small_and_keeps_its_size_on_paper() {
    for bytes in [large_jpeg(), encode_png(5000, 1000, png::ColorType::Rgb, png::BitDepth::Eight)] {
        let image = Image::decode(&bytes).unwrap();
        assert_eq!((image.pixels, image.size), ((1667, 334), (3750.0, 750.0)));
        assert!(image.memory_bytes() < 4_000_000);
    }
}

#[test]
fn a_picture_of_a_camera_stands_upright() {
    // Exif 3.0, 4.6.5.1.6: orientation 6, a quarter turn clockwise.
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&JPEG[..2], exif, &JPEG[2..]].concat();
    let (upright, turned) = (Image::decode(JPEG).unwrap(), Image::decode(&turned).unwrap());
    assert_eq!((upright.size.0, upright.size.1), (turned.size.1, turned.size.0));
    assert_eq!(images_of(&[turned]), 1);
}

fn mutated_images() -> impl Strategy<Value = Vec<u8>> {
    let whole = vec![
        JPEG.to_vec(),
        encode_gif(),
        encode_webp(),
        encode_png(9, 7, png::ColorType::Rgba, png::BitDepth::Eight),
        encode_png(40, 9, png::ColorType::Grayscale, png::BitDepth::Four),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(whole), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, end, is_cut)| {
            for (at, new) in changes {
                let at = at.index(bytes.len());
                bytes[at] = new;
            }
            if is_cut {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_that_begin_like_an_image_are_shown_or_refused(bytes in mutated_images()) {
        if let Some(image) = Image::decode(&bytes) {
            prop_assert_eq!(images_of(&[image]), 1);
        }
    }
}
