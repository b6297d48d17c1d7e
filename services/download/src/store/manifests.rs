//! Frozen lists of files.

use service_kit::{DbError, Row, Tx, Val};

use crate::archive::Form;
use crate::manifest::Frozen;
use crate::storage::Identity;

const FIND: &str = "SELECT id, zip_form, files, bytes FROM manifest WHERE hash = $1";
const GET: &str = "SELECT hash, zip_form, files, bytes FROM manifest WHERE id = $1 AND stale_at IS NULL";
const CREATE: &str = "INSERT INTO manifest (id, hash, zip_form, files, bytes, created_at, used_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (hash) DO NOTHING RETURNING id";
const MEMBERS: &str = "SELECT datafile, name, location, size, modified_ns, changed_ns, device, inode, crc32 \
                       FROM manifest_member WHERE manifest_id = $1 ORDER BY place";
const CRCS: &str = "SELECT place, crc32 FROM manifest_member WHERE manifest_id = $1 AND crc32 IS NOT NULL";
const LEARN: &str = "UPDATE manifest_member SET crc32 = $1 WHERE manifest_id = $2 AND place = $3 AND crc32 IS NULL";
const TOUCH: &str = "UPDATE manifest SET used_at = $1 WHERE id = $2 AND used_at < $3";
const STALE: &str = "UPDATE manifest SET stale_at = $1, stale_datafile = $2, hash = hash || ':' || CAST(id AS TEXT) \
                     WHERE id = $3 AND stale_at IS NULL";
const PURGE_MEMBERS: &str = "DELETE FROM manifest_member WHERE manifest_id IN (SELECT m.id FROM manifest m \
                             WHERE m.used_at < $1 AND NOT EXISTS (SELECT 1 FROM prepared p WHERE p.manifest_id = m.id))";
const PURGE: &str = "DELETE FROM manifest WHERE used_at < $1 \
                     AND NOT EXISTS (SELECT 1 FROM prepared p WHERE p.manifest_id = manifest.id)";
const INSERT_MEMBERS: &str = "INSERT INTO manifest_member (manifest_id, place, datafile, name, location, size, \
                              modified_ns, changed_ns, device, inode, crc32) VALUES ";
/// Every statement of fixed text, for the test that prepares them on each engine.
pub const ALL: [&str; 10] = [FIND, GET, CREATE, MEMBERS, CRCS, LEARN, TOUCH, STALE, PURGE_MEMBERS, PURGE];

const ROWS_PER_INSERT: usize = 50;
const COLUMNS: usize = 11;

/// A manifest without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub id: i64,
    pub hash: String,
    pub form: Form,
    pub files: i64,
    pub bytes: i64,
}

/// The valid manifest of this content.
pub async fn find(tx: &mut Tx, hash: &str) -> Result<Option<Head>, DbError> {
    let row = tx.fetch_optional(FIND, &[hash.into()]).await?;
    row.map(|row| head(&row, row.get("id")?, hash.to_owned())).transpose()
}

/// A manifest by its number; `None` once it is stale.
pub async fn get(tx: &mut Tx, id: i64) -> Result<Option<Head>, DbError> {
    let row = tx.fetch_optional(GET, &[id.into()]).await?;
    row.map(|row| head(&row, id, row.get("hash")?)).transpose()
}

/// Stores a manifest, unless one of this content exists; the valid one of both.
pub async fn create(tx: &mut Tx, hash: &str, form: Form, files: &[Frozen], now: i64) -> Result<Head, DbError> {
    if let Some(known) = find(tx, hash).await? {
        return Ok(known);
    }
    let id = tx.allocate_ids(1).await?.first().copied().ok_or(DbError::NoRow)?;
    let count = i64::try_from(files.len()).unwrap_or(i64::MAX);
    let bytes = files.iter().map(|file| file.identity.size).fold(0, u64::saturating_add).cast_signed();
    let vals = [id.into(), hash.into(), form_name(form).into(), count.into(), bytes.into(), now.into(), now.into()];
    if tx.fetch_optional(CREATE, &vals).await?.is_none() {
        return find(tx, hash).await?.ok_or(DbError::NoRow);
    }
    for (chunk, files) in files.chunks(ROWS_PER_INSERT).enumerate() {
        let mut vals: Vec<Val> = Vec::with_capacity(files.len() * COLUMNS);
        for (n, file) in files.iter().enumerate() {
            let place = i64::try_from(chunk * ROWS_PER_INSERT + n).unwrap_or(i64::MAX);
            let Identity { size, modified_ns, changed_ns, device, inode } = file.identity;
            vals.extend([id.into(), place.into(), file.datafile.into()]);
            vals.extend([(&file.name).into(), (&file.location).into(), size.cast_signed().into()]);
            vals.extend([modified_ns.into(), changed_ns.into()]);
            vals.extend([device.cast_signed().into(), inode.cast_signed().into(), file.crc.map(i64::from).into()]);
        }
        tx.execute(&insert(files.len()), &vals).await?;
    }
    Ok(Head { id, hash: hash.to_owned(), form, files: count, bytes })
}

/// The members in their order.
pub async fn members(tx: &mut Tx, id: i64) -> Result<Vec<Frozen>, DbError> {
    tx.fetch_all(MEMBERS, &[id.into()]).await?.iter().map(frozen).collect()
}

/// The checksums that are known by now, each with its place.
pub async fn crcs(tx: &mut Tx, id: i64) -> Result<Vec<(usize, u32)>, DbError> {
    let rows = tx.fetch_all(CRCS, &[id.into()]).await?;
    let one = |row: &Row| {
        let place = usize::try_from(row.get::<i64>("place")?).unwrap_or(usize::MAX);
        Ok((place, crc(row.get("crc32")?)))
    };
    rows.iter().map(one).collect()
}

/// Sets a checksum that was not known; one that was stays.
pub async fn learn(tx: &mut Tx, id: i64, place: usize, crc: u32) -> Result<(), DbError> {
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    tx.execute(LEARN, &[i64::from(crc).into(), id.into(), place.into()]).await.map(drop)
}

/// Notes that a manifest is in use, but not oftener than after `now - before`.
pub async fn touch(tx: &mut Tx, id: i64, now: i64, before: i64) -> Result<(), DbError> {
    tx.execute(TOUCH, &[now.into(), id.into(), before.into()]).await.map(drop)
}

/// Says that a file of it is not the one that was frozen; whether that was news.
pub async fn mark_stale(tx: &mut Tx, id: i64, datafile: i64, now: i64) -> Result<bool, DbError> {
    Ok(tx.execute(STALE, &[now.into(), datafile.into(), id.into()]).await? == 1)
}

/// Forgets manifests that nobody has used since `before` and that no prepared selection needs.
pub async fn purge(tx: &mut Tx, before: i64) -> Result<u64, DbError> {
    tx.execute(PURGE_MEMBERS, &[before.into()]).await?;
    tx.execute(PURGE, &[before.into()]).await
}

/// A statement for so many rows; also for the test that prepares it.
pub fn insert(rows: usize) -> String {
    let row = |n: usize| {
        let places: Vec<String> = (1..=COLUMNS).map(|column| format!("${}", n * COLUMNS + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("{INSERT_MEMBERS}{}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}

fn head(row: &Row, id: i64, hash: String) -> Result<Head, DbError> {
    let form = form_of(&row.get::<String>("zip_form")?)?;
    Ok(Head { id, hash, form, files: row.get("files")?, bytes: row.get("bytes")? })
}

fn frozen(row: &Row) -> Result<Frozen, DbError> {
    Ok(Frozen {
        datafile: row.get("datafile")?,
        name: row.get("name")?,
        location: row.get("location")?,
        identity: Identity {
            size: row.get::<i64>("size")?.cast_unsigned(),
            modified_ns: row.get("modified_ns")?,
            changed_ns: row.get("changed_ns")?,
            device: row.get::<i64>("device")?.cast_unsigned(),
            inode: row.get::<i64>("inode")?.cast_unsigned(),
        },
        crc: row.get::<Option<i64>>("crc32")?.map(crc),
    })
}

/// What was an unsigned 32-bit number before it was stored.
pub(super) fn crc(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or_default()
}

fn form_name(form: Form) -> &'static str {
    if form == Form::ZipStored { "stored" } else { "blocks" }
}

fn form_of(name: &str) -> Result<Form, DbError> {
    match name {
        "stored" => Ok(Form::ZipStored),
        "blocks" => Ok(Form::ZipBlocks),
        _ => Err(DbError::Column { column: "zip_form".to_owned(), reason: format!("{name} is no form") }),
    }
}
