//! Ids of 24 lower-case hexadecimal digits, as old links have them; they sort by time.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use service_kit::Ids;

/// Seconds since 1970 in four bytes, as old ids have them, then the microsecond in three and five random ones.
pub fn new_id(ids: &dyn Ids, now: Timestamp) -> String {
    let mut bytes = [0; 12];
    ids.fill_random(&mut bytes);
    let seconds = u32::try_from(now.as_second()).unwrap_or_default();
    let within = now.as_microsecond().rem_euclid(1_000_000).unsigned_abs();
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    bytes[4..7].copy_from_slice(&within.to_be_bytes()[5..]);
    encode_hex(&bytes)
}

/// Of what contents of an entry embed: the same bytes in the same entry are the same attachment, so that a repeated change
/// changes nothing.
pub fn derive_id(entry: &str, sha256: &str) -> String {
    let mut id = encode_hex(digest(&SHA256, format!("{entry}/{sha256}").as_bytes()).as_ref());
    id.truncate(24);
    id
}

/// Whether a text has the form of an id.
pub fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Joins parts, each with its length before it, so that two different lists of parts never give the same text.
pub fn join_parts(title: &str, parts: &[&str]) -> String {
    let mut text = format!("{title}\n");
    for part in parts {
        text.push_str(&part.len().to_string());
        text.push(':');
        text.push_str(part);
        text.push('\n');
    }
    text
}

pub fn encode_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}
