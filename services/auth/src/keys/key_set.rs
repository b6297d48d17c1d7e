//! A directory of keys: files `<name>.pem`, and the file `active` with the name of the signing key. The id of a key is its
//! thumbprint (RFC 7638), which depends on nothing but the key. The other files are those of the rotation.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use super::key_times::{RETIRED, read_key_times};

/// The file with the name of the signing key.
pub const ACTIVE: &str = "active";
pub const EXTENSION: &str = ".pem";

const NAME_KEY_SALT: &[u8] = b"undulator.auth.hidden_name";
const NAME_KEY_INFO: &[u8] = b"HMAC-SHA256, 1";
/// Enough to recognise that two entries have the same text.
const HIDDEN_TEXT_LENGTH: usize = 16;

/// Why the keys cannot be loaded; the text says what to do.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("cannot read {}: {source}; it must exist and be readable for this program", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot create {}: {source}; make data_dir writable, or set a directory with keys", path.display())]
    NotMade { path: PathBuf, source: io::Error },
    #[error("the system could not generate a key")]
    NotGenerated,
    #[error("another process is changing the keys in {}; run the command again", .0.display())]
    Locked(PathBuf),
    #[error(
        "{0} contains no key; create one: openssl genpkey -algorithm ed25519 -out {0}/first.pem && echo first > {0}/{ACTIVE}",
        dir.display()
    )]
    Empty { dir: PathBuf },
    #[error("cannot read {}: {source}; it must contain the name of the signing key, one of {names}", path.display())]
    NoActive { path: PathBuf, source: io::Error, names: String },
    #[error("{} contains `{name}`, but there is no {name}.pem beside it; write one of {names} into it", path.display())]
    UnknownActive { path: PathBuf, name: String, names: String },
    #[error("{} has a line that is not a name, a space and a time, such as `2026 2026-01-12T09:00:00Z`", .0.display())]
    NotATime(PathBuf),
    #[error("{} is not an unencrypted PKCS#8 Ed25519 key; create one: openssl genpkey -algorithm ed25519", .0.display())]
    NotAKey(PathBuf),
}

/// The public half of a key as a JWK (RFC 8037).
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PublicKey {
    #[schema(example = "OKP")]
    kty: &'static str,
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The key, base64url.
    x: String,
    /// The thumbprint of the key (RFC 7638); tokens contain it as `kid`.
    kid: String,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

struct Key {
    name: String,
    /// Hides names in the audit log.
    name_key: hmac::Key,
    public: PublicKey,
    verifying_key: DecodingKey,
    signing_key: EncodingKey,
}

/// The keys of a directory, sorted by name; at least one.
pub struct KeySet {
    keys: Vec<Key>,
    active: usize,
}

impl KeySet {
    /// Loads the keys of a directory; retired ones only as long as tokens of them may be valid.
    pub fn load(dir: &Path, now: Timestamp) -> Result<Self, KeyError> {
        let past = read_key_times(dir, RETIRED)?.into_iter().filter(|key| key.is_past(now)).map(|key| key.name);
        let past: Vec<String> = past.collect();
        let path = dir.join(ACTIVE);
        let active = std::fs::read_to_string(&path).map(|text| text.trim().to_owned());
        // A rotation may have been interrupted before another key became active.
        let is_used = |name: &String| active.as_ref().is_ok_and(|active| active == name) || !past.contains(name);
        let mut keys: Vec<Key> = Vec::new();
        for name in list_key_names(dir)?.into_iter().filter(is_used) {
            let path = dir.join(format!("{name}{EXTENSION}"));
            match std::fs::read(&path) {
                Ok(pem) => keys.push(Key::parse(name, &pem).ok_or(KeyError::NotAKey(path))?),
                // The file was removed after the directory was listed.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(KeyError::Unreadable { path, source }),
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Empty { dir: dir.to_owned() });
        }
        let names = keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ");
        let name = match active {
            Ok(name) => name,
            Err(source) => return Err(KeyError::NoActive { path, source, names }),
        };
        match keys.iter().position(|key| key.name == name) {
            Some(active) => Ok(Self { keys, active }),
            None => Err(KeyError::UnknownActive { path, name, names }),
        }
    }

    /// The signing key and its id.
    pub fn signing_key(&self) -> (&EncodingKey, &str) {
        let key = &self.keys[self.active];
        (&key.signing_key, &key.public.kid)
    }

    /// What is recorded of a text that may be a secret: the same for the same text, until another key signs, and nobody without
    /// the key can try which text it is.
    pub fn hide_text(&self, text: &str) -> String {
        let tag = hmac::sign(&self.keys[self.active].name_key, text.as_bytes());
        let tag = URL_SAFE_NO_PAD.encode(tag);
        format!("hmac:{}", &tag[..HIDDEN_TEXT_LENGTH])
    }

    /// The name of the signing key.
    pub fn active_name(&self) -> &str {
        &self.keys[self.active].name
    }

    pub fn verifying_key(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|key| key.public.kid == kid).map(|key| &key.verifying_key)
    }

    /// The public keys for verifiers; a key with two names is published once.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        let mut all: Vec<PublicKey> = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            if !all.contains(&key.public) {
                all.push(key.public.clone());
            }
        }
        all
    }
}

/// The sorted names of the keys in a directory. Hidden files are ignored: Kubernetes creates some beside mounted secrets.
pub fn list_key_names(dir: &Path) -> Result<Vec<String>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: dir.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(EXTENSION));
        names.extend(name.filter(|name| !name.is_empty() && !name.starts_with('.')).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

impl Key {
    fn parse(name: String, pem: &[u8]) -> Option<Self> {
        let pem = pem::parse(pem).ok().filter(|pem| pem.tag() == "PRIVATE KEY")?;
        let pair = Ed25519KeyPair::from_pkcs8(pem.contents()).ok()?;
        let public = pair.public_key().as_ref();
        let extracted = Salt::new(HKDF_SHA256, NAME_KEY_SALT).extract(pem.contents());
        let name_key = extracted.expand(&[NAME_KEY_INFO], hmac::HMAC_SHA256).ok()?.into();
        Some(Self {
            name,
            name_key,
            public: PublicKey::new(public),
            verifying_key: DecodingKey::from_ed_der(public),
            signing_key: EncodingKey::from_ed_der(pem.contents()),
        })
    }
}

impl PublicKey {
    fn new(key: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(key);
        // RFC 7638, 3: the required members in the order of their names, without white space.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Self { kty: "OKP", crv: "Ed25519", x, kid, usage: "sig", alg: "EdDSA" }
    }
}

#[cfg(test)]
mod tests {
    use super::super::key_files::generate_pem;
    use super::*;

    /// The key of RFC 8037, appendix A.1, as OpenSSL 3.0 writes it, and its thumbprint from A.3.
    #[test]
    fn the_key_of_rfc_8037_has_the_published_thumbprint() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let key = Key::parse("rfc".to_owned(), pem.as_bytes()).unwrap();
        assert_eq!(key.public.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.public.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_hidden_text_depends_on_the_key() {
        let set = || {
            let pem = generate_pem().unwrap();
            KeySet { keys: vec![Key::parse("a".to_owned(), pem.as_bytes()).unwrap()], active: 0 }
        };
        let (one, other) = (set(), set());
        let hidden = one.hide_text("hunter2");
        assert!(hidden.len() == 21 && hidden.starts_with("hmac:"), "{hidden}");
        assert_eq!(one.hide_text("hunter2"), hidden);
        assert!(one.hide_text("hunter3") != hidden && other.hide_text("hunter2") != hidden);
    }

    #[test]
    fn both_versions_of_pkcs8_are_read_and_sign() {
        let pair = Ed25519KeyPair::generate().unwrap();
        for document in [pair.to_pkcs8v1().unwrap(), pair.to_pkcs8().unwrap()] {
            let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", document.as_ref()));
            let key = Key::parse("a".to_owned(), pem.as_bytes()).unwrap();
            assert_eq!(key.public.x, URL_SAFE_NO_PAD.encode(pair.public_key()));
            let (message, algorithm) = (b"message", jsonwebtoken::Algorithm::EdDSA);
            let signature = jsonwebtoken::crypto::sign(message, &key.signing_key, algorithm).unwrap();
            assert!(jsonwebtoken::crypto::verify(&signature, message, &key.verifying_key, algorithm).unwrap());
        }
    }

    #[test]
    fn invalid_keys_are_refused() {
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = pem::Pem::new("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
        let public = pem::encode(&pem::Pem::new("PUBLIC KEY", key.contents()));
        let short = pem::encode(&pem::Pem::new("PRIVATE KEY", &key.contents()[..40]));
        for text in ["", "x", &public, &short] {
            assert!(Key::parse("a".to_owned(), text.as_bytes()).is_none(), "{text}");
        }
        assert!(Key::parse("a".to_owned(), pem::encode(&key).as_bytes()).is_some());
    }
}
