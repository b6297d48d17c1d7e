//! The RSA key of the interface of scigateway-auth, whose clients know no other algorithm than RS256. It is read from a file in
//! any of the usual formats, or generated.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use pem::{EncodeConfig, LineEnding, Pem};
use serde::Serialize;
use service_kit::Ids;
use thiserror::Error;
use utoipa::ToSchema;

use super::key_files::{DirectoryLock, create_file, try_to_create_file};
use super::openssh::parse_openssh_key;

/// The file in the directory of keys that is used if `auth.scigateway_key` is empty. The keys of access tokens have another
/// extension.
const DEFAULT_FILE: &str = "scigateway.key";

/// Why the key cannot be used; the text says what to do.
#[derive(Debug, Error)]
pub enum RsaKeyError {
    #[error("cannot read {}: {source}; it must exist and be readable for this program", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("cannot create {}: {source}; create it (ssh-keygen -t rsa -b 2048 -N '' -f scigateway.key), set \
             auth.scigateway_key, or turn the interface of scigateway-auth off with auth.scigateway_prefix = \"\"",
             path.display())]
    NotMade { path: PathBuf, source: io::Error },
    #[error("the system could not generate a key")]
    NotGenerated,
    #[error(
        "{} is not an unencrypted RSA key of 2048 to 8192 bits in the format of OpenSSH, PKCS#8 or PKCS#1; create one: \
         ssh-keygen -t rsa -b 2048 -N '' -f jwt-key", .0.display()
    )]
    NotAKey(PathBuf),
}

/// The public half of the key as verifiers get it (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RsaPublicKey {
    #[schema(example = "RSA")]
    kty: &'static str,
    /// The modulus, base64url.
    n: String,
    /// The exponent, base64url.
    #[schema(example = "AQAB")]
    e: String,
    /// The thumbprint of the key (RFC 7638). The tokens do not name it.
    pub kid: String,
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    #[schema(example = "RS256")]
    alg: &'static str,
}

impl RsaPublicKey {
    /// From modulus and exponent in base64url.
    fn from_components(n: &str, e: &str) -> Self {
        // RFC 7638, 3: the required members in the order of their names, without white space.
        let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Self { kty: "RSA", n: n.to_owned(), e: e.to_owned(), kid, usage: "sig", alg: "RS256" }
    }
}

/// The key that signs the tokens of one interface.
pub struct RsaKey {
    signing_key: EncodingKey,
    verifying_key: DecodingKey,
    public: RsaPublicKey,
}

impl RsaKey {
    /// Reads the key of a file.
    pub fn load(path: &Path) -> Result<Self, RsaKeyError> {
        let content =
            std::fs::read(path).map_err(|source| RsaKeyError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&content).ok_or_else(|| RsaKeyError::NotAKey(path.to_owned()))
    }

    /// Reads the key at [`locate_default_key`], if it exists; an error if it could not be generated there later.
    pub fn load_if_created(path: &Path, ids: &dyn Ids) -> Result<Option<Self>, RsaKeyError> {
        match path.symlink_metadata() {
            Ok(_) => Self::load(path).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let (dir, file) = split_path(path)?;
                let failed = |source| RsaKeyError::NotMade { path: path.to_owned(), source };
                let tried = DirectoryLock::wait_for(dir).and_then(|_lock| try_to_create_file(dir, file, ids));
                tried.map_err(failed).map(|()| None)
            }
            Err(source) => Err(RsaKeyError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Reads the key at [`locate_default_key`], which is generated if it does not exist.
    pub fn load_or_create(path: &Path, ids: &dyn Ids) -> Result<Self, RsaKeyError> {
        create_key(path, ids)?;
        Self::load(path)
    }

    /// Reads a PEM file; `None` if it is not an RSA key, or is encrypted.
    pub fn parse(file: &[u8]) -> Option<Self> {
        let pem = pem::parse(file).ok()?;
        let pair = match pem.tag() {
            "PRIVATE KEY" => KeyPair::from_pkcs8(pem.contents()).ok()?,
            "RSA PRIVATE KEY" => KeyPair::from_der(pem.contents()).ok()?,
            "OPENSSH PRIVATE KEY" => parse_openssh_key(pem.contents())?,
            _ => return None,
        };
        let signing_key = EncodingKey::from_rsa_pem(render_pkcs8(&pair)?.as_bytes()).ok()?;
        let jwk = Jwk::from_encoding_key(&signing_key, Algorithm::RS256).ok()?;
        let AlgorithmParameters::RSA(parameters) = &jwk.algorithm else { return None };
        let public = RsaPublicKey::from_components(&parameters.n, &parameters.e);
        Some(Self { verifying_key: DecodingKey::from_jwk(&jwk).ok()?, signing_key, public })
    }

    pub fn signing_key(&self) -> &EncodingKey {
        &self.signing_key
    }

    pub fn verifying_key(&self) -> &DecodingKey {
        &self.verifying_key
    }

    pub fn public_key(&self) -> &RsaPublicKey {
        &self.public
    }
}

fn render_pkcs8(pair: &KeyPair) -> Option<String> {
    let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
    let unix = EncodeConfig::new().set_line_ending(LineEnding::LF);
    Some(pem::encode_config(&Pem::new("PRIVATE KEY", der.as_ref()), unix))
}

/// Where the key is if the settings do not say it.
pub fn locate_default_key(keys_dir: &Path) -> PathBuf {
    keys_dir.join(DEFAULT_FILE)
}

/// Generates a key, unless it exists. Of two processes, one finds the key of the other.
fn create_key(path: &Path, ids: &dyn Ids) -> Result<(), RsaKeyError> {
    let (dir, file) = split_path(path)?;
    if path.exists() {
        return Ok(());
    }
    let failed = |source| RsaKeyError::NotMade { path: path.to_owned(), source };
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| RsaKeyError::NotGenerated)?;
    let pem = render_pkcs8(&pair).ok_or(RsaKeyError::NotGenerated)?;
    DirectoryLock::wait_for(dir).and_then(|_lock| create_file(dir, file, pem.as_bytes(), ids)).map_err(failed)
}

fn split_path(path: &Path) -> Result<(&Path, &str), RsaKeyError> {
    let parts = path.parent().zip(path.file_name().and_then(|file| file.to_str()));
    parts.ok_or_else(|| RsaKeyError::NotAKey(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use service_kit::SystemIds;

    use super::*;

    /// The key of RFC 7638, 3.1, and its thumbprint.
    #[test]
    fn the_key_of_rfc_7638_has_the_published_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n\
                 3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zg\
                 dAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFC\
                 ur-kEgU8awapJzKnqDKgw";
        assert_eq!(RsaPublicKey::from_components(n, "AQAB").kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_generated_key_is_read_again_and_kept() {
        let root = tempfile::tempdir().unwrap();
        let path = locate_default_key(root.path());
        let first = RsaKey::load_or_create(&path, &SystemIds).unwrap();
        let again = RsaKey::load_or_create(&path, &SystemIds).unwrap();
        assert_eq!(first.public_key(), again.public_key());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_cannot_be_generated_later_is_an_error_at_the_start() {
        let root = tempfile::tempdir().unwrap();
        let path = locate_default_key(root.path());
        assert!(RsaKey::load_if_created(&path, &SystemIds).unwrap().is_none());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left of the attempt but the lock");
        // Nobody can create a file there, whoever runs this test.
        let refused = RsaKey::load_if_created(&locate_default_key(Path::new("/proc/self")), &SystemIds);
        let text = refused.err().expect("no file can be created").to_string();
        assert!(text.starts_with("cannot create /proc/self/scigateway.key: "), "{text}");
        std::os::unix::fs::symlink(root.path().join("nothing"), &path).unwrap();
        let text = RsaKey::load_if_created(&path, &SystemIds).err().expect("the link leads nowhere").to_string();
        assert!(text.starts_with("cannot read "), "{text}");
    }

    /// One key: by ssh-keygen 9.2, converted by ssh-keygen and OpenSSL 3.0. The modulus is what PyJWT 2.10.1 tells of it.
    #[test]
    fn a_key_is_the_same_in_each_format() {
        let openssh = RsaKey::parse(include_bytes!("../../tests/fixtures/scigateway/openssh.key")).unwrap();
        assert!(openssh.public.n.starts_with("lBLR_eDqgzISAf-BDJvZV6j2r8xJMZaZAuyO") && openssh.public.e == "AQAB");
        for other in [
            &include_bytes!("../../tests/fixtures/scigateway/pkcs8.key")[..],
            include_bytes!("../../tests/fixtures/scigateway/pkcs1.key"),
        ] {
            assert_eq!(RsaKey::parse(other).unwrap().public, openssh.public);
        }
    }

    #[test]
    fn other_files_are_no_rsa_keys() {
        for file in [
            &include_bytes!("../../tests/fixtures/scigateway/encrypted.key")[..],
            include_bytes!("../../tests/fixtures/scigateway/ed25519.key"),
        ] {
            assert!(RsaKey::parse(file).is_none());
        }
        let ed25519 = "-----BEGIN PRIVATE KEY-----\n\
                       MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                       -----END PRIVATE KEY-----\n";
        let cut = pem::encode(&Pem::new("OPENSSH PRIVATE KEY", b"openssh-key-v1\0\0\0\0\x04none".to_vec()));
        for text in ["", "x", ed25519, &cut] {
            assert!(RsaKey::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
