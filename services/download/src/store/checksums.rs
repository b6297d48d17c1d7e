//! Checksums of files, known from reading them.

use std::collections::HashMap;

use service_kit::{DbError, Tx, Val};

use super::manifests::parse_crc32;
use crate::domain::file_identity::FileIdentity;

const FIND: &str = "SELECT location, size, modified_ns, changed_ns, device, inode, crc32 FROM known_crc WHERE storage = $1 AND location IN ";
const UPSERT: &str = "INSERT INTO known_crc (storage, location, size, modified_ns, changed_ns, device, inode, crc32) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (storage, location) DO UPDATE SET \
                     size = excluded.size, modified_ns = excluded.modified_ns, changed_ns = excluded.changed_ns, \
                     device = excluded.device, inode = excluded.inode, crc32 = excluded.crc32";
const DELETE: &str = "DELETE FROM known_crc WHERE storage = $1 AND location = $2";
/// Every statement of fixed text, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [UPSERT, DELETE];

/// Locations in one query.
const LOCATIONS_PER_QUERY: usize = 5000;

/// The known checksums of these locations, each with the identity of the file that it belongs to.
pub async fn find_checksums(
    tx: &mut Tx,
    storage: &str,
    locations: &[&str],
) -> Result<HashMap<String, (FileIdentity, u32)>, DbError> {
    let sql = format!("{FIND}{}", tx.engine().text_list("$2"));
    let mut all = HashMap::new();
    for some in locations.chunks(LOCATIONS_PER_QUERY) {
        for row in tx.fetch_all(&sql, &[storage.into(), Val::from_texts(some.iter().copied())]).await? {
            let identity = FileIdentity {
                size: row.get::<i64>("size")?.cast_unsigned(),
                modified_ns: row.get("modified_ns")?,
                changed_ns: row.get("changed_ns")?,
                device: row.get::<i64>("device")?.cast_unsigned(),
                inode: row.get::<i64>("inode")?.cast_unsigned(),
            };
            all.insert(row.get("location")?, (identity, parse_crc32(row.get("crc32")?)));
        }
    }
    Ok(all)
}

/// Stores the checksum of a file in place of the one that was known for its location.
pub async fn upsert_checksum(
    tx: &mut Tx,
    storage: &str,
    location: &str,
    identity: &FileIdentity,
    crc: u32,
) -> Result<(), DbError> {
    let vals = [
        storage.into(),
        location.into(),
        identity.size.cast_signed().into(),
        identity.modified_ns.into(),
        identity.changed_ns.into(),
        identity.device.cast_signed().into(),
        identity.inode.cast_signed().into(),
        i64::from(crc).into(),
    ];
    tx.execute(UPSERT, &vals).await.map(drop)
}

/// Deletes the checksum of a file that was removed.
pub async fn delete_checksum(tx: &mut Tx, storage: &str, location: &str) -> Result<(), DbError> {
    tx.execute(DELETE, &[storage.into(), location.into()]).await.map(drop)
}
