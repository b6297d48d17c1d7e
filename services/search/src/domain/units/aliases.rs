//! The setting `search.units`, in the syntax of icat.lucene: `J: eV 1.602176634e-19; ℃: celsius, degC; K: kelvin`.

use super::{Unit, Units, normalize};

/// Why the setting was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}, at character {position}")]
pub struct UnitsError {
    /// Counted from 1.
    pub position: usize,
    pub reason: UnitsErrorReason,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitsErrorReason {
    #[error("`{0}` needs a colon between a unit and its aliases")]
    NoColon(String),
    #[error("`{0}` is not a known unit")]
    UnknownUnit(String),
    #[error("an alias is empty")]
    EmptyAlias,
    #[error("`{0}` must be an alias, or an alias, a space and a positive number")]
    NotAnAlias(String),
    #[error("`{0}` is an alias already")]
    SecondAlias(String),
}

impl Units {
    /// Parses `unit: alias, alias factor; unit: alias`. Aliases go before the units of the table, and may be used on the left
    /// of later ones. An alias with a factor stands for so many of the unit.
    pub fn from_setting(setting: &str) -> Result<Self, UnitsError> {
        let mut units = Self::default();
        for (start, definition) in split_with_offsets(setting, 0, ';') {
            if !definition.trim().is_empty() {
                units.add_definition(start, definition).map_err(|(offset, reason)| UnitsError {
                    position: setting[..offset].chars().count() + 1,
                    reason,
                })?;
            }
        }
        Ok(units)
    }

    /// The error has the offset in bytes. `start` is the offset of the definition.
    fn add_definition(&mut self, start: usize, definition: &str) -> Result<(), (usize, UnitsErrorReason)> {
        let Some((symbol, aliases)) = definition.split_once(':') else {
            return Err(refuse(start, definition, UnitsErrorReason::NoColon));
        };
        let unit = self.parse(symbol).ok_or_else(|| refuse(start, symbol, UnitsErrorReason::UnknownUnit))?;
        for (start, alias) in split_with_offsets(aliases, start + symbol.len() + 1, ',') {
            let words: Vec<&str> = alias.split_whitespace().collect();
            let (name, unit) = match words.as_slice() {
                [] => return Err((start, UnitsErrorReason::EmptyAlias)),
                [name] => (name, Some(unit)),
                [name, factor] => (name, scale(unit, factor)),
                _ => return Err(refuse(start, alias, UnitsErrorReason::NotAnAlias)),
            };
            let unit = unit.ok_or_else(|| refuse(start, alias, UnitsErrorReason::NotAnAlias))?;
            if self.aliases.insert(normalize(name).into_owned(), unit).is_some() {
                return Err(refuse(start, alias, UnitsErrorReason::SecondAlias));
            }
        }
        Ok(())
    }
}

fn scale(unit: Unit, factor: &str) -> Option<Unit> {
    Unit::new(unit.dimension, unit.factor * factor.parse::<f64>().ok()?, unit.offset)
}

/// The parts of a text that starts at an offset of a longer one, each with its own offset in that.
fn split_with_offsets(text: &str, start: usize, separator: char) -> impl Iterator<Item = (usize, &str)> {
    text.split(separator).scan(start, move |offset, part| {
        let current = *offset;
        *offset += part.len() + separator.len_utf8();
        Some((current, part))
    })
}

/// An error about a part of the setting, at its first character.
fn refuse(start: usize, part: &str, reason: impl Fn(String) -> UnitsErrorReason) -> (usize, UnitsErrorReason) {
    let leading = part.len() - part.trim_start().len();
    (start + leading, reason(part.trim().to_owned()))
}
