//! RSA keys in the format of OpenSSH (PROTOCOL.key), not encrypted, as `ssh-keygen -t rsa` writes them.

use aws_lc_rs::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use num_bigint::BigUint;

const MAGIC: &[u8] = b"openssh-key-v1\0";

/// The key in the decoded content of a file `OPENSSH PRIVATE KEY`; `None` if it is not a valid RSA key, or is encrypted.
pub fn parse_openssh_key(content: &[u8]) -> Option<KeyPair> {
    let mut file = Reader(content.strip_prefix(MAGIC)?);
    if (file.read_string()?, file.read_string()?) != (b"none".as_slice(), b"none".as_slice()) {
        return None;
    }
    file.read_string()?;
    if file.read_number()? != 1 {
        return None;
    }
    file.read_string()?;
    let mut key = Reader(file.read_string()?);
    // Two equal numbers tell that a passphrase was right; here there is none.
    if key.read_number()? != key.read_number()? || key.read_string()? != b"ssh-rsa" {
        return None;
    }
    // In the order of the file: n, e, d, 1/q mod p, p, q.
    let public_key = PublicKeyComponents { n: key.read_integer()?, e: key.read_integer()? };
    let (exponent, q_inverse) = (key.read_integer()?, key.read_integer()?);
    let (prime1, prime2) = (key.read_integer()?, key.read_integer()?);
    // The library checks that they belong together.
    let components = KeyPairComponents {
        public_key,
        d: exponent.to_vec(),
        p: prime1.to_vec(),
        q: prime2.to_vec(),
        dP: reduce_exponent(exponent, prime1)?,
        dQ: reduce_exponent(exponent, prime2)?,
        qInv: q_inverse.to_vec(),
    };
    KeyPair::from_components(&components).ok()
}

/// `d mod (prime - 1)`, which the format leaves out.
fn reduce_exponent(d: &[u8], prime: &[u8]) -> Option<Vec<u8>> {
    let (d, prime) = (BigUint::from_bytes_be(d), BigUint::from_bytes_be(prime));
    let one = BigUint::from(1_u8);
    (prime > one).then(|| (d % (prime - one)).to_bytes_be())
}

/// Reads the types of RFC 4251, 5.
struct Reader<'k>(&'k [u8]);

impl<'k> Reader<'k> {
    fn read_number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn read_string(&mut self) -> Option<&'k [u8]> {
        let length = usize::try_from(self.read_number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    /// A positive integer, without the zero that tells that it is not negative.
    fn read_integer(&mut self) -> Option<&'k [u8]> {
        let digits = self.read_string()?;
        Some(digits.strip_prefix(&[0]).unwrap_or(digits)).filter(|digits| !digits.is_empty())
    }
}
