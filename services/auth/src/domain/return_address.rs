//! Where a browser is sent after a login.

/// Longer addresses are not stored.
const MAX_BYTES: usize = 2048;

/// An address of this site: a path, with a query. It leads to no other site, whatever browsers make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress(String);

impl ReturnAddress {
    /// `None` for everything but a path of this site. Browsers take `//host`, `/\host` and addresses with tabs or line breaks in
    /// them for those of other sites (WHATWG URL, 4.4).
    pub fn parse(text: &str) -> Option<Self> {
        let is_path = text.starts_with('/') && !text.starts_with("//");
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        (is_path && is_plain && text.len() <= MAX_BYTES).then(|| Self(text.to_owned()))
    }

    /// The start page of this site.
    pub fn start_page() -> Self {
        Self("/".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for own in ["/", "/portal", "/search/app?q=a%20b&page=2", "/a//b", "/a#b"] {
            assert_eq!(ReturnAddress::parse(own).unwrap().as_str(), own);
        }
        let long = format!("/{}", "x".repeat(2048));
        for other in [
            "",
            "portal",
            "https://elsewhere",
            "//elsewhere",
            "/\\elsewhere",
            "\\\\elsewhere",
            "/a\\b",
            "javascript:alert(1)",
            "http:/x",
            "/a\r\nSet-Cookie: x=1",
            "/\t/elsewhere",
            "/ä",
            "/a b",
            long.as_str(),
        ] {
            assert_eq!(ReturnAddress::parse(other), None, "{other}");
        }
    }
}
