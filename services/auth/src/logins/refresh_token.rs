//! Refresh tokens: 256 random bits, of which only the SHA-256 is stored. A token also encrypts the `sid` of its login, so that
//! the ICAT session can be refreshed or ended with it.

use std::fmt;

use aws_lc_rs::error::Unspecified;
use service_kit::{Ids, Secret, sha256_hex};

use super::sealing::{Purpose, open_text, seal_text};
use super::session_handle::{SessionHandle, generate_secret_text, is_secret_text};

const PURPOSE: Purpose = Purpose { salt: b"undulator.auth.refresh_token", info: b"sid, AES-256-GCM, 1" };

/// Where a token is kept, and the only place from which it is accepted: a page cannot read the one in its cookie, and must
/// not be able to send it otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPlace {
    /// A program keeps it, and sends it in a body.
    Body,
    /// A browser keeps it in a cookie.
    Cookie,
    /// A browser keeps it in the cookie of the interface of scigateway-auth.
    ScigatewayCookie,
}

impl TokenPlace {
    /// The beginning of its tokens, which also tells scanners of source code what they have found.
    fn prefix(self) -> &'static str {
        match self {
            Self::Body => "urt_",
            Self::Cookie => "urc_",
            Self::ScigatewayCookie => "urs_",
        }
    }
}

/// A refresh token.
#[derive(Clone)]
pub struct RefreshToken(Secret);

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

impl RefreshToken {
    pub fn generate(place: TokenPlace, ids: &dyn Ids) -> Self {
        Self(Secret::new(format!("{}{}", place.prefix(), generate_secret_text(ids))))
    }

    /// A text that somebody sent in this place; `None` if it is no token of this place.
    pub fn parse(text: &str, place: TokenPlace) -> Option<Self> {
        let random = text.strip_prefix(place.prefix())?;
        is_secret_text(random).then(|| Self(Secret::new(text)))
    }

    /// The text of the token, for the client and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// SHA-256 of the token in hexadecimal, which is stored.
    pub fn hash(&self) -> String {
        sha256_hex(self.expose())
    }

    /// Encrypts the handle of the login.
    pub fn seal_handle(&self, handle: &SessionHandle, ids: &dyn Ids) -> Result<Vec<u8>, Unspecified> {
        seal_text(self.expose(), PURPOSE, handle.expose(), ids)
    }

    /// Decrypts the handle of the login.
    pub fn open_handle(&self, sealed: &[u8]) -> Result<SessionHandle, Unspecified> {
        open_text(self.expose(), PURPOSE, sealed).map(SessionHandle::from_token)
    }
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::*;

    #[test]
    fn a_token_is_accepted_in_its_place_only() {
        const PLACES: [TokenPlace; 3] = [TokenPlace::Body, TokenPlace::Cookie, TokenPlace::ScigatewayCookie];
        for place in PLACES {
            let token = RefreshToken::generate(place, &SystemIds);
            for other in PLACES {
                assert_eq!(RefreshToken::parse(token.expose(), other).is_some(), place == other);
            }
            assert!(!format!("{token:?}").contains(token.expose()));
        }
        for wrong in ["", "urt_", "urt_abc", &format!("urt_{}", "ä".repeat(22)), &format!("urt_{}", "a".repeat(44))] {
            assert!(RefreshToken::parse(wrong, TokenPlace::Body).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_reveals_the_handle_of_its_login() {
        let (token, other) = (
            RefreshToken::generate(TokenPlace::Body, &SystemIds),
            RefreshToken::generate(TokenPlace::Body, &SystemIds),
        );
        let handle = SessionHandle::generate(&SystemIds);
        let sealed = token.seal_handle(&handle, &SystemIds).unwrap();
        assert_eq!(token.open_handle(&sealed).unwrap().expose(), handle.expose());
        assert!(other.open_handle(&sealed).is_err());
    }
}
