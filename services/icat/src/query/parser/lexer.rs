//! The lexer: names, numbers, strings and signs.

use crate::query::error::QueryError;

/// A token. A name keeps its case and may be a whole path such as `df.dataset.name`.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Name(String),
    Text(String),
    Integer(i64),
    Real(f64),
    /// `:user`
    Parameter(String),
    /// The text between `{ts` and `}`.
    Timestamp(String),
    Sign(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(text) => f.write_str(text),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Integer(n) => n.fmt(f),
            Self::Real(n) => n.fmt(f),
            Self::Parameter(name) => write!(f, ":{name}"),
            Self::Timestamp(text) => write!(f, "{{ts {text}}}"),
            Self::Sign(sign) => f.write_str(sign),
        }
    }
}

/// Longer signs first, so that `<=` is not read as `<`.
const SIGNS: [&str; 17] = ["<->", "<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "*", "/"];

/// Splits a query into tokens in one pass.
pub fn tokenize(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn remaining(&self) -> &str {
        &self.text[self.at..]
    }

    fn next_token(&mut self) -> Result<Option<Token>, QueryError> {
        self.at += self.remaining().len() - self.remaining().trim_start().len();
        let Some(first) = self.remaining().chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '\'' => self.read_string()?,
            '{' => self.read_timestamp()?,
            ':' => {
                self.at += 1;
                match self.take_while(is_name_part) {
                    name if name.is_empty() => return Err(self.unexpected_character(':')),
                    name => Token::Parameter(name),
                }
            }
            '-' if self.remaining()[1..].starts_with(|c: char| c.is_ascii_digit()) => self.read_number()?,
            c if c.is_ascii_digit() => self.read_number()?,
            c if c.is_alphabetic() || c == '$' || c == '_' => Token::Name(self.take_while(is_name_part)),
            c => {
                let sign = SIGNS.into_iter().find(|sign| self.remaining().starts_with(sign));
                let sign = sign.ok_or_else(|| self.unexpected_character(c))?;
                self.at += sign.len();
                Token::Sign(sign)
            }
        };
        Ok(Some(token))
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> String {
        let rest = self.remaining();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        let taken = rest[..end].to_owned();
        self.at += end;
        taken
    }

    /// A string in single quotes; a doubled quote stands for one.
    fn read_string(&mut self) -> Result<Token, QueryError> {
        let mut value = String::new();
        self.at += 1;
        loop {
            value.push_str(&self.take_while(|c| c != '\''));
            if self.remaining().starts_with("''") {
                value.push('\'');
                self.at += 2;
            } else if self.remaining().starts_with('\'') {
                self.at += 1;
                return Ok(Token::Text(value));
            } else {
                return Err(self.unexpected_end("INQUOTES"));
            }
        }
    }

    /// `{ts 2026-01-12 09:00:00}`
    fn read_timestamp(&mut self) -> Result<Token, QueryError> {
        let rest = self.remaining();
        let Some(end) = rest.find('}') else {
            return Err(self.unexpected_end("TIMESTAMP"));
        };
        let inner = rest[1..end].trim_start();
        let value = inner
            .strip_prefix("ts")
            .or_else(|| inner.strip_prefix("TS"))
            .ok_or_else(|| self.unexpected_character('{'))?;
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        self.at += end + 1;
        Ok(Token::Timestamp(value))
    }

    fn read_number(&mut self) -> Result<Token, QueryError> {
        let rest = self.remaining().as_bytes();
        let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = usize::from(rest[0] == b'-');
        end += digits(end);
        let mut real = false;
        if rest.get(end) == Some(&b'.') {
            real = true;
            end += 1 + digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent > 0 {
                real = true;
                end += 1 + sign + exponent;
            }
        }
        let text = &self.text[self.at..self.at + end];
        // Zero has no sign, and `a -0` is a subtraction.
        if text.starts_with('-') && !text.contains(|c| ('1'..='9').contains(&c)) {
            self.at += 1;
            return Ok(Token::Sign("-"));
        }
        let token = if real {
            text.parse().ok().filter(|n: &f64| n.is_finite()).map(Token::Real)
        } else {
            // Larger than 64 bits: it equals no stored value, but can be compared.
            text.parse().map(Token::Integer).ok().or_else(|| text.parse().ok().map(Token::Real))
        };
        let token = token.ok_or_else(|| QueryError::bad_parameter(format!("{text} is too large a number")))?;
        self.at += end;
        Ok(token)
    }

    /// The text of icat.server, with a few characters around the position.
    fn unexpected_character(&self, c: char) -> QueryError {
        let before: Vec<char> = self.text[..self.at].chars().rev().take(4).collect();
        let near: String = before.into_iter().rev().chain(self.remaining().chars().take(5)).collect();
        QueryError::bad_parameter(format!(
            "Unexpected character '{c}' near \"{near}\" in state NONE for string: {}",
            self.text
        ))
    }

    fn unexpected_end(&self, state: &str) -> QueryError {
        QueryError::bad_parameter(format!("Unexpected end of string in state {state} for string: {}", self.text))
    }
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$')
}
