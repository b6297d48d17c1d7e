//! Pixels made fewer by averages of squares, while rows come.

/// Pixels along a side that print still needs: an image fills a column at about 240 dots per inch.
pub const ENOUGH: u32 = 1600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
}

impl Layout {
    fn bytes(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    fn colors(self) -> usize {
        if matches!(self, Self::Gray | Self::GrayAlpha) { 1 } else { 3 }
    }
}

pub struct Shrink {
    /// Of the original.
    pub width: u32,
    pub height: u32,
    layout: Layout,
    factor: usize,
    /// Of the squares that are being read: for each color the sum, and how many rows were added.
    sums: Vec<u64>,
    rows: usize,
    small: Vec<u8>,
}

impl Shrink {
    pub fn new(width: u32, height: u32, layout: Layout) -> Self {
        let factor = (width.max(height) / ENOUGH).max(1) as usize;
        let across = (width as usize).div_ceil(factor);
        let sums = vec![0; across * layout.colors()];
        Self { width, height, layout, factor, sums, rows: 0, small: Vec::new() }
    }

    /// Adds rows from the top; what is no whole row is left out.
    pub fn push_rows(&mut self, bytes: &[u8]) {
        for row in bytes.chunks_exact(self.width as usize * self.layout.bytes()) {
            self.push_row(row);
        }
    }

    fn push_row(&mut self, row: &[u8]) {
        let (bytes, colors) = (self.layout.bytes(), self.layout.colors());
        for (square, sum) in row.chunks(self.factor * bytes).zip(self.sums.chunks_exact_mut(colors)) {
            for pixel in square.chunks_exact(bytes) {
                for (sum, color) in sum.iter_mut().zip(pixel) {
                    *sum += u64::from(*color);
                }
                // The paper shows through.
                if bytes > colors && pixel[colors] < 0xff {
                    let alpha = u64::from(pixel[colors]);
                    for (sum, color) in sum.iter_mut().zip(&pixel[..colors]) {
                        let color = u64::from(*color);
                        *sum = *sum + (color * alpha + 0xff * (0xff - alpha)) / 0xff - color;
                    }
                }
            }
        }
        self.rows += 1;
        if self.rows == self.factor {
            self.finish_square_row();
        }
    }

    /// Ends a row of squares; those at the right may be narrower.
    fn finish_square_row(&mut self) {
        let colors = self.layout.colors();
        for (at, sum) in self.sums.chunks_exact_mut(colors).enumerate() {
            let across = (self.width as usize - at * self.factor).min(self.factor);
            let pixels = (across * self.rows) as u64;
            self.small.extend(sum.iter().map(|sum| u8::try_from(sum / pixels).unwrap_or(0xff)));
            sum.fill(0);
        }
        self.rows = 0;
    }

    /// `None` if rows are missing.
    pub fn finish(mut self) -> Option<Pixels> {
        if self.rows > 0 {
            self.finish_square_row();
        }
        let colors = self.layout.colors();
        let size = (self.sums.len() / colors, (self.height as usize).div_ceil(self.factor));
        (self.small.len() == size.0 * size.1 * colors).then_some(())?;
        let size = (u32::try_from(size.0).ok()?, u32::try_from(size.1).ok()?);
        Some(Pixels { size, is_gray: colors == 1, bytes: self.small })
    }
}

/// Eight bits for each color, row by row.
pub struct Pixels {
    pub size: (u32, u32),
    pub is_gray: bool,
    pub bytes: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_averaged_and_the_paper_shows_through() {
        let mut small = Shrink::new(3, 3, Layout::GrayAlpha);
        small.factor = 2;
        small.sums = vec![0; 2];
        small.push_rows(&[0, 255, 10, 255, 100, 255, 20, 255, 30, 255, 200, 255, 7, 0, 7, 0, 0, 255]);
        small.finish_square_row();
        assert_eq!(small.small, [15, 150, 255, 0]);
        assert!(small.finish().is_some());
    }

    #[test]
    fn an_image_without_its_last_rows_is_none() {
        let mut small = Shrink::new(2, 2, Layout::Gray);
        small.push_rows(&[1, 2, 3]);
        assert!(small.finish().is_none());
        let mut large = Shrink::new(5000, 2, Layout::Gray);
        large.push_rows(&[9; 10_000]);
        assert_eq!(large.finish().unwrap().size, (1667, 1));
    }
}
