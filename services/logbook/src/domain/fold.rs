//! How names and texts are compared: without case and accents.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// `Größe Ångström` becomes `grosse angstrom`.
pub fn fold(text: &str) -> String {
    let folded = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let mut out = String::with_capacity(text.len());
    for c in folded {
        if c == 'ß' { out.push_str("ss") } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_accents_do_not_count() {
        assert_eq!(fold("Größe Ångström"), "grosse angstrom");
        assert_eq!(fold("BL07"), "bl07");
        assert_eq!(fold("ﬁeld ½"), "field 1⁄2");
    }
}
