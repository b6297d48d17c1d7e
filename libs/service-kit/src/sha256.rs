//! SHA-256 as text: what of a secret may be stored and told, and how requests and keys are compared.

use sha2::{Digest as _, Sha256};

use crate::redaction;

/// SHA-256 (FIPS 180-4) in 64 lower-case hexadecimal digits, as `sha256sum` prints it.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    if !redaction::ON {
        return String::from_utf8_lossy(bytes.as_ref()).into_owned();
    }
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_digest_is_that_of_sha256sum() {
        assert_eq!(super::sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
