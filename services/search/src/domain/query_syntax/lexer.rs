//! Splits a query text into tokens, in one pass.

use super::error::{SyntaxError, SyntaxErrorReason};
use super::words::{ends_word, unescape_quoted};

/// Schemes of URLs that stand in locations of files. A word such as `s3://bucket` is not a field with a value.
const URL_SCHEMES: [&str; 17] = [
    "az", "dav", "davs", "file", "ftp", "gs", "gsiftp", "hdfs", "http", "https", "irods", "root", "s3", "sftp", "srm",
    "tape", "xroot",
];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// As it was written, with its escapes: their meaning depends on the field.
    Word(Vec<char>),
    Quoted(String),
    /// `None` is an open bound.
    Range {
        low: Option<String>,
        low_inclusive: bool,
        high: Option<String>,
        high_inclusive: bool,
    },
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    /// `:` or `=` after a field name.
    Colon,
    Less {
        inclusive: bool,
    },
    Greater {
        inclusive: bool,
    },
    /// `~`, with the number after it.
    Fuzzy(Option<f32>),
    Boost(f32),
}

/// A token and the position of its first character.
#[derive(Clone, Debug)]
pub(super) struct Positioned {
    pub token: Token,
    pub position: usize,
}

pub(super) fn tokenize(chars: &[char]) -> Result<Vec<Positioned>, SyntaxError> {
    let mut lexer = Lexer { chars, at: 0, after_field: false };
    let mut tokens = Vec::new();
    while let Some(positioned) = lexer.read_token()? {
        tokens.push(positioned);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    /// Whether the previous character ended a field name, so that a value follows.
    after_field: bool,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, offset: usize) -> Option<char> {
        self.chars.get(self.at + offset).copied()
    }

    fn skip_whitespace(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.at > start
    }

    /// Consumes a character if it is the next one.
    fn skip_char(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn read_token(&mut self) -> Result<Option<Positioned>, SyntaxError> {
        if self.skip_whitespace() {
            self.after_field = false;
        }
        let Some(first) = self.peek() else { return Ok(None) };
        let position = self.at;
        let token = match first {
            '-' if self.after_field && self.peek_at(1).is_some_and(|c| c.is_ascii_digit()) => self.read_word(),
            '"' => self.read_quoted()?,
            '[' | '{' => self.read_range()?,
            '^' => self.read_boost()?,
            '~' => self.read_fuzziness(),
            '<' | '>' => {
                self.at += 1;
                let inclusive = self.skip_char('=');
                if first == '<' { Token::Less { inclusive } } else { Token::Greater { inclusive } }
            }
            _ => match read_symbol(first) {
                Some(symbol) => {
                    self.at += 1;
                    symbol
                }
                None if ends_word(first) => return Err(unparsable(position, SyntaxErrorReason::UnexpectedCharacter)),
                None => self.read_word(),
            },
        };
        self.after_field = matches!(token, Token::Colon | Token::Less { .. } | Token::Greater { .. });
        Ok(Some(Positioned { token, position }))
    }

    fn read_word(&mut self) -> Token {
        let start = self.at;
        self.at += self.count_prefix_with_colon();
        while let Some(c) = self.peek() {
            match c {
                '\\' => self.at = (self.at + 2).min(self.chars.len()),
                ':' if is_colon_of_time(&self.chars[start..], self.at - start) => self.at += 1,
                c if ends_word(c) => break,
                _ => self.at += 1,
            }
        }
        let raw = &self.chars[start..self.at];
        match *raw {
            ['A', 'N', 'D'] | ['&', '&'] => Token::And,
            ['O', 'R'] | ['|', '|'] => Token::Or,
            ['N', 'O', 'T'] => Token::Not,
            _ => Token::Word(raw.to_vec()),
        }
    }

    /// Length of a drive letter or URL scheme with its colon: `C:` before a separator, `s3:` before `//`.
    fn count_prefix_with_colon(&self) -> usize {
        let rest = &self.chars[self.at..];
        if let [letter, ':', '\\' | '/', ..] = rest
            && letter.is_ascii_alphabetic()
        {
            return 2;
        }
        let is_scheme = |scheme: &&&str| {
            let scheme_length = scheme.len();
            rest.get(scheme_length..).is_some_and(|after| after.starts_with(&[':', '/', '/']))
                && scheme.chars().eq(rest[..scheme_length].iter().map(char::to_ascii_lowercase))
        };
        URL_SCHEMES.iter().find(is_scheme).map_or(0, |scheme| scheme.len() + 1)
    }

    fn read_quoted(&mut self) -> Result<Token, SyntaxError> {
        let position = self.at;
        let content = self.skip_quoted().ok_or_else(|| unparsable(position, SyntaxErrorReason::UnclosedQuote))?;
        // A backslash at the end would have escaped the quotation mark.
        Ok(Token::Quoted(unescape_quoted(content).unwrap_or_default()))
    }

    /// Consumes a quoted text and returns what stands between the quotation marks.
    fn skip_quoted(&mut self) -> Option<&[char]> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            match self.chars.get(end)? {
                '\\' => end += 2,
                '"' => break,
                _ => end += 1,
            }
        }
        self.at = end + 1;
        Some(&self.chars[start..end])
    }

    fn read_range(&mut self) -> Result<Token, SyntaxError> {
        let position = self.at;
        let low_inclusive = self.peek() == Some('[');
        self.at += 1;
        let low = self.read_bound(position)?;
        self.skip_whitespace();
        if self.chars[self.at..].starts_with(&['T', 'O'])
            && self.peek_at(2).is_some_and(|c| c.is_whitespace() || matches!(c, ']' | '}'))
        {
            self.at += 2;
        }
        let high = self.read_bound(position)?;
        self.skip_whitespace();
        let high_inclusive = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(unparsable(position, SyntaxErrorReason::MalformedRange)),
        };
        self.at += 1;
        Ok(Token::Range { low, low_inclusive, high, high_inclusive })
    }

    /// A bound of the range that starts at `range_position`. `None` is the open bound `*`.
    fn read_bound(&mut self, range_position: usize) -> Result<Option<String>, SyntaxError> {
        let unescape = |raw: &[char]| match unescape_quoted(raw) {
            Some(text) => Ok(Some(text)),
            None => Err(unparsable(range_position, SyntaxErrorReason::NothingEscaped)),
        };
        self.skip_whitespace();
        if self.peek() == Some('"')
            && let Some(content) = self.skip_quoted()
        {
            return unescape(content);
        }
        let start = self.at;
        while self.peek().is_some_and(|c| !c.is_whitespace() && !matches!(c, ']' | '}')) {
            self.at += 1;
        }
        match &self.chars[start..self.at] {
            [] | ['T', 'O'] => Err(unparsable(range_position, SyntaxErrorReason::MalformedRange)),
            ['*'] => Ok(None),
            raw => unescape(raw),
        }
    }

    fn read_boost(&mut self) -> Result<Token, SyntaxError> {
        let position = self.at;
        self.at += 1;
        match self.read_number() {
            Some(boost) => Ok(Token::Boost(boost)),
            None => Err(unparsable(position, SyntaxErrorReason::BoostExpected)),
        }
    }

    fn read_fuzziness(&mut self) -> Token {
        self.at += 1;
        Token::Fuzzy(self.read_number())
    }

    /// A decimal number without a sign or exponent.
    fn read_number(&mut self) -> Option<f32> {
        let start = self.at;
        self.skip_digits();
        if self.at == start {
            return None;
        }
        if self.peek() == Some('.') && self.peek_at(1).is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
            self.skip_digits();
        }
        self.chars[start..self.at].iter().collect::<String>().parse().ok()
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
    }
}

fn read_symbol(c: char) -> Option<Token> {
    Some(match c {
        '+' => Token::Plus,
        '-' => Token::Minus,
        '!' => Token::Not,
        '(' => Token::Open,
        ')' => Token::Close,
        ':' | '=' => Token::Colon,
        _ => return None,
    })
}

/// Whether the colon at `index` belongs to a time after a date: `2024-01-01T12:30:00`.
fn is_colon_of_time(word: &[char], index: usize) -> bool {
    let matches_template = |template: &str| {
        template.len() == index
            && template.chars().zip(word).all(|(t, c)| if t == '0' { c.is_ascii_digit() } else { t == *c })
    };
    let followed_by_digit = word.get(index + 1).is_some_and(char::is_ascii_digit);
    followed_by_digit && (matches_template("0000-00-00T00") || matches_template("0000-00-00T00:00"))
}

pub(super) fn is_url_scheme(word: &str) -> bool {
    URL_SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
}

pub(super) fn unparsable(position: usize, reason: SyntaxErrorReason) -> SyntaxError {
    SyntaxError::Unparsable { position, reason }
}
