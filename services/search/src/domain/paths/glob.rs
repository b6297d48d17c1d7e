use regex::{Regex, RegexBuilder};

use super::canonical_path::{
    CanonicalPath, PathRules, find_root_prefix, find_separator_after, is_drive_or_scheme, split_extensions,
};
use super::name_texts::{NameTexts, split_literal_runs};
use super::path_pattern::{CaseMatching, MIN_FIXED_CHARS, PathPatternError};
use crate::domain::analysis::lowercase_chars;
use crate::domain::query_syntax::{PatternChar, WildcardPattern};

/// Length of a pattern with wildcards in bytes.
pub const MAX_GLOB_BYTES: usize = 1024;

/// One component of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GlobComponent {
    /// `**`: any number of directories.
    AnyDirectories,
    Literal(String),
    Wildcards(WildcardPattern),
}

impl GlobComponent {
    fn from_pattern_chars(chars: &[PatternChar]) -> Self {
        let pattern = WildcardPattern::new(chars.to_vec());
        if chars == [PatternChar::AnyChars, PatternChar::AnyChars] {
            return Self::AnyDirectories;
        }
        match pattern.to_literal() {
            Some(text) => Self::Literal(text),
            None => Self::Wildcards(pattern),
        }
    }
}

/// A pattern, split into components as a path is.
#[derive(Clone, Debug)]
pub(super) struct SplitPattern {
    pub lead: &'static str,
    pub components: Vec<GlobComponent>,
}

impl SplitPattern {
    pub fn new(pattern: &WildcardPattern, rules: &PathRules) -> Self {
        let is_separator = |c: &PatternChar| matches!(c, PatternChar::Literal(c) if rules.is_separator(*c));
        let is_blank = |c: &PatternChar| matches!(c, PatternChar::Literal(c) if c.is_whitespace());
        let chars = pattern.chars();
        let start = chars.iter().position(|c| !is_blank(c)).unwrap_or(chars.len());
        let end = chars.iter().rposition(|c| !is_blank(c) && !is_separator(c)).map_or(start, |last| last + 1);
        let chars = &chars[start..end];
        let lead = find_root_prefix(chars.iter().take_while(|c| is_separator(c)).count());
        let parts = chars.split(is_separator).filter(|part| !part.is_empty());
        let components: Vec<_> = parts.map(GlobComponent::from_pattern_chars).collect();
        // `/**` at the beginning includes UNC paths and drives.
        let is_anywhere = lead == "/" && components.first() == Some(&GlobComponent::AnyDirectories);
        Self { lead: if is_anywhere { "" } else { lead }, components }
    }

    pub fn is_absolute(&self) -> bool {
        let has_drive =
            matches!(self.components.first(), Some(GlobComponent::Literal(first)) if is_drive_or_scheme(first));
        !self.lead.is_empty() || has_drive
    }

    /// The path of the literal components before the first one with wildcards.
    pub fn join_literal_start(&self) -> Option<CanonicalPath> {
        match &self.components[..] {
            [GlobComponent::Literal(_), ..] => Some(self.join_literals("")),
            _ => None,
        }
    }

    /// The path of the literal components before the first one with wildcards, and of the component `last` unless it is empty.
    pub fn join_literals(&self, last: &str) -> CanonicalPath {
        let mut text = self.lead.to_owned();
        let literals = self.components.iter().map_while(|component| match component {
            GlobComponent::Literal(name) => Some(name.as_str()),
            _ => None,
        });
        for (i, component) in literals.chain([last]).filter(|component| !component.is_empty()).enumerate() {
            if i > 0 {
                text.push_str(find_separator_after(&text));
            }
            text.push_str(component);
        }
        CanonicalPath::from_canonical_text(text)
    }

    fn count_literal_start(&self) -> usize {
        self.components.iter().take_while(|component| matches!(component, GlobComponent::Literal(_))).count()
    }
}

/// A pattern that is verified path by path, and what narrows the paths to verify. All narrowing parts hold together.
#[derive(Clone, Debug)]
pub struct Glob {
    /// The fixed directory at the beginning of an absolute pattern.
    pub directory: Option<CanonicalPath>,
    /// Fixed components elsewhere, in lower case.
    pub components: Vec<String>,
    /// The extension of the file name, in lower case, as [`CanonicalPath::extensions`] gives it.
    pub extension: Option<String>,
    /// What the file name contains.
    pub name: NameTexts,
    /// Whether the parts above are all that the pattern demands, so that paths need not be verified.
    pub is_exact: bool,
    /// Whether the file lies in the directory itself, and not in one below it.
    pub only_direct: bool,
    regex: Regex,
    case: CaseMatching,
    pattern: SplitPattern,
}

/// The syntax of a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegexSyntax {
    /// Of the crate `regex`, with anchors.
    Rust,
    /// Of Lucene without optional operators; it always concerns the whole text.
    Lucene,
}

impl RegexSyntax {
    fn anchors(self) -> (&'static str, &'static str) {
        match self {
            Self::Rust => ("^", "$"),
            Self::Lucene => ("", ""),
        }
    }

    fn group_start(self) -> &'static str {
        match self {
            Self::Rust => "(?:",
            Self::Lucene => "(",
        }
    }

    /// A text that stands for itself.
    pub fn escape_text(self, text: &str) -> String {
        match self {
            Self::Rust => regex::escape(text),
            Self::Lucene => {
                let needs_escape = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
                text.chars().flat_map(|c| needs_escape(c).then_some('\\').into_iter().chain([c])).collect()
            }
        }
    }
}

impl Glob {
    pub(super) fn new(pattern: &SplitPattern, case: CaseMatching) -> Result<Self, PathPatternError> {
        let regex =
            RegexBuilder::new(&render_regex(pattern, case, RegexSyntax::Rust)).dot_matches_new_line(true).build();
        let mut glob = Self {
            directory: None,
            components: Vec::new(),
            extension: None,
            name: NameTexts::default(),
            is_exact: false,
            only_direct: false,
            // A regular expression that is too large is the only possible error.
            regex: regex.map_err(|_| PathPatternError::TooLong)?,
            case,
            pattern: pattern.clone(),
        };
        let mut rest = &pattern.components[..];
        if pattern.is_absolute() {
            glob.directory = pattern.join_literal_start();
            rest = &rest[pattern.count_literal_start()..];
        }
        for component in rest {
            if let GlobComponent::Literal(name) = component {
                glob.components.push(lowercase_chars(name));
            }
        }
        let mut has_long_text = false;
        if let Some((GlobComponent::Wildcards(name), before)) = rest.split_last() {
            let name = name.to_lowercase();
            has_long_text = split_literal_runs(name.chars()).iter().any(|run| run.chars().count() >= MIN_FIXED_CHARS);
            glob.narrow_by_name(&name);
            let is_anywhere = before.iter().all(|component| *component == GlobComponent::AnyDirectories);
            let has_place = !pattern.is_absolute() || glob.directory.is_some();
            glob.only_direct = pattern.is_absolute() && before.is_empty();
            glob.is_exact = case == CaseMatching::Insensitive && is_anywhere && has_place && glob.name.is_exact;
        }
        let is_narrow =
            glob.directory.is_some() || !glob.components.is_empty() || glob.extension.is_some() || has_long_text;
        if is_narrow { Ok(glob) } else { Err(PathPatternError::TooBroad) }
    }

    fn narrow_by_name(&mut self, name: &WildcardPattern) {
        let runs = split_literal_runs(name.chars());
        if !matches!(name.chars().last(), Some(PatternChar::Literal(_))) {
            self.extension = None;
        } else if let Some(tail) = runs.last() {
            self.extension = split_extensions(tail).last().map(str::to_owned);
        }
        self.name = NameTexts::from_pattern(name);
        // The extension says the same.
        let extension = self.extension.as_ref().map(|extension| format!(".{extension}/"));
        self.name.texts.retain(|text| Some(text) != extension.as_ref());
    }

    /// The pattern as a regular expression for canonical paths, in lower case if case does not matter.
    pub fn to_regex(&self, syntax: RegexSyntax) -> String {
        render_regex(&self.pattern, self.case, syntax)
    }

    pub fn matches(&self, path: &CanonicalPath) -> bool {
        match self.case {
            CaseMatching::Sensitive => self.regex.is_match(path.text()),
            CaseMatching::Insensitive => self.regex.is_match(path.text_lower()),
        }
    }
}

/// The pattern as a regular expression for canonical paths. Its engine takes time linear in the length of the path.
fn render_regex(pattern: &SplitPattern, case: CaseMatching, syntax: RegexSyntax) -> String {
    let ((start, end), group) = (syntax.anchors(), syntax.group_start());
    let mut regex = String::from(start);
    if pattern.is_absolute() {
        regex.push_str(pattern.lead);
    } else {
        regex.push_str(group);
        regex.push_str(".*/)?");
    }
    let mut components = pattern.components.iter().peekable();
    let mut is_first = true;
    while let Some(component) = components.next() {
        let is_last = components.peek().is_none();
        match component {
            GlobComponent::AnyDirectories if is_last => regex.push_str(".+"),
            GlobComponent::AnyDirectories => {
                regex.push_str(group);
                regex.push_str("[^/]+/+)*");
            }
            GlobComponent::Literal(name) => {
                push_escaped(&mut regex, name, case, syntax);
                if is_last {
                    // A fixed name may be that of a directory.
                    regex.push_str(group);
                    regex.push_str("/.*)?");
                }
            }
            GlobComponent::Wildcards(name) => push_wildcards(&mut regex, name, case, syntax),
        }
        if !is_last && *component != GlobComponent::AnyDirectories {
            let joint = match component {
                GlobComponent::Literal(name) if is_first && pattern.lead.is_empty() => find_separator_after(name),
                GlobComponent::Literal(_) => "/",
                _ => "/+",
            };
            regex.push_str(joint);
        }
        is_first = false;
    }
    regex.push_str(end);
    regex
}

fn push_escaped(regex: &mut String, text: &str, case: CaseMatching, syntax: RegexSyntax) {
    match case {
        CaseMatching::Sensitive => regex.push_str(&syntax.escape_text(text)),
        CaseMatching::Insensitive => regex.push_str(&syntax.escape_text(&lowercase_chars(text))),
    }
}

fn push_wildcards(regex: &mut String, pattern: &WildcardPattern, case: CaseMatching, syntax: RegexSyntax) {
    let pattern = if case == CaseMatching::Insensitive { pattern.to_lowercase() } else { pattern.clone() };
    if pattern.chars().iter().all(|c| *c == PatternChar::AnyChars) {
        // No component is empty.
        regex.push_str("[^/]");
    }
    let mut previous = None;
    for pattern_char in pattern.chars() {
        match pattern_char {
            PatternChar::Literal(c) => regex.push_str(&syntax.escape_text(c.encode_utf8(&mut [0; 4]))),
            PatternChar::AnyChar => regex.push_str("[^/]"),
            PatternChar::AnyChars if previous != Some(PatternChar::AnyChars) => regex.push_str("[^/]*"),
            PatternChar::AnyChars => {}
        }
        previous = Some(*pattern_char);
    }
}
