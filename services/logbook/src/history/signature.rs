//! The signature of a closed logbook (Ed25519, RFC 8032): who has the public key sees that the whole history is as it was
//! then, also where somebody could change the database.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use service_kit::Micros;

use crate::domain::ids::{encode_hex, join_parts};

/// The body of a record that closes a logbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosingSignature {
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
    pub fn from_pair(pair: &Ed25519KeyPair) -> Self {
        Self(pair.public_key().as_ref().to_vec())
    }

    /// From base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32).map(Self)
    }

    pub fn to_base64(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// The beginning of its SHA-256.
    pub fn id(&self) -> String {
        let mut id = encode_hex(digest(&SHA256, &self.0).as_ref());
        id.truncate(16);
        id
    }
}

/// What is signed.
fn signed_text(logbook: &str, records: i64, head: &str, at: Micros) -> String {
    join_parts("undulator logbook closed 1", &[logbook, &records.to_string(), head, &at.as_i64().to_string()])
}

/// Signs the head of a logbook; `at` is the time of the record that closes it.
pub fn sign_head(pair: &Ed25519KeyPair, logbook: &str, records: i64, head: &str, at: Micros) -> ClosingSignature {
    let key = PublicKey::from_pair(pair);
    let signature = pair.sign(signed_text(logbook, records, head, at).as_bytes());
    ClosingSignature {
        records,
        head: head.to_owned(),
        key: key.id(),
        public_key: key.to_base64(),
        signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
    }
}

impl ClosingSignature {
    /// The key if the signature is this key's over this head.
    pub fn verify_head(&self, logbook: &str, records: i64, head: &str, at: Micros) -> Option<PublicKey> {
        let key = PublicKey::from_base64(&self.public_key)?;
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).ok()?;
        let is_this = self.records == records && self.head == head && self.key == key.id();
        let signed = UnparsedPublicKey::new(&ED25519, &key.0)
            .verify(signed_text(logbook, records, head, at).as_bytes(), &signature);
        (is_this && signed.is_ok()).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_micros(micros: i64) -> Micros {
        Micros::from_i64(micros)
    }

    #[test]
    fn a_signature_holds_for_one_head_of_one_logbook() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let sealed = sign_head(&pair, "investigation/1", 5, "ab", to_micros(9));
        assert_eq!(sealed.verify_head("investigation/1", 5, "ab", to_micros(9)), Some(PublicKey::from_pair(&pair)));
        for (book, records, head, moment) in [
            ("investigation/2", 5, "ab", to_micros(9)),
            ("investigation/1", 4, "ab", to_micros(9)),
            ("investigation/1", 5, "ac", to_micros(9)),
            ("investigation/1", 5, "ab", to_micros(8)),
        ] {
            assert_eq!(sealed.verify_head(book, records, head, moment), None);
        }
        let other = sign_head(
            &Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap(),
            "investigation/1",
            5,
            "ab",
            to_micros(9),
        );
        let mixed = ClosingSignature { signature: other.signature, ..sealed.clone() };
        assert_eq!(mixed.verify_head("investigation/1", 5, "ab", to_micros(9)), None);
        let renamed = ClosingSignature { key: other.key, ..sealed };
        assert_eq!(renamed.verify_head("investigation/1", 5, "ab", to_micros(9)), None);
    }
}
