//! The fonts of documents: those of this crate, then those that are installed. Open Sans is for text, Asana
//! Math for formulas, the Noto fonts for code and signs. For what they lack, one installed family is chosen for each character.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use typst::foundations::Bytes;
use typst::text::{Coverage, Font, FontBook, FontInfo};
use typst::utils::LazyHash;

const EMBEDDED: [&[u8]; 8] = [
    include_bytes!("../fonts/OpenSans-Regular.ttf"),
    include_bytes!("../fonts/OpenSans-Bold.ttf"),
    include_bytes!("../fonts/OpenSans-Italic.ttf"),
    include_bytes!("../fonts/OpenSans-BoldItalic.ttf"),
    include_bytes!("../fonts/NotoSansMono-Regular.ttf"),
    include_bytes!("../fonts/NotoSansMath-Regular.ttf"),
    include_bytes!("../fonts/NotoSansSymbols2-Regular.ttf"),
    include_bytes!("../fonts/Asana-Math.otf"),
];

pub const TEXT: &str = "Open Sans";
pub const CODE: &str = "Noto Sans Mono";
/// It says how roots, fractions and brackets grow.
pub const FORMULA: &str = "Asana Math";
pub const SIGNS: &str = "Noto Sans Math";

/// Installed families from the most to the least wanted, by the beginnings of their names; the empty one is any.
const WANTED: [&str; 10] = [
    "Noto Sans CJK SC",
    "Noto Sans CJK",
    "Noto Color Emoji",
    "Noto Sans",
    "Noto Naskh",
    "WenQuanYi Micro Hei",
    "Droid Sans",
    "DejaVu Sans",
    "Symbola",
    "",
];

/// Where a face is found.
enum Source {
    Loaded(Font),
    /// The file, and the number of the face in it. It is read when the face is needed.
    Installed(PathBuf, u32),
}

struct Face {
    source: Source,
    font: OnceLock<Option<Font>>,
}

/// Fonts and which of them has a character.
pub struct Fonts {
    pub book: LazyHash<FontBook>,
    /// In the order of the book.
    faces: Vec<Face>,
    covered: CharacterSet,
}

impl Fonts {
    /// The fonts of this crate.
    pub fn load_embedded() -> Self {
        let book = LazyHash::new(FontBook::new());
        let mut fonts = Self { book, faces: Vec::new(), covered: CharacterSet::default() };
        let faces = EMBEDDED.iter().flat_map(|file| Font::iter(Bytes::new(*file)));
        fonts.push_all(faces.map(|font| (font.info().clone(), Source::Loaded(font))).collect());
        fonts
    }

    /// With those of the system, as far as they have characters that are lacking.
    pub fn load_with_system() -> Self {
        let mut fonts = Self::load_embedded();
        let mut system = fontdb::Database::new();
        system.load_system_fonts();
        let mut faces: Vec<(FontInfo, PathBuf, u32)> = system
            .faces()
            .filter_map(|face| {
                let fontdb::Source::File(path) = &face.source else { return None };
                let info = system.with_face_data(face.id, FontInfo::new)??;
                Some((info, path.clone(), face.index))
            })
            .collect();
        faces.sort_by_cached_key(|(info, path, index)| {
            (family_rank(&info.family), info.family.clone(), path.clone(), *index)
        });
        fonts.push_all(faces.into_iter().map(|(info, path, index)| (info, Source::Installed(path, index))).collect());
        fonts
    }

    pub fn has_character(&self, c: char) -> bool {
        self.covered.contains(c)
    }

    /// A face by its number in the book; `None` if its file is gone.
    pub fn load_font(&self, index: usize) -> Option<Font> {
        let face = self.faces.get(index)?;
        let load = || match &face.source {
            Source::Loaded(font) => Some(font.clone()),
            Source::Installed(path, index) => Font::new(Bytes::new(fs::read(path).ok()?), *index),
        };
        face.font.get_or_init(load).clone()
    }

    /// Adds faces that are sorted by family. A face is chosen for a character by what its book says that it covers, so
    /// that each character is left to the first family that has it.
    fn push_all(&mut self, faces: Vec<(FontInfo, Source)>) {
        let mut before = self.covered.clone();
        let mut family = String::new();
        for (mut info, source) in faces {
            if info.family != family {
                before.clone_from(&self.covered);
                family.clone_from(&info.family);
            }
            let new: Vec<u32> = info.coverage.iter().filter(|c| !before.contains_code(*c)).collect();
            if new.is_empty() {
                continue;
            }
            for c in &new {
                self.covered.insert(*c);
            }
            info.coverage = Coverage::from_vec(new);
            self.book.push(info);
            self.faces.push(Face { source, font: OnceLock::new() });
        }
    }
}

fn family_rank(family: &str) -> usize {
    WANTED.iter().position(|wanted| family.starts_with(wanted)).unwrap_or(WANTED.len())
}

/// A bit for each code point.
#[derive(Clone)]
struct CharacterSet(Vec<u64>);

impl Default for CharacterSet {
    fn default() -> Self {
        Self(vec![0; 0x0011_0000 / 64])
    }
}

impl CharacterSet {
    fn insert(&mut self, code: u32) {
        if let Some(bits) = self.0.get_mut(code as usize / 64) {
            *bits |= 1 << (code % 64);
        }
    }

    fn contains_code(&self, code: u32) -> bool {
        self.0.get(code as usize / 64).is_some_and(|bits| bits >> (code % 64) & 1 == 1)
    }

    fn contains(&self, c: char) -> bool {
        self.contains_code(u32::from(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_latin_greek_cyrillic_and_science_need_no_installed_font() {
        let fonts = Fonts::load_embedded();
        let text = "aÅéščřžőșțßøŁ αβγΩμϕ ΆΈ ЖЩъѓїЁ →←≤≥≠≈±×·∑∏∫√∞∂∇∝∥ ²³⁻¹₂ °‰€ ✓✗☐☑⚠ “”„«»–—…";
        let lacking: String = text.chars().filter(|c| !fonts.has_character(*c)).collect();
        assert_eq!(lacking, "");
        assert!(!fonts.has_character('\u{e123}'));
    }

    #[test]
    fn each_character_is_left_to_one_family() {
        let fonts = Fonts::load_with_system();
        let book = &fonts.book;
        for c in "aΩж中あ한ع".chars().filter(|c| fonts.has_character(*c)) {
            let mut families: Vec<&str> = (0..)
                .map_while(|index| book.info(index))
                .filter(|info| info.coverage.contains(u32::from(c)))
                .map(|info| info.family.as_str())
                .collect();
            families.dedup();
            assert_eq!(families.len(), 1, "{c} {families:?}");
        }
    }
}
