//! A cursor over tokens, with icat.server's error texts.

use super::lexer::Token;
use crate::query::error::QueryError;

/// How deep parentheses and sub-selects may nest.
const MAX_DEPTH: usize = 100;

pub struct TokenCursor<'t> {
    tokens: &'t [Token],
    pub at: usize,
    depth: usize,
}

impl<'t> TokenCursor<'t> {
    pub fn new(tokens: &'t [Token]) -> Self {
        Self { tokens, at: 0, depth: 0 }
    }

    /// A cursor over the tokens from `from` to `to`, exclusive.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        Self { tokens: &self.tokens[..to], at: from, depth: self.depth }
    }

    pub fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    pub fn peek_at(&self, ahead: usize) -> Option<&'t Token> {
        self.tokens.get(self.at + ahead)
    }

    pub fn next(&mut self) -> Result<&'t Token, QueryError> {
        let token = self.peek().ok_or_else(|| QueryError::bad_parameter("Attempt to read beyond end"))?;
        self.at += 1;
        Ok(token)
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Name(name)) if name.eq_ignore_ascii_case(word))
    }

    pub fn is_any_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Consumes the word if it is next.
    pub fn take_word(&mut self, word: &str) -> bool {
        let here = self.is_word(word);
        self.at += usize::from(here);
        here
    }

    pub fn expect_word(&mut self, word: &str) -> Result<(), QueryError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected_error(word)) }
    }

    pub fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token::Sign(s)) if *s == sign)
    }

    pub fn take_sign(&mut self, sign: &str) -> bool {
        let here = self.is_sign(sign);
        self.at += usize::from(here);
        here
    }

    pub fn expect_sign(&mut self, sign: &str) -> Result<(), QueryError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected_error(sign)) }
    }

    pub fn take_name(&mut self) -> Result<&'t str, QueryError> {
        match self.peek() {
            Some(Token::Name(name)) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.expected_error("NAME")),
        }
    }

    /// Whether one pair of parentheses encloses all remaining tokens.
    pub fn encloses_all(&self) -> bool {
        let mut depth = 0_usize;
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let closes = rest.iter().position(|token| {
            match token {
                Token::Sign("(") => depth += 1,
                Token::Sign(")") => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        self.is_sign("(") && closes.is_some_and(|at| at + 1 == rest.len())
    }

    /// The number of tokens of a sub-select that begins `ahead` tokens from here; 0 if none does.
    pub fn sub_select_length(&self, ahead: usize) -> usize {
        let begins = matches!(self.peek_at(ahead), Some(Token::Sign("(")))
            && matches!(self.peek_at(ahead + 1), Some(Token::Name(word)) if word.eq_ignore_ascii_case("SELECT"));
        let mut depth = 0_usize;
        let rest = self.tokens.get(self.at + ahead..).unwrap_or_default();
        let closes = rest.iter().position(|token| {
            match token {
                Token::Sign("(") => depth += 1,
                Token::Sign(")") => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        });
        closes.filter(|_| begins).map_or(0, |at| at + 1)
    }

    /// The name in `X(name)`, if that is next.
    pub fn enclosed_name(&self) -> Option<&'t str> {
        match (self.peek_at(1)?, self.peek_at(2)?, self.peek_at(3)?) {
            (Token::Sign("("), Token::Name(name), Token::Sign(")")) => Some(name),
            _ => None,
        }
    }

    /// Matches an aggregate of a plain path, `COUNT(x)`, `COUNT(DISTINCT x)` or `COUNT(DISTINCT(x))`; also returns its number
    /// of tokens.
    pub fn match_path_aggregate<A>(&self, known: impl Fn(&str) -> Option<A>) -> Option<(A, bool, &'t str, usize)> {
        let name = |ahead| match self.peek_at(ahead) {
            Some(Token::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        let sign = |ahead, sign| matches!(self.peek_at(ahead), Some(Token::Sign(s)) if *s == sign);
        let function = known(name(0)?).filter(|_| sign(1, "("))?;
        let distinct = name(2)?.eq_ignore_ascii_case("DISTINCT") && !sign(3, ")");
        let inner = 2 + usize::from(distinct);
        let wrapped = distinct && sign(inner, "(");
        let at = inner + usize::from(wrapped);
        let path = name(at)?;
        let closed = sign(at + 1, ")") && (!wrapped || sign(at + 2, ")"));
        closed.then_some((function, distinct, path, at + 2 + usize::from(wrapped)))
    }

    /// Fails unless all tokens are consumed.
    pub fn expect_end(&self) -> Result<(), QueryError> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(QueryError::bad_parameter(format!(
                "No more input expected at token {token} in {}",
                self.render_context()
            ))),
        }
    }

    pub fn expected_error(&self, types: &str) -> QueryError {
        match self.peek() {
            None => QueryError::bad_parameter("Attempt to read beyond end"),
            Some(token) => QueryError::bad_parameter(format!(
                "Expected token from types [{types}] at token {token} in {}",
                self.render_context()
            )),
        }
    }

    /// Renders two tokens before, the token itself in `< >`, and two after.
    fn render_context(&self) -> String {
        let from = self.at.saturating_sub(2);
        let to = (self.at + 3).min(self.tokens.len());
        let mut text = String::new();
        for (n, token) in self.tokens[from..to].iter().enumerate() {
            if from + n == self.at {
                text.push_str("< ");
            }
            text.push_str(&token.to_string());
            text.push_str(if from + n == self.at { " > " } else { " " });
        }
        text
    }

    /// Runs `parse` one level deeper.
    pub fn parse_nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        if self.depth == MAX_DEPTH {
            return Err(QueryError::bad_parameter("the query is nested too deeply"));
        }
        self.depth += 1;
        let outcome = parse(self);
        self.depth -= 1;
        outcome
    }
}
