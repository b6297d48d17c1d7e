//! Manifests and their entries.

use service_kit::{DbError, Micros, Row, Tx, Val};

use crate::domain::archive::LayoutFormat;
use crate::domain::file_identity::FileIdentity;
use crate::domain::manifest_entry::ManifestEntry;

const FIND_BY_HASH: &str = "SELECT id, zip_form, files, bytes FROM manifest WHERE hash = $1";
const GET: &str = "SELECT hash, zip_form, files, bytes FROM manifest WHERE id = $1 AND stale_at IS NULL";
const CREATE: &str = "INSERT INTO manifest (id, hash, zip_form, files, bytes, created_at, used_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (hash) DO NOTHING RETURNING id";
const LIST_ENTRIES: &str = "SELECT datafile, name, location, size, modified_ns, changed_ns, device, inode, crc32 \
                       FROM manifest_member WHERE manifest_id = $1 ORDER BY place";
const LIST_CHECKSUMS: &str = "SELECT place, crc32 FROM manifest_member WHERE manifest_id = $1 AND crc32 IS NOT NULL";
const SET_CHECKSUM: &str =
    "UPDATE manifest_member SET crc32 = $1 WHERE manifest_id = $2 AND place = $3 AND crc32 IS NULL";
const UPDATE_LAST_USED: &str = "UPDATE manifest SET used_at = $1 WHERE id = $2 AND used_at < $3";
const MARK_STALE: &str = "UPDATE manifest SET stale_at = $1, stale_datafile = $2, hash = hash || ':' || CAST(id AS TEXT) \
                     WHERE id = $3 AND stale_at IS NULL";
const DELETE_UNUSED_ENTRIES: &str = "DELETE FROM manifest_member WHERE manifest_id IN (SELECT m.id FROM manifest m \
                             WHERE m.used_at < $1 AND NOT EXISTS (SELECT 1 FROM prepared p WHERE p.manifest_id = m.id))";
const DELETE_UNUSED: &str = "DELETE FROM manifest WHERE used_at < $1 \
                     AND NOT EXISTS (SELECT 1 FROM prepared p WHERE p.manifest_id = manifest.id)";
const INSERT_MEMBERS: &str = "INSERT INTO manifest_member (manifest_id, place, datafile, name, location, size, \
                              modified_ns, changed_ns, device, inode, crc32) VALUES ";
/// Every statement of fixed text, for the test that prepares them on each engine.
pub const ALL: [&str; 10] = [
    FIND_BY_HASH,
    GET,
    CREATE,
    LIST_ENTRIES,
    LIST_CHECKSUMS,
    SET_CHECKSUM,
    UPDATE_LAST_USED,
    MARK_STALE,
    DELETE_UNUSED_ENTRIES,
    DELETE_UNUSED,
];

const ROWS_PER_INSERT: usize = 50;
const COLUMNS: usize = 11;

/// A manifest without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestHeader {
    pub id: i64,
    pub hash: String,
    pub zip_format: LayoutFormat,
    pub files: i64,
    pub bytes: i64,
}

/// The current manifest with these files.
pub async fn find_manifest_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<ManifestHeader>, DbError> {
    let row = tx.fetch_optional(FIND_BY_HASH, &[hash.into()]).await?;
    row.map(|row| parse_header(&row, row.get("id")?, hash.to_owned())).transpose()
}

/// A manifest by its id; `None` once it is marked as stale.
pub async fn get_manifest(tx: &mut Tx, id: i64) -> Result<Option<ManifestHeader>, DbError> {
    let row = tx.fetch_optional(GET, &[id.into()]).await?;
    row.map(|row| parse_header(&row, id, row.get("hash")?)).transpose()
}

/// Stores a manifest, unless there is a current one with the same files; the current one.
pub async fn create_manifest(
    tx: &mut Tx,
    hash: &str,
    zip_format: LayoutFormat,
    entries: &[ManifestEntry],
    now: Micros,
) -> Result<ManifestHeader, DbError> {
    if let Some(known) = find_manifest_by_hash(tx, hash).await? {
        return Ok(known);
    }
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    let bytes = entries.iter().map(|entry| entry.identity.size).fold(0, u64::saturating_add).cast_signed();
    let vals = [
        id.into(),
        hash.into(),
        render_zip_format(zip_format).into(),
        count.into(),
        bytes.into(),
        now.into(),
        now.into(),
    ];
    if tx.fetch_optional(CREATE, &vals).await?.is_none() {
        return find_manifest_by_hash(tx, hash).await?.ok_or(DbError::NoRow);
    }
    for (chunk, entries) in entries.chunks(ROWS_PER_INSERT).enumerate() {
        let mut vals: Vec<Val> = Vec::with_capacity(entries.len() * COLUMNS);
        for (n, entry) in entries.iter().enumerate() {
            let index = i64::try_from(chunk * ROWS_PER_INSERT + n).unwrap_or(i64::MAX);
            let FileIdentity { size, modified_ns, changed_ns, device, inode } = entry.identity;
            vals.extend([id.into(), index.into(), entry.datafile.into()]);
            vals.extend([(&entry.name).into(), (&entry.location).into(), size.cast_signed().into()]);
            vals.extend([modified_ns.into(), changed_ns.into()]);
            vals.extend([device.cast_signed().into(), inode.cast_signed().into(), entry.crc.map(i64::from).into()]);
        }
        tx.execute(&render_insert(entries.len()), &vals).await?;
    }
    Ok(ManifestHeader { id, hash: hash.to_owned(), zip_format, files: count, bytes })
}

/// The entries in their order.
pub async fn list_entries(tx: &mut Tx, id: i64) -> Result<Vec<ManifestEntry>, DbError> {
    tx.fetch_all(LIST_ENTRIES, &[id.into()]).await?.iter().map(parse_entry).collect()
}

/// The checksums that are known by now, each with the index of its entry.
pub async fn list_checksums(tx: &mut Tx, id: i64) -> Result<Vec<(usize, u32)>, DbError> {
    let rows = tx.fetch_all(LIST_CHECKSUMS, &[id.into()]).await?;
    let map = |row: &Row| {
        let member = usize::try_from(row.get::<i64>("place")?).unwrap_or(usize::MAX);
        Ok((member, parse_crc32(row.get("crc32")?)))
    };
    rows.iter().map(map).collect()
}

/// Sets a checksum that is not known yet.
pub async fn set_checksum(tx: &mut Tx, id: i64, member: usize, crc: u32) -> Result<(), DbError> {
    let index = i64::try_from(member).unwrap_or(i64::MAX);
    tx.execute(SET_CHECKSUM, &[i64::from(crc).into(), id.into(), index.into()]).await.map(drop)
}

/// Sets the time of the last use, if the stored one is before `outdated`.
pub async fn update_last_used(tx: &mut Tx, id: i64, now: Micros, outdated: Micros) -> Result<(), DbError> {
    tx.execute(UPDATE_LAST_USED, &[now.into(), id.into(), outdated.into()]).await.map(drop)
}

/// Marks a manifest whose file has changed; false if it was marked before.
pub async fn mark_manifest_stale(tx: &mut Tx, id: i64, datafile: i64, now: Micros) -> Result<bool, DbError> {
    Ok(tx.execute(MARK_STALE, &[now.into(), datafile.into(), id.into()]).await? == 1)
}

/// Deletes manifests that were last used before a moment and that no prepared selection needs.
pub async fn delete_unused_manifests(tx: &mut Tx, before: Micros) -> Result<u64, DbError> {
    tx.execute(DELETE_UNUSED_ENTRIES, &[before.into()]).await?;
    tx.execute(DELETE_UNUSED, &[before.into()]).await
}

/// The statement that inserts this many entries; public for the test that prepares it.
pub fn render_insert(rows: usize) -> String {
    let row = |n: usize| {
        let places: Vec<String> = (1..=COLUMNS).map(|column| format!("${}", n * COLUMNS + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("{INSERT_MEMBERS}{}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}

fn parse_header(row: &Row, id: i64, hash: String) -> Result<ManifestHeader, DbError> {
    let zip_format = parse_zip_format(&row.get::<String>("zip_form")?)?;
    Ok(ManifestHeader { id, hash, zip_format, files: row.get("files")?, bytes: row.get("bytes")? })
}

fn parse_entry(row: &Row) -> Result<ManifestEntry, DbError> {
    Ok(ManifestEntry {
        datafile: row.get("datafile")?,
        name: row.get("name")?,
        location: row.get("location")?,
        identity: FileIdentity {
            size: row.get::<i64>("size")?.cast_unsigned(),
            modified_ns: row.get("modified_ns")?,
            changed_ns: row.get("changed_ns")?,
            device: row.get::<i64>("device")?.cast_unsigned(),
            inode: row.get::<i64>("inode")?.cast_unsigned(),
        },
        crc: row.get::<Option<i64>>("crc32")?.map(parse_crc32),
    })
}

/// Reads a stored CRC-32.
pub(super) fn parse_crc32(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or_default()
}

fn render_zip_format(format: LayoutFormat) -> &'static str {
    if format == LayoutFormat::ZipStored { "stored" } else { "blocks" }
}

fn parse_zip_format(name: &str) -> Result<LayoutFormat, DbError> {
    match name {
        "stored" => Ok(LayoutFormat::ZipStored),
        "blocks" => Ok(LayoutFormat::ZipBlocks),
        _ => Err(DbError::Column { column: "zip_form".to_owned(), reason: format!("{name} is not a ZIP format") }),
    }
}
