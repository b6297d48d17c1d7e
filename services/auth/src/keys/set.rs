//! A directory of keys: `<name>.pem` files and `active`, which holds the name of the one that signs. The id of a key is
//! its thumbprint (RFC 7638), so that it is the same wherever the key is.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

/// The file that names the key that signs.
pub const ACTIVE: &str = "active";
const EXTENSION: &str = ".pem";

/// Why a directory of keys cannot be used; the text says what to do.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("cannot read {}: {source}; it must be there, and readable for this program", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot make {}: {source}; make data_dir writable, or name a directory with keys", path.display())]
    NotMade { path: PathBuf, source: io::Error },
    #[error("the system gave no key")]
    NotGenerated,
    #[error(
        "{0} holds no key; make one: openssl genpkey -algorithm ed25519 -out {0}/first.pem && echo first > {0}/{ACTIVE}",
        dir.display()
    )]
    Empty { dir: PathBuf },
    #[error("cannot read {}: {source}; it must hold the name of the key that signs, one of {names}", path.display())]
    NoActive { path: PathBuf, source: io::Error, names: String },
    #[error("{} names `{name}`, and there is no {name}.pem beside it; write one of {names} into it", path.display())]
    UnknownActive { path: PathBuf, name: String, names: String },
    #[error("{} is no unencrypted PKCS#8 Ed25519 key; make one: openssl genpkey -algorithm ed25519", .0.display())]
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
    /// The key's thumbprint (RFC 7638), which tokens name.
    kid: String,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    #[schema(example = "EdDSA")]
    alg: &'static str,
}

struct Key {
    name: String,
    public: PublicKey,
    verifies: DecodingKey,
    signs: EncodingKey,
}

/// All keys of a directory, by name; never none.
pub struct KeySet {
    keys: Vec<Key>,
    active: usize,
}

impl KeySet {
    pub fn read(dir: &Path) -> Result<Self, KeyError> {
        let mut keys: Vec<Key> = Vec::new();
        for name in names(dir)? {
            let path = dir.join(format!("{name}{EXTENSION}"));
            match std::fs::read(&path) {
                Ok(pem) => keys.push(Key::parse(name, &pem).ok_or(KeyError::NotAKey(path))?),
                // Removed since the directory was listed.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(KeyError::Unreadable { path, source }),
            }
        }
        if keys.is_empty() {
            return Err(KeyError::Empty { dir: dir.to_owned() });
        }
        let names = keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ");
        let path = dir.join(ACTIVE);
        let name = match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(source) => return Err(KeyError::NoActive { path, source, names }),
        };
        match keys.iter().position(|key| key.name == name) {
            Some(active) => Ok(Self { keys, active }),
            None => Err(KeyError::UnknownActive { path, name, names }),
        }
    }

    /// The key that signs, and its id.
    pub fn signing(&self) -> (&EncodingKey, &str) {
        let key = &self.keys[self.active];
        (&key.signs, &key.public.kid)
    }

    pub fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|key| key.public.kid == kid).map(|key| &key.verifies)
    }

    /// For everybody to verify with; a key that lies there under two names is published once.
    pub fn published(&self) -> Vec<PublicKey> {
        let mut all: Vec<PublicKey> = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            if !all.contains(&key.public) {
                all.push(key.public.clone());
            }
        }
        all
    }
}

/// The names of the keys in a directory, sorted. Hidden files are none: Kubernetes keeps its own beside mounted secrets.
pub fn names(dir: &Path) -> Result<Vec<String>, KeyError> {
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
        Some(Self {
            name,
            public: PublicKey::new(public),
            verifies: DecodingKey::from_ed_der(public),
            signs: EncodingKey::from_ed_der(pem.contents()),
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
    use super::*;

    /// The key of RFC 8037, appendix A.1, as OpenSSL 3.0 writes it, and its thumbprint from A.3.
    #[test]
    fn the_key_of_the_standard_has_the_id_of_the_standard() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let key = Key::parse("rfc".to_owned(), pem.as_bytes()).unwrap();
        assert_eq!(key.public.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.public.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn both_versions_of_pkcs8_are_read_and_sign() {
        let pair = Ed25519KeyPair::generate().unwrap();
        for document in [pair.to_pkcs8v1().unwrap(), pair.to_pkcs8().unwrap()] {
            let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", document.as_ref()));
            let key = Key::parse("a".to_owned(), pem.as_bytes()).unwrap();
            assert_eq!(key.public.x, URL_SAFE_NO_PAD.encode(pair.public_key()));
            let (message, algorithm) = (b"message", jsonwebtoken::Algorithm::EdDSA);
            let signature = jsonwebtoken::crypto::sign(message, &key.signs, algorithm).unwrap();
            assert!(jsonwebtoken::crypto::verify(&signature, message, &key.verifies, algorithm).unwrap());
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
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
