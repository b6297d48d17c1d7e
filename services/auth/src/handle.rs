//! The `sid` of a token: a random handle that stands for an ICAT session. It is also what the session id is encrypted
//! with, so that only the token and the database together give the session.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_kit::{Ids, sha256_hex};

const BYTES: usize = 32;
/// Separate what is derived here from whatever else may be derived from a handle one day.
const SALT: &[u8] = b"undulator.auth.token_session";
const PURPOSE: &[u8] = b"session id, AES-256-GCM, 1";

/// Not shown and not logged: whoever has it and the database has the session.
pub struct Handle(String);

impl Handle {
    pub fn random(ids: &dyn Ids) -> Self {
        let mut bytes = [0; BYTES];
        ids.fill_random(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The handle that a token of ours carries.
    pub fn of_token(sid: String) -> Self {
        Self(sid)
    }

    /// For the token, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What of it is stored: SHA-256 in hexadecimal.
    pub fn hash(&self) -> String {
        sha256_hex(&self.0)
    }

    /// The session id, readable with this handle alone: nonce, ciphertext, tag.
    pub fn seal(&self, session_id: &str, ids: &dyn Ids) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        ids.fill_random(&mut nonce);
        let mut text = session_id.as_bytes().to_vec();
        self.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)?;
        Ok([&nonce[..], &text].concat())
    }

    /// An error if it was sealed with another handle, or changed since.
    pub fn open(&self, sealed: &[u8]) -> Result<String, Unspecified> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let mut text = text.to_vec();
        let open =
            self.key()?.open_in_place(Nonce::try_assume_unique_for_key(nonce)?, Aad::empty(), &mut text)?.to_vec();
        String::from_utf8(open).map_err(|_| Unspecified)
    }

    fn key(&self) -> Result<LessSafeKey, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, SALT).extract(self.0.as_bytes());
        Ok(LessSafeKey::new(UnboundKey::from(secret.expand(&[PURPOSE], &AES_256_GCM)?)))
    }
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::*;

    const SESSION: &str = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10";

    #[test]
    fn a_session_is_read_with_its_own_handle_and_unchanged() {
        let (handle, other) = (Handle::random(&SystemIds), Handle::random(&SystemIds));
        let sealed = handle.seal(SESSION, &SystemIds).unwrap();
        assert_eq!(handle.open(&sealed).unwrap(), SESSION);
        assert!(other.open(&sealed).is_err());
        assert!(handle.open(&sealed[..NONCE_LEN - 1]).is_err() && handle.open(&sealed[..NONCE_LEN]).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(handle.open(&changed).is_err(), "byte {place}");
        }
        assert_ne!(sealed, handle.seal(SESSION, &SystemIds).unwrap(), "every time another nonce");
        println!("{} changed bytes refused", sealed.len());
    }

    #[test]
    fn a_handle_is_long_and_its_hash_is_that_of_sha256sum() {
        assert_eq!(Handle::random(&SystemIds).expose().len(), 43);
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Handle::of_token("abc".to_owned()).hash(), hash);
    }
}
