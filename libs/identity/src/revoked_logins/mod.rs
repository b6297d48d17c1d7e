//! Logins that ended while tokens of them are still valid, as auth lists them for verifiers.

mod feed;
mod metrics;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use service_kit::sha256_hex;

pub use self::feed::RevocationFeed;

/// A login in the list: the first 128 bits of the SHA-256 of its `sid`.
type LoginId = [u8; 16];

/// More would be a list that auth did not write.
const MAX_LOGINS: usize = 2_000_000;
/// A token is accepted for so long after its end, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// The ended logins, each until its last token has expired: about 4 MB for 100,000.
#[derive(Default)]
pub struct RevokedLogins(RwLock<HashMap<LoginId, i64>>);

impl RevokedLogins {
    /// Whether the login with this `sid` has ended.
    pub fn contains_sid(&self, sid: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !known.is_empty() && parse_login_id(&sha256_hex(sid)).is_some_and(|id| known.contains_key(&id))
    }

    /// Adds logins with the ends of their last tokens, in seconds since 1970; returns how many were not known. Those that are
    /// too many are left out.
    fn add_logins(&self, logins: impl IntoIterator<Item = (LoginId, i64)>) -> usize {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.len();
        for (id, ends_at) in logins {
            if known.len() < MAX_LOGINS || known.contains_key(&id) {
                known.insert(id, ends_at);
            }
        }
        known.len() - before
    }

    /// Forgets logins whose tokens have expired; returns how many are left.
    fn remove_expired(&self, now: Timestamp) -> usize {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, ends_at| ends_at.saturating_add(LEEWAY_SECONDS) > now.as_second());
        if known.capacity() > 4 * known.len() {
            known.shrink_to_fit();
        }
        known.len()
    }
}

/// From 32 or more hexadecimal digits.
fn parse_login_id(text: &str) -> Option<LoginId> {
    let mut id = LoginId::default();
    for (byte, at) in id.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const NOW: i64 = 1_768_208_400;

    fn id_of(sid: &str) -> LoginId {
        parse_login_id(&sha256_hex(sid)).unwrap()
    }

    #[test]
    fn a_login_is_known_until_its_last_token_has_expired() {
        let revoked = RevokedLogins::default();
        assert!(!revoked.contains_sid("one"));
        assert_eq!(revoked.add_logins([(id_of("one"), NOW + 600), (id_of("two"), NOW + 300)]), 2);
        assert_eq!(revoked.add_logins([(id_of("one"), NOW + 700)]), 0, "it is known");
        assert!(revoked.contains_sid("one") && revoked.contains_sid("two") && !revoked.contains_sid("three"));
        assert_eq!(revoked.remove_expired(Timestamp::from_second(NOW + 330).unwrap()), 2, "clocks differ");
        assert_eq!(revoked.remove_expired(Timestamp::from_second(NOW + 360).unwrap()), 1);
        assert!(revoked.contains_sid("one") && !revoked.contains_sid("two"));
        assert_eq!(revoked.remove_expired(Timestamp::from_second(NOW + 760).unwrap()), 0);
    }

    #[test]
    fn an_id_is_128_bits_of_hexadecimal_digits() {
        assert_eq!(parse_login_id("000102030405060708090a0b0c0d0e0f").unwrap()[15], 15);
        assert_eq!(parse_login_id(&"ff".repeat(32)), Some([255; 16]), "the rest is ignored");
        for wrong in ["", "00", &"0".repeat(31), &"x".repeat(32), &"é".repeat(16)] {
            assert_eq!(parse_login_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_hundred_thousand_ended_logins_take_little_memory_and_are_found_fast() {
        const LOGINS: usize = 100_000;
        let revoked = RevokedLogins::default();
        let all = (0..LOGINS).map(|n| (id_of(&format!("sid {n}")), NOW + 600));
        assert_eq!(revoked.add_logins(all), LOGINS);
        let capacity = revoked.0.read().unwrap().capacity();
        // An entry has its key, its value and a byte of the table.
        let bytes = capacity * 8 / 7 * (size_of::<(LoginId, i64)>() + 1);
        assert!(bytes < 8 << 20, "{bytes} bytes");
        let started = Instant::now();
        for n in 0..LOGINS {
            assert!(revoked.contains_sid(&format!("sid {n}")) && !revoked.contains_sid(&format!("other {n}")));
        }
        println!("{bytes} bytes, {:?} for each of {} lookups", started.elapsed() / (2 * 100_000), 2 * LOGINS);
        assert_eq!(revoked.remove_expired(Timestamp::from_second(NOW + 900).unwrap()), 0);
        assert!(revoked.0.read().unwrap().capacity() < 100, "the memory is released");
    }
}
