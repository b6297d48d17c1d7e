//! The `sid` of a token: a random handle of an ICAT session. The session id is encrypted with a key derived from it, so that
//! only token and database together reveal the session.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_kit::{Ids, Secret, sha256_hex};

const BYTES: usize = 32;
/// Salt and purpose separate this key from other keys that may be derived from a handle.
const SALT: &[u8] = b"undulator.auth.token_session";
const PURPOSE: &[u8] = b"session id, AES-256-GCM, 1";

/// With it and the database, the session id can be decrypted.
pub struct SessionHandle(Secret);

impl SessionHandle {
    pub fn generate(ids: &dyn Ids) -> Self {
        let mut bytes = [0; BYTES];
        ids.fill_random(&mut bytes);
        Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The handle in the claims of a token.
    pub fn from_token(sid: String) -> Self {
        Self(Secret::new(sid))
    }

    /// The text of the handle, for the token and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// SHA-256 of the handle in hexadecimal, which is stored.
    pub fn hash(&self) -> String {
        sha256_hex(self.expose())
    }

    /// Encrypts the session id; the result is nonce, ciphertext and tag.
    pub fn seal(&self, session_id: &str, ids: &dyn Ids) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        ids.fill_random(&mut nonce);
        let mut text = session_id.as_bytes().to_vec();
        self.derive_key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)?;
        Ok([&nonce[..], &text].concat())
    }

    /// Decrypts the session id; an error if it was sealed with another handle or was changed.
    pub fn open(&self, sealed: &[u8]) -> Result<String, Unspecified> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let mut text = text.to_vec();
        let open = self
            .derive_key()?
            .open_in_place(Nonce::try_assume_unique_for_key(nonce)?, Aad::empty(), &mut text)?
            .to_vec();
        String::from_utf8(open).map_err(|_| Unspecified)
    }

    fn derive_key(&self) -> Result<LessSafeKey, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, SALT).extract(self.expose().as_bytes());
        Ok(LessSafeKey::new(UnboundKey::from(secret.expand(&[PURPOSE], &AES_256_GCM)?)))
    }
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::*;

    const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";

    #[test]
    fn a_session_id_is_decrypted_only_unchanged_and_with_its_handle() {
        let (handle, other) = (SessionHandle::generate(&SystemIds), SessionHandle::generate(&SystemIds));
        let sealed = handle.seal(SESSION, &SystemIds).unwrap();
        assert_eq!(handle.open(&sealed).unwrap(), SESSION);
        assert!(other.open(&sealed).is_err());
        assert!(handle.open(&sealed[..NONCE_LEN - 1]).is_err() && handle.open(&sealed[..NONCE_LEN]).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(handle.open(&changed).is_err(), "byte {index}");
        }
        assert_ne!(sealed, handle.seal(SESSION, &SystemIds).unwrap(), "each time with another nonce");
        println!("{} changed bytes refused", sealed.len());
    }

    #[test]
    fn a_handle_has_256_bits_and_is_hashed_with_sha256() {
        assert_eq!(SessionHandle::generate(&SystemIds).expose().len(), 43);
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(SessionHandle::from_token("abc".to_owned()).hash(), hash);
    }
}
