use unicode_normalization::UnicodeNormalization as _;

/// A text in which `*` stands for any characters and `?` for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WildcardPattern {
    chars: Vec<PatternChar>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternChar {
    Literal(char),
    /// `*`
    AnyChars,
    /// `?`
    AnyChar,
}

impl WildcardPattern {
    pub fn new(chars: Vec<PatternChar>) -> Self {
        Self { chars }
    }

    /// Takes every `*` and `?` for a wildcard; there are no escapes.
    pub fn from_wildcard_text(text: &str) -> Self {
        let parse_char = |c| match c {
            '*' => PatternChar::AnyChars,
            '?' => PatternChar::AnyChar,
            _ => PatternChar::Literal(c),
        };
        Self::new(text.chars().map(parse_char).collect())
    }

    /// A pattern without wildcards.
    pub fn from_literal(text: &str) -> Self {
        Self::new(text.chars().map(PatternChar::Literal).collect())
    }

    /// `text` and `*`.
    pub fn from_prefix(text: &str) -> Self {
        let mut pattern = Self::from_literal(text);
        pattern.chars.push(PatternChar::AnyChars);
        pattern
    }

    pub fn chars(&self) -> &[PatternChar] {
        &self.chars
    }

    /// Length in bytes of the pattern as text.
    pub fn len_utf8(&self) -> usize {
        self.chars.iter().map(|c| if let PatternChar::Literal(c) = c { c.len_utf8() } else { 1 }).sum()
    }

    /// The text, unless there are wildcards.
    pub fn to_literal(&self) -> Option<String> {
        collect_literals(&self.chars)
    }

    /// The text before a `*` at the end, unless there are other wildcards.
    pub fn to_prefix(&self) -> Option<String> {
        match self.chars.split_last() {
            Some((PatternChar::AnyChars, rest)) if !rest.is_empty() => collect_literals(rest),
            _ => None,
        }
    }

    /// The characters before the first wildcard.
    pub fn literal_prefix(&self) -> String {
        self.chars.iter().map_while(|c| if let PatternChar::Literal(c) = c { Some(*c) } else { None }).collect()
    }

    pub fn to_lowercase(&self) -> Self {
        let mut lower = Vec::with_capacity(self.chars.len());
        for pattern_char in &self.chars {
            match pattern_char {
                PatternChar::Literal(c) => lower.extend(c.to_lowercase().map(PatternChar::Literal)),
                wildcard => lower.push(*wildcard),
            }
        }
        Self::new(lower)
    }

    /// The same with composed letters (Unicode NFC), as paths in the index.
    pub fn to_composed(&self) -> Self {
        let mut composed = Vec::with_capacity(self.chars.len());
        let is_literal = |c: &PatternChar| matches!(c, PatternChar::Literal(_));
        for run in self.chars.chunk_by(|a, b| is_literal(a) && is_literal(b)) {
            match collect_literals(run) {
                Some(text) => composed.extend(text.nfc().map(PatternChar::Literal)),
                None => composed.extend_from_slice(run),
            }
        }
        Self::new(composed)
    }

    /// A regular expression for whole terms, without anchors.
    pub fn to_regex(&self) -> String {
        let mut regex = String::with_capacity(self.chars.len() + 8);
        let mut previous = None;
        for pattern_char in &self.chars {
            match pattern_char {
                PatternChar::Literal(c) => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
                PatternChar::AnyChar => regex.push('.'),
                PatternChar::AnyChars if previous != Some(PatternChar::AnyChars) => regex.push_str(".*"),
                PatternChar::AnyChars => {}
            }
            previous = Some(*pattern_char);
        }
        regex
    }
}

fn collect_literals(chars: &[PatternChar]) -> Option<String> {
    chars.iter().map(|c| if let PatternChar::Literal(c) = c { Some(*c) } else { None }).collect()
}
