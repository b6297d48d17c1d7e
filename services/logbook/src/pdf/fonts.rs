//! The fonts of a document: which of them has a character, and how wide it is there. Open Sans is for text; the Noto
//! fonts are for code, formulas and signs, and stand in for what Open Sans lacks.

use krilla::text::{Font, GlyphId};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};
use unicode_normalization::UnicodeNormalization;

use super::{Error, Span};

const FILES: [&[u8]; 7] = [
    include_bytes!("../../fonts/OpenSans-Regular.ttf"),
    include_bytes!("../../fonts/OpenSans-Bold.ttf"),
    include_bytes!("../../fonts/OpenSans-Italic.ttf"),
    include_bytes!("../../fonts/OpenSans-BoldItalic.ttf"),
    include_bytes!("../../fonts/NotoSansMono-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansMath-Regular.ttf"),
    include_bytes!("../../fonts/NotoSansSymbols2-Regular.ttf"),
];

const REGULAR: usize = 0;
const MONO: usize = 4;

/// Where a character is looked for when its own face lacks it.
const FALLBACK: [usize; 4] = [REGULAR, MONO, 5, 6];

/// What is drawn for a character that no font has. The text behind it stays what it was, so that it can be copied.
const BOX: char = '□';

/// A character as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Letter {
    pub c: char,
    pub face: usize,
    pub glyph: GlyphId,
    /// In ems.
    pub width: f32,
    /// Counted from 1 among the links of a paragraph; 0 is none.
    pub link: usize,
}

struct Face {
    font: Font,
    characters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units_per_em: f32,
    /// Most text is ASCII, for which the tables need not be searched.
    ascii: Vec<Option<(GlyphId, f32)>>,
}

pub struct Fonts(Vec<Face>);

impl Fonts {
    pub fn load() -> Result<Self, Error> {
        FILES.iter().map(|file| Face::load(file)).collect::<Option<Vec<_>>>().map(Self).ok_or(Error::Font)
    }

    pub fn font(&self, face: usize) -> Font {
        self.0[face].font.clone()
    }

    /// Letters of a text; `link` is what they all link to. Line feeds stay, as letters without width; other control
    /// characters go.
    pub fn letters<'a>(&'a self, span: &'a Span, link: usize) -> impl Iterator<Item = Letter> + 'a {
        let face = match (span.mono, span.bold, span.italic) {
            (true, ..) => MONO,
            (_, bold, italic) => usize::from(bold) + 2 * usize::from(italic),
        };
        span.text
            .nfc()
            .filter(|c| matches!(c, '\n' | '\t') || !is_invisible(*c))
            .map(move |c| self.letter(face, c, link))
    }

    fn letter(&self, face: usize, c: char, link: usize) -> Letter {
        let found = |face: usize, c: char| self.0[face].find(c).map(|(glyph, width)| (face, glyph, width));
        let shown = if c.is_whitespace() { ' ' } else { c };
        let (face, glyph, width) = found(face, shown)
            .or_else(|| FALLBACK.iter().find_map(|face| found(*face, shown)))
            .or_else(|| found(MONO, BOX))
            .unwrap_or((face, GlyphId::new(0), 0.5));
        Letter { c, face, glyph, width: if c == '\n' { 0.0 } else { width }, link }
    }
}

impl Face {
    fn load(file: &'static [u8]) -> Option<Self> {
        let tables = FontRef::new(file).ok()?;
        let metrics = tables.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units_per_em = f32::from(tables.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let font = Font::new(file.into(), 0)?;
        let mut face = Self { font, characters: tables.charmap(), metrics, units_per_em, ascii: Vec::new() };
        face.ascii = (0..128u8).map(|c| face.look_up(char::from(c))).collect();
        Some(face)
    }

    fn find(&self, c: char) -> Option<(GlyphId, f32)> {
        match self.ascii.get(c as usize) {
            Some(found) => *found,
            None => self.look_up(c),
        }
    }

    fn look_up(&self, c: char) -> Option<(GlyphId, f32)> {
        let glyph = self.characters.map(c).filter(|glyph| glyph.to_u32() != 0)?;
        Some((GlyphId::new(glyph.to_u32()), self.metrics.advance_width(glyph)? / self.units_per_em))
    }
}

/// Control characters, and those that only say how others are shown or where a line may break.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> Vec<Letter> {
        Fonts::load().unwrap().letters(&Span::plain(text), 0).collect()
    }

    #[test]
    fn letters_of_latin_greek_cyrillic_and_signs_of_science_are_there() {
        let text = "aÅéščřžőșțßøŁ αβγΩμϕ ΆΈ ЖЩъѓїЁ →←≤≥≠≈±×·∑∏∫√∞∂∇∝∥ ²³⁻¹₂ °‰€ ✓✗☐☑⚠ “”„«»–—…";
        let lacking: Vec<_> = letters(text).iter().filter(|l| l.c != BOX && is_box(l)).map(|l| l.c).collect();
        assert!(lacking.is_empty(), "{lacking:?}");
    }

    #[test]
    fn what_no_font_has_is_a_box_and_what_is_no_text_is_nothing() {
        assert!(letters("中🦀\u{10ffff}").iter().all(is_box));
        assert_eq!(letters("a\u{0}\u{200b}\u{feff}\u{7}\u{ad}b").len(), 2);
        assert_eq!(letters("e\u{301}").len(), 1, "composed");
    }

    fn is_box(letter: &Letter) -> bool {
        letters("□")[0].glyph == letter.glyph && letter.face == MONO
    }
}
