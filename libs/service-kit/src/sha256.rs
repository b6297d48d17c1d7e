//! SHA-256 as text: what of a secret may be stored and shown, and how requests and keys are compared.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// SHA-256 (FIPS 180-4) in 64 lower-case hexadecimal digits, as `sha256sum` prints it.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_digest_is_that_of_sha256sum() {
        assert_eq!(super::sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
