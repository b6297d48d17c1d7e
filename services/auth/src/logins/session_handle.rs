//! The `sid` of a token: a random handle of a login. The ICAT session id is encrypted with a key derived from it, so that only
//! token and database together reveal the session.

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_kit::{Ids, SESSION_HANDLE_PREFIX, Secret, sha256_hex};

use super::sealing::{Purpose, open_text, seal_text};

const BYTES: usize = 32;
/// Of [`BYTES`] in base64url.
const SECRET_CHARS: usize = 43;
const PURPOSE: Purpose = Purpose { salt: b"undulator.auth.token_session", info: b"session id, AES-256-GCM, 1" };
const ID_TOKEN: Purpose = Purpose { salt: b"undulator.auth.token_session", info: b"ID token, AES-256-GCM, 1" };

/// With it and the database, the session id can be decrypted.
pub struct SessionHandle(Secret);

impl SessionHandle {
    pub fn generate(ids: &dyn Ids) -> Self {
        Self(Secret::new(generate_secret_text(ids)))
    }

    /// One that clients may send in place of an ICAT session id; the services of this site recognise and resolve it.
    pub fn generate_credential(ids: &dyn Ids) -> Self {
        Self(Secret::new(format!("{SESSION_HANDLE_PREFIX}{}", generate_secret_text(ids))))
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

    /// Encrypts the session id.
    pub fn seal_session_id(&self, session_id: &str, ids: &dyn Ids) -> Result<Vec<u8>, Unspecified> {
        seal_text(self.expose(), PURPOSE, session_id, ids)
    }

    /// Decrypts the session id; an error if it was sealed with another handle or was changed.
    pub fn open_session_id(&self, sealed: &[u8]) -> Result<String, Unspecified> {
        open_text(self.expose(), PURPOSE, sealed)
    }

    /// Encrypts the ID token of the identity provider.
    pub fn seal_id_token(&self, id_token: &str, ids: &dyn Ids) -> Result<Vec<u8>, Unspecified> {
        seal_text(self.expose(), ID_TOKEN, id_token, ids)
    }

    /// Decrypts the ID token; an error as with the session id.
    pub fn open_id_token(&self, sealed: &[u8]) -> Result<String, Unspecified> {
        open_text(self.expose(), ID_TOKEN, sealed)
    }
}

/// 256 random bits in base64url.
pub fn generate_secret_text(ids: &dyn Ids) -> String {
    let mut bytes = [0; BYTES];
    ids.fill_random(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text has the form of [`generate_secret_text`].
pub fn is_secret_text(text: &str) -> bool {
    text.len() == SECRET_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::*;

    #[test]
    fn a_session_id_is_decrypted_only_with_its_handle() {
        let (handle, other) = (SessionHandle::generate(&SystemIds), SessionHandle::generate(&SystemIds));
        let sealed = handle.seal_session_id("5b0c1c8e", &SystemIds).unwrap();
        assert_eq!(handle.open_session_id(&sealed).unwrap(), "5b0c1c8e");
        assert!(other.open_session_id(&sealed).is_err());
    }

    #[test]
    fn a_handle_has_256_bits_and_is_hashed_with_sha256() {
        assert_eq!(SessionHandle::generate(&SystemIds).expose().len(), 43);
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(SessionHandle::from_token("abc".to_owned()).hash(), hash);
    }
}
