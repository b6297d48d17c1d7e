//! Encryption of what only the holder of a secret may read: the key is derived from the secret, which is not stored.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use service_kit::Ids;

/// What a key is for: different purposes have different keys, also from the same secret.
#[derive(Debug, Clone, Copy)]
pub struct Purpose {
    pub salt: &'static [u8],
    pub info: &'static [u8],
}

/// Encrypts a text; the result is nonce, ciphertext and tag.
pub fn seal_text(secret: &str, purpose: Purpose, text: &str, ids: &dyn Ids) -> Result<Vec<u8>, Unspecified> {
    let mut nonce = [0; NONCE_LEN];
    ids.fill_random(&mut nonce);
    let mut bytes = text.as_bytes().to_vec();
    let key = derive_key(secret, purpose)?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)?;
    Ok([&nonce[..], &bytes].concat())
}

/// Decrypts a text; an error if it was sealed with another secret or for another purpose, or was changed.
pub fn open_text(secret: &str, purpose: Purpose, sealed: &[u8]) -> Result<String, Unspecified> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
    let mut text = text.to_vec();
    let key = derive_key(secret, purpose)?;
    let open = key.open_in_place(Nonce::try_assume_unique_for_key(nonce)?, Aad::empty(), &mut text)?.to_vec();
    String::from_utf8(open).map_err(|_| Unspecified)
}

fn derive_key(secret: &str, purpose: Purpose) -> Result<LessSafeKey, Unspecified> {
    let extracted = Salt::new(HKDF_SHA256, purpose.salt).extract(secret.as_bytes());
    Ok(LessSafeKey::new(UnboundKey::from(extracted.expand(&[purpose.info], &AES_256_GCM)?)))
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::*;

    const PURPOSE: Purpose = Purpose { salt: b"salt", info: b"info" };

    #[test]
    fn a_text_is_decrypted_only_unchanged_with_its_secret_and_for_its_purpose() {
        let sealed = seal_text("secret", PURPOSE, "text", &SystemIds).unwrap();
        assert_eq!(open_text("secret", PURPOSE, &sealed).unwrap(), "text");
        assert!(open_text("Secret", PURPOSE, &sealed).is_err());
        assert!(open_text("secret", Purpose { info: b"other", ..PURPOSE }, &sealed).is_err());
        assert!(open_text("secret", Purpose { salt: b"other", ..PURPOSE }, &sealed).is_err());
        assert!(open_text("secret", PURPOSE, &sealed[..NONCE_LEN - 1]).is_err());
        assert!(open_text("secret", PURPOSE, &sealed[..NONCE_LEN]).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(open_text("secret", PURPOSE, &changed).is_err(), "byte {index}");
        }
        assert_ne!(sealed, seal_text("secret", PURPOSE, "text", &SystemIds).unwrap(), "each time with another nonce");
        println!("{} changed bytes refused", sealed.len());
    }
}
