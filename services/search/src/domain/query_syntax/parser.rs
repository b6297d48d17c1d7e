//! Recursive descent over the tokens. Only parentheses recurse, up to [`MAX_NESTING`].

use std::ops::Bound;

use super::error::{SyntaxError, SyntaxErrorReason};
use super::lexer::{Positioned, Token, tokenize, unparsable};
use super::wildcard_pattern::{PatternChar, WildcardPattern};
use super::words::{Backslash, unescape_word};
use super::{Clause, Occur, Query};

/// Nested parentheses in a query.
pub const MAX_NESTING: usize = 100;
/// Words, phrases, ranges and other parts of a query, counted over all groups.
pub const MAX_CLAUSES: usize = 1024;
pub const MAX_QUERY_BYTES: usize = 65_536;

/// Boosts above make scores infinite when they are multiplied.
const MAX_BOOST: f32 = 1e6;
const MAX_EDITS: u8 = 2;

/// How paths are written in queries.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathSyntax {
    /// Whether `\` before a wildcard or another `\` separates the parts of a path, in words of these fields and in words without a
    /// field.
    pub has_backslashes: bool,
    pub fields: &'static [&'static str],
}

/// Parses a query text in which a backslash before a wildcard is an escape.
pub fn parse_query(text: &str) -> Result<Query, SyntaxError> {
    parse_query_with_paths(text, PathSyntax::default())
}

/// Parses a query text.
pub fn parse_query_with_paths(text: &str, paths: PathSyntax) -> Result<Query, SyntaxError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(unparsable(0, SyntaxErrorReason::TooLong));
    }
    let chars: Vec<char> = text.chars().collect();
    let tokens = tokenize(&chars)?;
    let mut parser = Parser { tokens: &tokens, next: 0, end: chars.len(), clause_count: 0, paths };
    let query = parser.parse_clauses(None, 0)?;
    match parser.peek() {
        None => Ok(query),
        Some(_) => Err(parser.refuse_next(SyntaxErrorReason::UnexpectedCharacter)),
    }
}

struct Parser<'a> {
    tokens: &'a [Positioned],
    next: usize,
    /// Length of the text, the position of errors at its end.
    end: usize,
    clause_count: usize,
    paths: PathSyntax,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|positioned| &positioned.token)
    }

    fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.next + 1).map(|positioned| &positioned.token)
    }

    fn skip_token(&mut self, expected: &Token) -> bool {
        let found = self.peek() == Some(expected);
        self.next += usize::from(found);
        found
    }

    fn refuse_next(&self, reason: SyntaxErrorReason) -> SyntaxError {
        unparsable(self.tokens.get(self.next).map_or(self.end, |positioned| positioned.position), reason)
    }

    /// Clauses up to the end or a closing parenthesis. As in Lucene, AND does not bind closer than OR: it makes the clauses
    /// on its two sides mandatory, so that `a AND b OR c` means `+a +b c`.
    fn parse_clauses(&mut self, field: Option<&str>, depth: usize) -> Result<Query, SyntaxError> {
        let mut clauses = Vec::new();
        let mut is_after_and = false;
        loop {
            let modifier = self.parse_modifier();
            let query = self.parse_clause(field, depth)?;
            let is_before_and = self.skip_token(&Token::And);
            let joined = if is_after_and || is_before_and { Occur::Must } else { Occur::Should };
            clauses.push(Clause { occur: modifier.unwrap_or(joined), query });
            is_after_and = is_before_and;
            if !is_before_and && !self.skip_token(&Token::Or) && matches!(self.peek(), None | Some(Token::Close)) {
                return Ok(combine_clauses(clauses));
            }
        }
    }

    fn parse_modifier(&mut self) -> Option<Occur> {
        let occur = match self.peek()? {
            Token::Plus => Occur::Must,
            Token::Minus | Token::Not => Occur::MustNot,
            _ => return None,
        };
        self.next += 1;
        Some(occur)
    }

    fn parse_clause(&mut self, field: Option<&str>, depth: usize) -> Result<Query, SyntaxError> {
        let own_field = self.parse_field_name();
        let has_own_field = own_field.is_some();
        let field = own_field.as_deref().or(field);
        if let Some(Token::Less { .. } | Token::Greater { .. }) = self.peek()
            && has_own_field
        {
            return self.parse_comparison(field);
        }
        if self.peek() == Some(&Token::Open) {
            return self.parse_group(field, depth);
        }
        self.parse_value(field, has_own_field)
    }

    /// A word before `:`, `=` or a comparison.
    fn parse_field_name(&mut self) -> Option<String> {
        let (Some(Token::Word(name)), Some(operator)) = (self.peek(), self.peek_second()) else { return None };
        let consumed = match operator {
            Token::Colon => 2,
            Token::Less { .. } | Token::Greater { .. } => 1,
            _ => return None,
        };
        let name = render_unescaped(&unescape_word(name, Backslash::Escape)?);
        self.next += consumed;
        Some(name)
    }

    /// The next token as a word of a field.
    fn parse_word(&self, raw: &[char], field: Option<&str>) -> Result<WildcardPattern, SyntaxError> {
        let is_path = self.paths.has_backslashes && field.is_none_or(|field| self.paths.fields.contains(&field));
        let backslash = if is_path { Backslash::Separator } else { Backslash::Escape };
        unescape_word(raw, backslash).ok_or_else(|| {
            let start = self.tokens.get(self.next).map_or(self.end, |positioned| positioned.position);
            unparsable((start + raw.len()).saturating_sub(1), SyntaxErrorReason::NothingEscaped)
        })
    }

    fn parse_group(&mut self, field: Option<&str>, depth: usize) -> Result<Query, SyntaxError> {
        if depth == MAX_NESTING {
            return Err(self.refuse_next(SyntaxErrorReason::TooDeep));
        }
        let unclosed = self.refuse_next(SyntaxErrorReason::UnclosedParenthesis);
        self.next += 1;
        let query = self.parse_clauses(field, depth + 1)?;
        if !self.skip_token(&Token::Close) {
            return Err(unclosed);
        }
        Ok(self.parse_boost(query))
    }

    fn parse_comparison(&mut self, field: Option<&str>) -> Result<Query, SyntaxError> {
        self.count_clause()?;
        let operator = self.peek().cloned();
        self.next += 1;
        let value = match self.peek() {
            Some(Token::Word(raw)) if *raw == ['*'] => None,
            Some(Token::Word(raw)) => Some(render_unescaped(&self.parse_word(raw, field)?)),
            Some(Token::Quoted(text)) => Some(text.clone()),
            _ => return Err(self.refuse_next(SyntaxErrorReason::ValueExpected)),
        };
        self.next += 1;
        let (low, high) = match operator {
            Some(Token::Less { inclusive }) => (Bound::Unbounded, to_bound(value, inclusive)),
            Some(Token::Greater { inclusive }) => (to_bound(value, inclusive), Bound::Unbounded),
            _ => return Err(self.refuse_next(SyntaxErrorReason::ValueExpected)),
        };
        Ok(Query::Range { field: field.map(str::to_owned), low, high })
    }

    fn parse_value(&mut self, field: Option<&str>, has_own_field: bool) -> Result<Query, SyntaxError> {
        self.count_clause()?;
        let token = self.peek().cloned();
        let owned_field = field.map(str::to_owned);
        let query = match token {
            Some(Token::Word(raw)) => {
                let pattern = self.parse_word(&raw, field)?;
                self.next += 1;
                return self.parse_word_suffixes(owned_field, pattern);
            }
            Some(Token::Quoted(text)) => {
                self.next += 1;
                Query::Phrase { field: owned_field, text, slop: self.parse_slop() }
            }
            Some(Token::Range { low, low_inclusive, high, high_inclusive }) => {
                self.next += 1;
                let (low, high) = (to_bound(low, low_inclusive), to_bound(high, high_inclusive));
                Query::Range { field: owned_field, low, high }
            }
            _ if has_own_field => return Err(self.refuse_next(SyntaxErrorReason::ValueExpected)),
            _ => return Err(self.refuse_next(SyntaxErrorReason::ClauseExpected)),
        };
        Ok(self.parse_boost(query))
    }

    /// `~` and `^` after a word, in either order.
    fn parse_word_suffixes(&mut self, field: Option<String>, word: WildcardPattern) -> Result<Query, SyntaxError> {
        let mut max_edits = self.parse_fuzziness(&word)?;
        let boost = self.parse_boost_factor();
        if boost.is_some() && max_edits.is_none() {
            max_edits = self.parse_fuzziness(&word)?;
        }
        let query = match max_edits {
            Some(max_edits) => Query::Fuzzy { field, text: render_unescaped(&word), max_edits },
            None => classify_word(field, word),
        };
        Ok(match boost {
            Some(boost) => Query::Boost(Box::new(query), boost),
            None => query,
        })
    }

    fn parse_fuzziness(&mut self, word: &WildcardPattern) -> Result<Option<u8>, SyntaxError> {
        let Some(Token::Fuzzy(similarity)) = self.peek() else { return Ok(None) };
        let max_edits = match similarity {
            None => MAX_EDITS,
            Some(similarity) => count_edits(*similarity, word.chars().len())
                .ok_or_else(|| self.refuse_next(SyntaxErrorReason::MalformedFuzziness))?,
        };
        self.next += 1;
        Ok(Some(max_edits))
    }

    fn parse_slop(&mut self) -> u32 {
        let Some(Token::Fuzzy(slop)) = self.peek() else { return 0 };
        // As in Lucene, a fraction is cut off.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let slop = slop.unwrap_or(0.0) as u32;
        self.next += 1;
        slop
    }

    fn parse_boost_factor(&mut self) -> Option<f32> {
        let Some(Token::Boost(boost)) = self.peek() else { return None };
        let boost = boost.min(MAX_BOOST);
        self.next += 1;
        Some(boost)
    }

    fn parse_boost(&mut self, query: Query) -> Query {
        match self.parse_boost_factor() {
            Some(boost) => Query::Boost(Box::new(query), boost),
            None => query,
        }
    }

    fn count_clause(&mut self) -> Result<(), SyntaxError> {
        self.clause_count += 1;
        if self.clause_count > MAX_CLAUSES { Err(SyntaxError::TooManyClauses) } else { Ok(()) }
    }
}

/// A single clause stands for itself. Clauses that only exclude are taken from everything.
fn combine_clauses(mut clauses: Vec<Clause>) -> Query {
    if clauses.iter().all(|clause| clause.occur == Occur::MustNot) {
        clauses.insert(0, Clause { occur: Occur::Must, query: Query::All });
    }
    match clauses.len() {
        1 => clauses.remove(0).query,
        _ => Query::Boolean(clauses),
    }
}

fn classify_word(field: Option<String>, pattern: WildcardPattern) -> Query {
    if pattern.chars() == [PatternChar::AnyChars] && field.as_deref().is_none_or(|name| name == "*") {
        return Query::All;
    }
    if pattern.chars().iter().any(|c| matches!(c, PatternChar::Literal('/' | '\\'))) {
        return Query::Path { field, pattern };
    }
    if let Some(text) = pattern.to_literal() {
        return Query::Word { field, text };
    }
    match pattern.to_prefix() {
        Some(text) => Query::Prefix { field, text },
        None => Query::Wildcard { field, pattern },
    }
}

/// The number of edits for the number after `~`: a number of edits, or below 1 a similarity.
fn count_edits(similarity: f32, word_length: usize) -> Option<u8> {
    if similarity >= 1.0 {
        let is_whole = similarity.fract() == 0.0;
        return is_whole.then_some(if similarity >= 2.0 { MAX_EDITS } else { 1 });
    }
    if similarity == 0.0 {
        return Some(0);
    }
    #[expect(clippy::cast_precision_loss, reason = "words are short, and more than 2 edits do not count")]
    let edits = (1.0 - similarity) * word_length as f32;
    Some(match edits {
        edits if edits >= 2.0 => MAX_EDITS,
        edits if edits >= 1.0 => 1,
        _ => 0,
    })
}

fn to_bound(value: Option<String>, inclusive: bool) -> Bound<String> {
    match value {
        None => Bound::Unbounded,
        Some(value) if inclusive => Bound::Included(value),
        Some(value) => Bound::Excluded(value),
    }
}

/// The text of a word whose wildcards have no meaning.
fn render_unescaped(pattern: &WildcardPattern) -> String {
    let to_char = |c: &PatternChar| match c {
        PatternChar::Literal(c) => *c,
        PatternChar::AnyChars => '*',
        PatternChar::AnyChar => '?',
    };
    pattern.chars().iter().map(to_char).collect()
}
