//! Paths of datafiles, in one form for the index and for queries, and patterns of paths.
//!
//! A path is canonical when its separators are `/`, none is repeated and none is at the end. What is at its beginning is kept:
//! `/` of an absolute path, `//` of a UNC path, a drive letter, or the scheme of a URL, which is always followed by `//`.

mod canonical_path;
mod glob;
mod name_texts;
mod path_pattern;

#[cfg(test)]
mod tests;

pub use self::canonical_path::{
    CanonicalPath, MAX_COMPONENTS, MAX_EXTENSION_CHARS, MAX_PATH_BYTES, PathError, PathRules,
};
pub use self::glob::{Glob, MAX_GLOB_BYTES, RegexSyntax};
pub use self::name_texts::{bound_prefix, cover_with_trigrams};
pub use self::path_pattern::{CaseMatching, PathPattern, PathPatternError, PathSelection};
