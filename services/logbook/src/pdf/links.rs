//! Addresses that a reader of the file may follow.

use std::fmt::Write as _;

/// Longer ones are not worth a click.
const MAX_LENGTH: usize = 2000;

/// The address in ASCII, as the format wants it; `None` for what is not http, https or mailto.
pub fn safe(address: &str) -> Option<String> {
    let address = address.trim();
    let (scheme, _) = address.split_once(':')?;
    let is_known = ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (is_known && address.len() <= MAX_LENGTH).then_some(())?;
    let mut out = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_and_of_mail_are_followed() {
        assert_eq!(safe(" https://x.org/é a ").as_deref(), Some("https://x.org/%C3%A9%20a"));
        assert_eq!(safe("MAILTO:a@b").as_deref(), Some("MAILTO:a@b"));
        for bad in ["javascript:x", "file:///etc", "/resource/file/1", "data:,x", "", "https"] {
            assert_eq!(safe(bad), None);
        }
    }
}
