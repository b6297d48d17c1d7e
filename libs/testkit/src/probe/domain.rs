//! Rules of things, without a request or a database.

use super::error::Error;

const LONGEST: usize = 255;

/// The name of a thing: 1 to 255 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingName(String);

impl ThingName {
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(Error::BadName);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::ThingName;

    #[test]
    fn names_are_short_and_printable() {
        for good in ["a", "Undulator 7", "Größe", &"n".repeat(255)] {
            assert_eq!(ThingName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\0", &"n".repeat(256)] {
            assert!(ThingName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
