//! Units of parameters, so that a range in one unit finds values in another one of the same dimension.
//!
//! Units are texts that people wrote into the catalogue, in whatever spelling: `1/Å`, `A^-1`, `degC`, `hours`. A text that
//! could mean two things, such as `W/m2 K`, is not parsed: its values are only found by the text itself.

mod aliases;
mod dimension;
mod grammar;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

pub use self::aliases::{UnitsError, UnitsErrorReason};
use self::dimension::Dimension;

/// Longer texts are no units.
const MAX_UNIT_BYTES: usize = 128;

/// Bounds are widened by this part of their size, so that rounding does not exclude a value that equals a bound.
const RELATIVE_TOLERANCE: f64 = 1e-9;

/// A unit of measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    dimension: Dimension,
    /// A value in the base units of its dimension is `value * factor + offset`; positive.
    factor: f64,
    offset: f64,
}

impl Unit {
    const ONE: Self = Self { dimension: Dimension::NONE, factor: 1.0, offset: 0.0 };

    /// Whether values can be converted between the two.
    pub fn has_dimension_of(&self, other: &Self) -> bool {
        self.dimension == other.dimension
    }

    /// `None` if the factor cannot be represented.
    fn new(dimension: Dimension, factor: f64, offset: f64) -> Option<Self> {
        (factor.is_normal() && factor > 0.0).then_some(Self { dimension, factor, offset })
    }

    /// The product, of differences of values where the units have an offset.
    fn multiply(self, other: Self) -> Option<Self> {
        Self::new(self.dimension.multiply(other.dimension)?, self.factor * other.factor, 0.0)
    }

    fn to_power(self, exponent: i8) -> Option<Self> {
        if exponent == 1 {
            return Some(self);
        }
        Self::new(self.dimension.to_power(exponent)?, self.factor.powi(exponent.into()), 0.0)
    }
}

/// Converts inclusive bounds into another unit; `None` if it has another dimension.
pub fn convert_range(low: f64, high: f64, from: &Unit, to: &Unit) -> Option<(f64, f64)> {
    if from.dimension != to.dimension {
        return None;
    }
    if from == to {
        return Some((low, high));
    }
    let (low, low_tolerance) = convert_value(low, from, to);
    let (high, high_tolerance) = convert_value(high, from, to);
    Some((low - low_tolerance, high + high_tolerance))
}

/// The value in another unit, and how far rounding may have moved it. That depends on the largest number of the calculation:
/// 32 °F is 0 °C, and the calculation has numbers of several hundred.
fn convert_value(value: f64, from: &Unit, to: &Unit) -> (f64, f64) {
    let scaled = value * (from.factor / to.factor);
    let shift = (from.offset - to.offset) / to.factor;
    let size = scaled.abs().max(shift.abs());
    // An open bound stays open.
    (scaled + shift, if size.is_finite() { size * RELATIVE_TOLERANCE } else { 0.0 })
}

/// The number at the beginning, and what follows it: `4.5e-3 mol/l` is 0.0045 and `mol/l`, but `4eV` is 4 and `eV`.
pub fn split_number(text: &str) -> Option<(f64, &str)> {
    let count_digits = |at: usize| text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let count_sign = |at: usize| usize::from(text[at..].starts_with(['-', '+']));
    let mut end = count_sign(0);
    end += count_digits(end);
    if text[end..].starts_with('.') {
        end += 1 + count_digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let exponent = end + 1 + count_sign(end + 1);
        let digits = count_digits(exponent);
        if digits > 0 {
            end = exponent + digits;
        }
    }
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

/// The known units: those of the table, and aliases that were set up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Units {
    /// By their normalized texts.
    aliases: HashMap<String, Unit>,
}

impl Units {
    /// The unit of a text; `None` if it is unknown, ambiguous, or says that there is no unit.
    pub fn parse(&self, text: &str) -> Option<Unit> {
        if text.len() > MAX_UNIT_BYTES {
            return None;
        }
        let text = normalize(text);
        if let Some(unit) = self.aliases.get(text.as_ref()) {
            return Some(*unit);
        }
        if table::is_no_unit(&text) {
            return None;
        }
        table::find_temperature(&text)
            .or_else(|| grammar::parse_compound_unit(&text, |symbol| self.find_symbol(symbol)))
    }

    /// A unit of one word.
    fn find_symbol(&self, symbol: &str) -> Option<Unit> {
        self.aliases.get(symbol).copied().or_else(|| table::find_symbol(symbol))
    }
}

impl TryFrom<String> for Units {
    type Error = UnitsError;

    fn try_from(setting: String) -> Result<Self, UnitsError> {
        Self::from_setting(&setting)
    }
}

/// The text with one spelling of characters that look alike, and without brackets, a final dot and needless spaces.
fn normalize(text: &str) -> Cow<'_, str> {
    let mut text = text.trim();
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        text = inner.trim();
    }
    // An abbreviation, such as `sec.`
    text = text.strip_suffix('.').unwrap_or(text);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let replace = |c: char| match c {
        '\u{b5}' => 'μ',
        // The sign for Ångström, Kelvin and Ohm.
        '\u{212b}' => 'Å',
        '\u{212a}' => 'K',
        '\u{2126}' => 'Ω',
        // An ordinal indicator and a ring in place of the degree sign.
        '\u{ba}' | '\u{2da}' => '°',
        '\u{2212}' | '\u{2010}'..='\u{2013}' => '-',
        '\u{2044}' | '\u{2215}' => '/',
        c if c.is_whitespace() => ' ',
        c => c,
    };
    Cow::Owned(text.replace("A\u{30a}", "Å").chars().map(replace).collect())
}
