//! Checks of single values of requests. How long names may be that stand in an index of the database: what `PostgreSQL` takes is about 2,700 bytes of a row.

use service_kit::fulltext::fold_text;

use crate::domain::invalid::Invalid;

/// Characters of an instrument's name, as in the schema of ICAT.
const MAX_INSTRUMENT: usize = 255;
/// Characters of a tag's name.
const MAX_TAG: usize = 200;
/// Bytes of a name as it is stored for comparison; a few characters become many without their accents and ligatures.
const MAX_FOLDED: usize = 1_200;

/// Refuses the name of an instrument that is longer than the catalogue and the index allow.
pub fn check_instrument_name(name: &str) -> Result<(), Invalid> {
    check_name("the name of an instrument", name, MAX_INSTRUMENT)
}

/// Refuses the name of a tag that is longer than the index allows.
pub fn check_tag_name(name: &str) -> Result<(), Invalid> {
    check_name("the name of a tag", name, MAX_TAG)
}

/// Refuses other names that are longer than the index allows.
pub fn check_short_name(what: &str, name: &str) -> Result<(), Invalid> {
    check_name(what, name, MAX_TAG)
}

fn check_name(what: &str, name: &str, most: usize) -> Result<(), Invalid> {
    if name.contains('\0') {
        return Err(Invalid::new(format!("{what} must not have a NUL")));
    }
    if name.chars().count() > most {
        return Err(Invalid::new(format!("{what} may have {most} characters")));
    }
    if fold_text(name).len() > MAX_FOLDED {
        return Err(Invalid::new(format!("{what} may have {MAX_FOLDED} bytes without accents and ligatures")));
    }
    Ok(())
}

/// Without white space at the ends; `None` if nothing is left.
pub fn trim_value(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

/// Whole numbers; clients may write them as `4711.0`.
pub fn parse_number(name: &str, value: Option<&str>) -> Result<Option<i64>, Invalid> {
    let Some(text) = trim_value(value) else { return Ok(None) };
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().map(Some).map_err(|_| Invalid::new(format!("{name} must be a number, not {text}")))
}

pub fn parse_flag(name: &str, value: Option<&str>) -> Result<bool, Invalid> {
    match trim_value(value) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) => Err(Invalid::new(format!("{name} must be true or false, not {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_long_as_their_index_takes() {
        assert!(check_instrument_name(&"é".repeat(255)).is_ok() && check_tag_name(&"光".repeat(200)).is_ok());
        let refused = check_instrument_name(&"B".repeat(256)).unwrap_err().to_string();
        assert_eq!(refused, "the name of an instrument may have 255 characters");
        assert_eq!(
            check_tag_name(&"t".repeat(201)).unwrap_err().to_string(),
            "the name of a tag may have 200 characters"
        );
        // One character that is a whole sentence once it is folded.
        assert!(check_tag_name(&"\u{fdfa}".repeat(100)).is_err());
        assert!(check_tag_name("a\0").is_err());
    }
}
