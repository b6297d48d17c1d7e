//! Compound units: products by `.`, `*`, `·`, `×` or a space, quotients by `/` or `per`, and exponents such as `2`, `-1`,
//! `^-1`, `^{-1}`, `**2` and `⁻¹`.
//!
//! A product after a quotient has no agreed meaning: `J/kg K` is divided by kelvins for most people, and multiplied by them
//! for programs. It is refused, unless parentheses say which. Numbers stand at the start or after a slash.

use super::Unit;
use super::dimension::Dimension;

/// Parses a normalized text, with a function that finds the unit of one word.
pub fn parse_compound_unit(text: &str, find_symbol: impl Fn(&str) -> Option<Unit>) -> Option<Unit> {
    let mut parser = Parser { rest: text, find_symbol };
    let unit = parser.parse_product()?;
    parser.rest.is_empty().then_some(unit)
}

struct Parser<'t, F> {
    rest: &'t str,
    find_symbol: F,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Multiply,
    Divide,
}

impl<'t, F: Fn(&str) -> Option<Unit>> Parser<'t, F> {
    /// Up to the end or a closing parenthesis.
    fn parse_product(&mut self) -> Option<Unit> {
        self.skip_spaces();
        // `/s` is the same as `1/s`.
        let mut operator = if self.skip_quotient() { Operator::Divide } else { Operator::Multiply };
        let mut product = Unit::ONE;
        let (mut factors, mut is_divided, mut has_offset, mut has_symbol) = (0, false, false, false);
        loop {
            self.skip_spaces();
            let is_number = self.rest.starts_with(|c: char| c.is_ascii_digit());
            if is_number && has_symbol && operator == Operator::Multiply {
                return None;
            }
            has_symbol |= !is_number;
            let factor = self.parse_factor()?;
            has_offset |= factor.offset != 0.0;
            factors += 1;
            match operator {
                Operator::Multiply if is_divided => return None,
                Operator::Multiply if factors == 1 => product = factor,
                Operator::Multiply => product = product.multiply(factor)?,
                Operator::Divide => {
                    is_divided = true;
                    product = product.multiply(factor.to_power(-1)?)?;
                }
            }
            let had_space = self.skip_spaces();
            if self.rest.is_empty() || self.rest.starts_with(')') {
                break;
            }
            operator = self.parse_operator(had_space)?;
        }
        // `10 °C` may be a temperature or ten degrees of difference; `°C/min` is a difference.
        let is_ambiguous = has_offset && factors > 1 && product.dimension == Dimension::TEMPERATURE;
        (!is_ambiguous).then_some(product)
    }

    /// What connects a factor to the one before, where a space may be all.
    fn parse_operator(&mut self, had_space: bool) -> Option<Operator> {
        if self.skip_quotient() {
            return Some(Operator::Divide);
        }
        let is_product = self.skip_any(&['.', '·', '⋅', '×', '*']) || had_space;
        is_product.then_some(Operator::Multiply)
    }

    fn parse_factor(&mut self) -> Option<Unit> {
        if self.skip("(") {
            let inner = self.parse_product()?;
            return if self.skip(")") { inner.to_power(self.parse_exponent(true)?) } else { None };
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let number = Unit::new(Dimension::NONE, self.parse_number()?, 0.0)?;
            // `10-6` may be a difference or a power.
            return number.to_power(self.parse_exponent(false)?);
        }
        let symbol = self.take_while(is_symbol_character);
        let unit = (self.find_symbol)(symbol)?;
        unit.to_power(self.parse_exponent(true)?)
    }

    /// A number such as `1`, `0.5` or `1e-6`.
    fn parse_number(&mut self) -> Option<f64> {
        let start = self.rest;
        self.take_digits();
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        if let Some(fraction) = self.rest.strip_prefix('.')
            && is_digit(fraction.chars().next())
        {
            self.rest = fraction;
            self.take_digits();
        }
        if let Some(exponent) = self.rest.strip_prefix(['e', 'E']) {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if is_digit(digits.chars().next()) {
                self.rest = digits;
                self.take_digits();
            }
        }
        start[..start.len() - self.rest.len()].parse().ok()
    }

    /// The exponent that follows a factor, 1 if there is none. `is_bare_allowed` is whether it needs no sign of its own.
    fn parse_exponent(&mut self, is_bare_allowed: bool) -> Option<i8> {
        let text = if self.rest.starts_with(is_superscript) {
            self.take_while(is_superscript).chars().map(to_digit).collect()
        } else if self.skip("**") || self.skip("^") {
            let closing = if self.skip("{") {
                "}"
            } else if self.skip("(") {
                ")"
            } else {
                ""
            };
            let text = self.take_signed_digits().to_owned();
            if !self.skip(closing) {
                return None;
            }
            text
        } else if is_bare_allowed && self.rest.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            self.take_signed_digits().to_owned()
        } else {
            return Some(1);
        };
        text.parse().ok().filter(|exponent| *exponent != 0)
    }

    fn take_signed_digits(&mut self) -> &'t str {
        let start = self.rest;
        self.rest = start.strip_prefix('-').unwrap_or(start);
        self.take_digits();
        &start[..start.len() - self.rest.len()]
    }

    fn take_digits(&mut self) {
        self.take_while(|c| c.is_ascii_digit());
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let (taken, rest) = self.rest.split_at(self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A slash, or the word `per`.
    fn skip_quotient(&mut self) -> bool {
        if let Some(rest) = self.rest.strip_prefix("per")
            && rest.starts_with(' ')
        {
            self.rest = rest;
            return true;
        }
        self.skip("/")
    }

    fn skip_spaces(&mut self) -> bool {
        !self.take_while(|c| c == ' ' || c == '\t').is_empty()
    }

    fn skip_any(&mut self, characters: &[char]) -> bool {
        self.rest.strip_prefix(characters).map(|rest| self.rest = rest).is_some()
    }

    fn skip(&mut self, text: &str) -> bool {
        self.rest.strip_prefix(text).map(|rest| self.rest = rest).is_some()
    }
}

fn is_symbol_character(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '°' | '%' | '‰' | '℃' | '℉')
}

fn is_superscript(c: char) -> bool {
    matches!(c, '⁰' | '¹' | '²' | '³' | '⁴'..='⁹' | '⁻')
}

/// The plain character of a superscript.
fn to_digit(c: char) -> char {
    match c {
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴' => '4',
        '⁵' => '5',
        '⁶' => '6',
        '⁷' => '7',
        '⁸' => '8',
        '⁹' => '9',
        '⁻' => '-',
        _ => '0',
    }
}
