use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::name_texts::list_trigrams;
use crate::domain::analysis::lowercase_chars;

/// Length of a path in bytes. ICAT stores locations of at most 511 characters.
pub const MAX_PATH_BYTES: usize = 4096;
/// Components of a path: each gives an index term with all components before.
pub const MAX_COMPONENTS: usize = 256;
/// What is longer is no extension.
pub const MAX_EXTENSION_CHARS: usize = 32;

/// Why a text is not accepted as a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path is empty")]
    Empty,
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    #[error("the path has more than {MAX_COMPONENTS} components")]
    TooManyComponents,
}

/// How a facility writes its paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRules {
    separators: Vec<char>,
}

impl Default for PathRules {
    fn default() -> Self {
        Self::new([])
    }
}

impl PathRules {
    /// `/` is always a separator, because canonical paths are separated by it.
    pub fn new(separators: impl IntoIterator<Item = char>) -> Self {
        let mut all = vec!['/'];
        all.extend(separators.into_iter().filter(|separator| *separator != '/'));
        Self { separators: all }
    }

    pub fn is_separator(&self, c: char) -> bool {
        self.separators.contains(&c)
    }

    /// The canonical form of a path. Blanks around it are removed, blanks in it are kept. Letters with accents are composed (Unicode
    /// NFC): macOS writes names with the accent after the letter, and keyboards do not.
    pub fn canonicalize(&self, path: &str) -> Result<CanonicalPath, PathError> {
        let path = path.trim_start();
        if path.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let composed = compose_letters(path);
        let path = composed.as_ref();
        let without_lead = path.trim_start_matches(|c| self.is_separator(c));
        let lead = find_root_prefix(path[..path.len() - without_lead.len()].chars().count());
        let without_end = without_lead.trim_end_matches(|c: char| self.is_separator(c) || c.is_whitespace());
        let mut text = String::with_capacity(path.len() + 2);
        text.push_str(lead);
        let components = without_end.split(|c| self.is_separator(c)).filter(|component| !component.is_empty());
        let mut component_count = 0;
        for component in components {
            if component_count > 0 {
                text.push_str(find_separator_after(&text));
            }
            text.push_str(component);
            component_count += 1;
        }
        match component_count {
            0 if lead.is_empty() => Err(PathError::Empty),
            0 => Ok(CanonicalPath::from_canonical_text(lead.to_owned())),
            1..=MAX_COMPONENTS => Ok(CanonicalPath::from_canonical_text(text)),
            _ => Err(PathError::TooManyComponents),
        }
    }
}

/// The text in Unicode NFC.
fn compose_letters(text: &str) -> Cow<'_, str> {
    if is_nfc_quick(text.chars()) == IsNormalized::Yes { text.into() } else { text.nfc().collect::<String>().into() }
}

/// What stands for the separators before the first component: exactly two make a UNC path.
pub(super) fn find_root_prefix(separator_count: usize) -> &'static str {
    match separator_count {
        0 => "",
        2 => "//",
        _ => "/",
    }
}

/// What separates the next component from `text`, the components before.
pub(super) fn find_separator_after(text: &str) -> &'static str {
    if is_url_scheme(text) { "//" } else { "/" }
}

/// Whether a first component begins an absolute path.
pub(super) fn is_drive_or_scheme(component: &str) -> bool {
    is_drive(component) || is_url_scheme(component)
}

fn is_drive(component: &str) -> bool {
    matches!(component.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

/// Two characters at least, because `c:` is a drive.
fn is_url_scheme(component: &str) -> bool {
    component.strip_suffix(':').is_some_and(|scheme| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// A path in canonical form, with the terms by which it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath {
    text: String,
    text_lower: String,
}

impl CanonicalPath {
    pub(super) fn from_canonical_text(text: String) -> Self {
        let text_lower = lowercase_chars(&text);
        Self { text, text_lower }
    }

    /// The path, in its own case.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn text_lower(&self) -> &str {
        &self.text_lower
    }

    /// Whether it begins with a separator, a drive or a URL scheme.
    pub fn is_absolute(&self) -> bool {
        self.text.starts_with('/') || self.text.split('/').next().is_some_and(is_drive_or_scheme)
    }

    /// The directories in which the path lies, from the outermost: `/a` and `/a/b` for `/a/b/c`. Neither the path itself nor
    /// [`Self::root`] is among them.
    pub fn directories(&self) -> impl DoubleEndedIterator<Item = &str> {
        split_directories(&self.text)
    }

    pub fn directories_lower(&self) -> impl DoubleEndedIterator<Item = &str> {
        split_directories(&self.text_lower)
    }

    /// What is above all directories of an absolute path: `/`, or `//` of UNC paths. Drives and URL schemes are directories.
    pub fn root(&self) -> Option<&'static str> {
        match find_root_prefix(self.text.len() - self.text.trim_start_matches('/').len()) {
            "" => None,
            root => Some(root),
        }
    }

    pub fn is_root(&self) -> bool {
        self.root() == Some(self.text.as_str())
    }

    /// What the paths in this directory begin with, in lower case: `/data/`, `s3://`, `//`.
    pub fn start_of_content(&self) -> String {
        let separator = if self.is_root() { "" } else { find_separator_after(&self.text_lower) };
        format!("{}{separator}", self.text_lower)
    }

    /// The directory that contains the path; none for `/a` and `a`.
    pub fn parent_directory(&self) -> Option<&str> {
        self.directories().next_back()
    }

    /// The components in lower case, with drive or scheme: `c:`, `data`, `x.raw`.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text_lower.split('/').filter(|component| !component.is_empty())
    }

    /// The last component; empty for `/`.
    pub fn file_name(&self) -> &str {
        last_component(&self.text)
    }

    pub fn file_name_lower(&self) -> &str {
        last_component(&self.text_lower)
    }

    /// What follows the last and the second last dot of the file name, in lower case: `gz` and `tar.gz`. `.hidden` has the
    /// extension `hidden`, so that `*.hidden` finds it.
    pub fn extensions(&self) -> impl Iterator<Item = &str> {
        split_extensions(self.file_name_lower())
    }

    /// Words and numbers of the file name, in lower case: `run`, `0001`, `nxs` for `run0001.nxs`.
    pub fn name_tokens(&self) -> impl Iterator<Item = &str> {
        self.file_name_lower().split(|c: char| !c.is_alphanumeric()).flat_map(split_at_digits)
    }

    /// All sequences of three characters of the file name between two separators, in lower case, with their positions.
    pub fn list_name_trigrams(&self) -> Vec<(u32, String)> {
        list_trigrams(self.file_name_lower())
    }
}

fn last_component(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or_default()
}

fn split_directories(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.match_indices('/')
        .map(|(end, _)| &text[..end])
        .filter(|directory| !directory.is_empty() && !directory.ends_with('/'))
}

pub(super) fn split_extensions(name_lower: &str) -> impl Iterator<Item = &str> {
    let after_dot = |(dot, _): (usize, &str)| &name_lower[dot + 1..];
    let mut after_dots = name_lower.rmatch_indices('.').map(after_dot);
    let last = after_dots.next().filter(|extension| is_extension(extension));
    let double = last.and(after_dots.next()).filter(|extension| is_extension(extension));
    last.into_iter().chain(double)
}

/// Whether a text after a dot is short and has no empty part.
fn is_extension(text: &str) -> bool {
    text.chars().nth(MAX_EXTENSION_CHARS).is_none() && text.split('.').all(|part| !part.is_empty())
}

fn split_at_digits(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let is_digit = rest.chars().next()?.is_numeric();
        let end = rest.find(|c: char| c.is_numeric() != is_digit).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

pub(super) fn split_trigrams(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8()).skip(2);
    text.char_indices().zip(ends).map(|((start, _), end)| &text[start..end])
}
