//! How long names may be that stand in an index of the database: what `PostgreSQL` takes is about 2,700 bytes of a row.

use service_kit::fulltext::fold_text;

use crate::error::Error;

/// Characters of an instrument's name, as in the schema of ICAT.
const MAX_INSTRUMENT: usize = 255;
/// Characters of a tag's name.
const MAX_TAG: usize = 200;
/// Bytes of a name as it is stored for comparison; a few characters become many without their accents and ligatures.
const MAX_FOLDED: usize = 1_200;

/// Refuses a name that no catalogue has and no index takes.
pub fn check_instrument(name: &str) -> Result<(), Error> {
    check("the name of an instrument", name, MAX_INSTRUMENT)
}

/// Refuses a name that nobody reads and no index takes.
pub fn check_tag(name: &str) -> Result<(), Error> {
    check("the name of a tag", name, MAX_TAG)
}

/// Refuses other names that stand in an index.
pub fn check_short(what: &str, name: &str) -> Result<(), Error> {
    check(what, name, MAX_TAG)
}

fn check(what: &str, name: &str, most: usize) -> Result<(), Error> {
    if name.contains('\0') {
        return Err(Error::bad(format!("{what} must not have a NUL")));
    }
    if name.chars().count() > most {
        return Err(Error::bad(format!("{what} may have {most} characters")));
    }
    if fold_text(name).len() > MAX_FOLDED {
        return Err(Error::bad(format!("{what} may have {MAX_FOLDED} bytes without accents and ligatures")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_long_as_their_index_takes() {
        assert!(check_instrument(&"é".repeat(255)).is_ok() && check_tag(&"光".repeat(200)).is_ok());
        let refused = check_instrument(&"B".repeat(256)).unwrap_err().to_string();
        assert_eq!(refused, "the name of an instrument may have 255 characters");
        assert_eq!(check_tag(&"t".repeat(201)).unwrap_err().to_string(), "the name of a tag may have 200 characters");
        // One character that is a whole sentence once it is folded.
        assert!(check_tag(&"\u{fdfa}".repeat(100)).is_err());
        assert!(check_tag("a\0").is_err());
    }
}
