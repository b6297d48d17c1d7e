//! Escapes in words and quoted texts.

use super::wildcard_pattern::{PatternChar, WildcardPattern};

/// Whether a character ends an unquoted word, unless it is escaped.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '!' | '(' | ')' | ':' | '^' | '<' | '>' | '=' | '[' | ']' | '"' | '{' | '}' | '~')
}

/// Whether `\` before this character is an escape.
pub(super) fn is_escapable(c: char) -> bool {
    ends_word(c) || matches!(c, '+' | '-' | '&' | '|' | '/' | '\\') || is_wildcard(c)
}

fn is_wildcard(c: char) -> bool {
    matches!(c, '*' | '?')
}

/// A run of backslashes and the character after it.
struct Run {
    length: usize,
    next: Option<char>,
}

fn find_run(chars: &[char]) -> Run {
    let length = chars.iter().take_while(|c| **c == '\\').count();
    Run { length, next: chars.get(length).copied() }
}

/// Whether the backslashes are separators of a path rather than escapes, as in `\\server\share\*.nxs`: an odd number of them
/// stands before a character that needs no escape.
fn has_separators(chars: &[char]) -> bool {
    let mut i = 0;
    while i < chars.len() {
        let run = find_run(&chars[i..]);
        if run.length % 2 == 1 && run.next.is_some_and(|next| !is_escapable(next)) {
            return true;
        }
        i += run.length.max(1);
    }
    false
}

/// What a backslash before a wildcard or another backslash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backslash {
    /// An escape, unless another one in the word is a separator.
    Escape,
    Separator,
}

/// Resolves the escapes of a word. `None` if it ends in a backslash that escapes nothing.
pub(super) fn unescape_word(chars: &[char], backslash: Backslash) -> Option<WildcardPattern> {
    let has_separators = backslash == Backslash::Separator || has_separators(chars);
    let mut pattern = Vec::with_capacity(chars.len());
    let mut i = 0;
    while i < chars.len() {
        let run = find_run(&chars[i..]);
        if run.length == 0 {
            pattern.push(match chars[i] {
                '*' => PatternChar::AnyChars,
                '?' => PatternChar::AnyChar,
                c => PatternChar::Literal(c),
            });
            i += 1;
            continue;
        }
        i += run.length;
        let is_odd = run.length % 2 == 1;
        let escaped = match run.next {
            Some(next) if is_odd && has_separators => is_escapable(next) && !is_wildcard(next),
            Some(_) => is_odd,
            None if is_odd && !has_separators => return None,
            None => false,
        };
        let literal_backslashes = if has_separators { run.length - usize::from(escaped) } else { run.length / 2 };
        pattern.extend(std::iter::repeat_n(PatternChar::Literal('\\'), literal_backslashes));
        if let Some(next) = run.next.filter(|_| escaped) {
            pattern.push(PatternChar::Literal(next));
            i += 1;
        }
    }
    Some(WildcardPattern::new(pattern))
}

/// Resolves the escapes of a quoted text, which has no wildcards.
pub(super) fn unescape_quoted(chars: &[char]) -> Option<String> {
    let to_char = |c: &PatternChar| match c {
        PatternChar::Literal(c) => *c,
        PatternChar::AnyChars => '*',
        PatternChar::AnyChar => '?',
    };
    unescape_word(chars, Backslash::Escape).map(|pattern| pattern.chars().iter().map(to_char).collect())
}
