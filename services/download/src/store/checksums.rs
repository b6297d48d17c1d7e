//! Checksums of files that were read.

use std::collections::HashMap;

use service_kit::{DbError, Tx, Val};

use super::manifests::crc;
use crate::storage::Identity;

const KNOWN: &str = "SELECT location, size, modified_ns, changed_ns, device, inode, crc32 FROM known_crc WHERE storage = $1 AND location IN ";
const LEARN: &str = "INSERT INTO known_crc (storage, location, size, modified_ns, changed_ns, device, inode, crc32) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (storage, location) DO UPDATE SET \
                     size = excluded.size, modified_ns = excluded.modified_ns, changed_ns = excluded.changed_ns, \
                     device = excluded.device, inode = excluded.inode, crc32 = excluded.crc32";
const FORGET: &str = "DELETE FROM known_crc WHERE storage = $1 AND location = $2";
/// Every statement of fixed text, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [LEARN, FORGET];

/// Locations of one question.
const PER_QUESTION: usize = 5000;

/// What is known of files at these locations; the identity says of which files.
pub async fn known(
    tx: &mut Tx,
    storage: &str,
    locations: &[&str],
) -> Result<HashMap<String, (Identity, u32)>, DbError> {
    let sql = format!("{KNOWN}{}", tx.engine().text_list("$2"));
    let mut all = HashMap::new();
    for some in locations.chunks(PER_QUESTION) {
        for row in tx.fetch_all(&sql, &[storage.into(), Val::from_texts(some.iter().copied())]).await? {
            let identity = Identity {
                size: row.get::<i64>("size")?.cast_unsigned(),
                modified_ns: row.get("modified_ns")?,
                changed_ns: row.get("changed_ns")?,
                device: row.get::<i64>("device")?.cast_unsigned(),
                inode: row.get::<i64>("inode")?.cast_unsigned(),
            };
            all.insert(row.get("location")?, (identity, crc(row.get("crc32")?)));
        }
    }
    Ok(all)
}

/// Remembers a checksum in place of what was known of the location.
pub async fn learn(tx: &mut Tx, storage: &str, location: &str, of: &Identity, crc: u32) -> Result<(), DbError> {
    let vals = [
        storage.into(),
        location.into(),
        of.size.cast_signed().into(),
        of.modified_ns.into(),
        of.changed_ns.into(),
        of.device.cast_signed().into(),
        of.inode.cast_signed().into(),
        i64::from(crc).into(),
    ];
    tx.execute(LEARN, &vals).await.map(drop)
}

/// Forgets a location whose file is gone.
pub async fn forget(tx: &mut Tx, storage: &str, location: &str) -> Result<(), DbError> {
    tx.execute(FORGET, &[storage.into(), location.into()]).await.map(drop)
}
