//! The signature of a closed logbook (Ed25519, RFC 8032): who has the public key sees that the whole history is as it was
//! then, also where somebody could change the database.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::domain::chain::joined;
use crate::domain::ids::hex;

/// The body of a record that closes a logbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// How many records there were, and the hash of the last.
    pub records: i64,
    pub head: String,
    /// The key's name, see [`PublicKey::id`].
    pub key: String,
    /// Base64 (RFC 4648, URL safe) of the key's 32 bytes.
    pub public_key: String,
    /// The same of the signature's 64.
    pub signature: String,
}

/// A key that has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    pub fn of(pair: &Ed25519KeyPair) -> Self {
        Self(pair.public_key().as_ref().to_vec())
    }

    /// From base64.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32).map(Self)
    }

    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The beginning of its SHA-256.
    pub fn id(&self) -> String {
        let mut id = hex(digest(&SHA256, &self.0).as_ref());
        id.truncate(16);
        id
    }
}

/// What is signed.
fn text(book: &str, records: i64, head: &str, at: i64) -> String {
    joined("undulator logbook closed 1", &[book, &records.to_string(), head, &at.to_string()])
}

/// Signs the head of a logbook; `at` is the time of the record that closes it, in microseconds UTC.
pub fn seal(pair: &Ed25519KeyPair, book: &str, records: i64, head: &str, at: i64) -> Seal {
    let key = PublicKey::of(pair);
    let signature = pair.sign(text(book, records, head, at).as_bytes());
    Seal {
        records,
        head: head.to_owned(),
        key: key.id(),
        public_key: key.encoded(),
        signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
    }
}

impl Seal {
    /// The key if the signature is this key's over this head.
    pub fn signer(&self, book: &str, records: i64, head: &str, at: i64) -> Option<PublicKey> {
        let key = PublicKey::parse(&self.public_key)?;
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).ok()?;
        let is_this = self.records == records && self.head == head && self.key == key.id();
        let signed =
            UnparsedPublicKey::new(&ED25519, &key.0).verify(text(book, records, head, at).as_bytes(), &signature);
        (is_this && signed.is_ok()).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_one_head_of_one_logbook() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let sealed = seal(&pair, "investigation/1", 5, "ab", 9);
        assert_eq!(sealed.signer("investigation/1", 5, "ab", 9), Some(PublicKey::of(&pair)));
        for (book, records, head, at) in [
            ("investigation/2", 5, "ab", 9),
            ("investigation/1", 4, "ab", 9),
            ("investigation/1", 5, "ac", 9),
            ("investigation/1", 5, "ab", 8),
        ] {
            assert_eq!(sealed.signer(book, records, head, at), None);
        }
        let other = seal(&Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap(), "investigation/1", 5, "ab", 9);
        let mixed = Seal { signature: other.signature, ..sealed.clone() };
        assert_eq!(mixed.signer("investigation/1", 5, "ab", 9), None);
        let renamed = Seal { key: other.key, ..sealed };
        assert_eq!(renamed.signer("investigation/1", 5, "ab", 9), None);
    }
}
