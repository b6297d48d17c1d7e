//! Small greyscale images of detectors and alignment scans.

use std::f64::consts::{LN_2, TAU};

use rand::rngs::StdRng;
use rand::{Rng, RngExt as _};

/// Pixels with their grey values.
struct Canvas {
    width: u16,
    height: u16,
    grey: Vec<u8>,
}

impl Canvas {
    /// Each pixel is given its value by `of`, 0 black to 255 white.
    fn new(width: u16, height: u16, mut of: impl FnMut(u16, u16) -> f64) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let grey = places.map(|(x, y)| to_grey(of(x, y))).collect();
        Self { width, height, grey }
    }

    fn to_png(&self) -> Vec<u8> {
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, u32::from(self.width), u32::from(self.height));
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.grey));
        if let Err(e) = written {
            tracing::warn!(error = %e, "a picture cannot be made");
        }
        png
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within 0 and 255")]
fn to_grey(value: f64) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

/// The intensity along phiz from -0.5 to 0.5 mm; black on white, with a frame.
pub fn draw_peak(random: &mut StdRng, centre: f64, full_width: f64) -> Vec<u8> {
    const WIDTH: u16 = 320;
    const HEIGHT: u16 = 180;
    let (right, bottom) = (WIDTH - 1, HEIGHT - 1);
    let heights: Vec<f64> = (0..WIDTH)
        .map(|x| {
            let distance = (f64::from(x) / f64::from(right) - 0.5 - centre) / full_width;
            let height = (-4.0 * LN_2 * distance * distance).exp();
            f64::from(bottom) * (0.93 - 0.83 * height - 0.02 * random.random_range(-1.0..1.0))
        })
        .collect();
    let canvas = Canvas::new(WIDTH, HEIGHT, |x, y| {
        let is_frame = x == 0 || y == 0 || x == right || y == bottom;
        let (from, to) = (heights[usize::from(x.saturating_sub(1))], heights[usize::from(x)]);
        let is_curve = (from.min(to) - 1.0..=from.max(to) + 1.0).contains(&f64::from(y));
        if is_frame || is_curve { 0.0 } else { 255.0 }
    });
    canvas.to_png()
}

/// Spots on a lattice up to the resolution, an ice ring, and the shadow of the beam stop; high intensities are dark.
pub fn draw_diffraction(random: &mut StdRng, resolution: f64) -> Vec<u8> {
    const SIZE: u16 = 256;
    let middle = f64::from(SIZE) / 2.0;
    let (turn, cell) = (random.random_range(0.0..TAU), 9.0);
    let farthest = middle * (1.6 / resolution).min(1.0);
    let canvas = Canvas::new(SIZE, SIZE, |x, y| {
        let (dx, dy) = (f64::from(x) - middle, f64::from(y) - middle);
        let radius = dx.hypot(dy);
        if radius < 7.0 || (dx.abs() < 2.0 && dy > 0.0) {
            return 250.0;
        }
        let (u, v) = (dx * turn.cos() - dy * turn.sin(), dx * turn.sin() + dy * turn.cos());
        let off = (u - (u / cell).round() * cell).hypot(v - (v / cell).round() * cell);
        let structure = (u / cell).round().mul_add(2.1, (v / cell).round() * 1.3).sin().abs();
        let strength = 190.0 * (1.0 - radius / farthest).max(0.0) * structure;
        let spot = strength * (-off * off / 1.8).exp();
        let ring = 25.0 * (-((radius - 0.62 * middle) / 4.0).powi(2)).exp();
        let background = 45.0 * (-radius / 60.0).exp();
        235.0 - spot - ring - background - sample_noise(random)
    });
    canvas.to_png()
}

fn sample_noise(random: &mut impl Rng) -> f64 {
    f64::from(random.next_u32() & 7)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn pictures_can_be_read_and_are_small() {
        let mut random = StdRng::seed_from_u64(1);
        for (bytes, size) in
            [(draw_peak(&mut random, 0.1, 0.1), (320, 180)), (draw_diffraction(&mut random, 1.4), (256, 256))]
        {
            assert!(bytes.len() < 50_000, "{} bytes", bytes.len());
            let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut pixels).unwrap();
            assert_eq!((frame.width, frame.height), size);
            assert!(pixels.iter().any(|grey| *grey < 100) && pixels.iter().any(|grey| *grey > 200));
        }
    }
}
