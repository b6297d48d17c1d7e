use super::canonical_path::{CanonicalPath, PathError, PathRules};
use super::glob::{Glob, GlobComponent, MAX_GLOB_BYTES, SplitPattern};
use super::{MAX_COMPONENTS, MAX_EXTENSION_CHARS};
use crate::domain::query_syntax::{PatternChar, WildcardPattern};

/// Characters that a file name must have in a row if nothing else narrows the search.
pub(super) const MIN_FIXED_CHARS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseMatching {
    Sensitive,
    Insensitive,
}

/// Why a pattern was refused, and how to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error("a path with wildcards must not be longer than {MAX_GLOB_BYTES} bytes")]
    TooLong,
    #[error(
        "this path would be compared with every file; add a directory (/data/2024/**), an extension (*.nxs) or at least \
         {MIN_FIXED_CHARS} consecutive characters of the file name (*scan*)"
    )]
    TooBroad,
}

/// A path or pattern of paths in a query.
#[derive(Clone, Debug)]
pub struct PathPattern {
    pub selection: PathSelection,
    pub case: CaseMatching,
}

/// What a pattern selects, in the form in which an index finds it. What is in lower case is compared in lower case.
#[derive(Clone, Debug)]
pub enum PathSelection {
    /// An absolute path: this file, and everything in this directory.
    PathOrDirectory(CanonicalPath),
    /// A relative path: its components, one after the other, anywhere in a path. The last may be a file or a directory.
    Components(CanonicalPath),
    /// `/a/b/**`, or only the files directly in the directory: `/a/b/*`.
    Directory { directory: CanonicalPath, only_direct: bool },
    /// `/a/b/scan_*`: all paths that begin with this text, in directories as well. The text has at least one component.
    PathPrefix(CanonicalPath),
    /// `*.nxs`: an extension in lower case.
    Extension(String),
    /// `scan_*`: the beginning of a file name, in lower case.
    NamePrefix(String),
    /// Any other pattern.
    Glob(Box<Glob>),
}

impl PathPattern {
    /// Classifies a path with wildcards, regardless of case. `*` and `?` stand for characters of one component, the component
    /// `**` for any number of directories. Without separators, a pattern with wildcards concerns the file name.
    pub fn parse(text: &str, rules: &PathRules) -> Result<Self, PathPatternError> {
        Self::new(&WildcardPattern::from_wildcard_text(text), rules, CaseMatching::Insensitive)
    }

    /// As [`Self::parse`]. In components, extensions and names, case is only compared by [`Self::matches`].
    pub fn new(pattern: &WildcardPattern, rules: &PathRules, case: CaseMatching) -> Result<Self, PathPatternError> {
        let selection = match pattern.to_literal() {
            Some(path) => classify_literal(rules.canonicalize(&path)?),
            None => classify_wildcards(&pattern.to_composed(), rules, case)?,
        };
        Ok(Self { selection, case })
    }

    /// Whether the pattern selects this path.
    pub fn matches(&self, path: &CanonicalPath) -> bool {
        let text = |path: &CanonicalPath| match self.case {
            CaseMatching::Sensitive => path.text().to_owned(),
            CaseMatching::Insensitive => path.text_lower().to_owned(),
        };
        let is_in = |directory: &CanonicalPath| match self.case {
            _ if path.root() == Some(directory.text()) => true,
            CaseMatching::Sensitive => path.directories().any(|d| d == directory.text()),
            CaseMatching::Insensitive => path.directories_lower().any(|d| d == directory.text_lower()),
        };
        match &self.selection {
            PathSelection::PathOrDirectory(wanted) => text(path) == text(wanted) || is_in(wanted),
            PathSelection::Components(wanted) => {
                let (path, wanted) = (text(path), text(wanted));
                let components: Vec<&str> = path.split('/').collect();
                let wanted: Vec<&str> = wanted.split('/').collect();
                components.windows(wanted.len()).any(|window| window == wanted)
            }
            PathSelection::Directory { directory, only_direct } => {
                let depth = path.components().count();
                is_in(directory) && (!only_direct || depth == directory.components().count() + 1)
            }
            PathSelection::PathPrefix(prefix) => text(path).starts_with(&text(prefix)),
            PathSelection::Extension(extension) => path.extensions().any(|e| e == extension),
            PathSelection::NamePrefix(prefix) => path.file_name_lower().starts_with(prefix.as_str()),
            PathSelection::Glob(glob) => glob.matches(path),
        }
    }
}

fn classify_literal(path: CanonicalPath) -> PathSelection {
    if path.is_absolute() { PathSelection::PathOrDirectory(path) } else { PathSelection::Components(path) }
}

fn classify_wildcards(
    pattern: &WildcardPattern,
    rules: &PathRules,
    case: CaseMatching,
) -> Result<PathSelection, PathPatternError> {
    if pattern.len_utf8() > MAX_GLOB_BYTES {
        return Err(PathPatternError::TooLong);
    }
    let split = SplitPattern::new(pattern, rules);
    if split.components.len() > MAX_COMPONENTS {
        return Err(PathError::TooManyComponents.into());
    }
    let special = match &split.components[..] {
        [GlobComponent::Wildcards(name)] if !split.is_absolute() && case == CaseMatching::Insensitive => {
            classify_name(&name.to_lowercase())
        }
        [directory @ .., last] if split.is_absolute() => classify_absolute(&split, directory, last),
        _ => None,
    };
    match special {
        Some(selection) => Ok(selection),
        None => Ok(PathSelection::Glob(Box::new(Glob::new(&split, case)?))),
    }
}

/// `*.nxs` and `scan_*`.
fn classify_name(name: &WildcardPattern) -> Option<PathSelection> {
    if let Some(prefix) = name.to_prefix() {
        let is_long_enough = prefix.chars().count() >= MIN_FIXED_CHARS;
        return is_long_enough.then_some(PathSelection::NamePrefix(prefix));
    }
    let [PatternChar::AnyChars, PatternChar::Literal('.'), extension @ ..] = name.chars() else { return None };
    let extension = WildcardPattern::new(extension.to_vec()).to_literal()?;
    let parts: Vec<&str> = extension.split('.').collect();
    let is_extension = parts.len() <= 2
        && parts.iter().all(|part| !part.is_empty())
        && extension.chars().count() <= MAX_EXTENSION_CHARS;
    is_extension.then_some(PathSelection::Extension(extension))
}

/// `/a/b/*`, `/a/b/**` and `/a/b/scan_*`, if `/a/b` has no wildcards; and `/*`.
fn classify_absolute(
    split: &SplitPattern,
    directories: &[GlobComponent],
    last: &GlobComponent,
) -> Option<PathSelection> {
    if !directories.iter().all(|component| matches!(component, GlobComponent::Literal(_))) {
        return None;
    }
    let only_direct = match last {
        GlobComponent::AnyDirectories => false,
        GlobComponent::Wildcards(name) if name.chars() == [PatternChar::AnyChars] => true,
        GlobComponent::Wildcards(name) => {
            return Some(PathSelection::PathPrefix(split.join_literals(&name.to_prefix()?)));
        }
        GlobComponent::Literal(_) => return None,
    };
    let directory = match split.join_literal_start() {
        Some(directory) => directory,
        None if directories.is_empty() => CanonicalPath::from_canonical_text(split.lead.to_owned()),
        None => return None,
    };
    Some(PathSelection::Directory { directory, only_direct })
}
