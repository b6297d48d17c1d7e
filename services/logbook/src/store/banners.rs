//! Messages of the portal, one of each type.

use service_kit::{DbError, Row, Tx, Val};

const SET: &str = "INSERT INTO banner (type, id, message) VALUES ($1, $2, $3) \
                   ON CONFLICT (type) DO UPDATE SET message = EXCLUDED.message";
const LIST: &str = "SELECT type, id, message FROM banner ORDER BY type";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [SET, LIST];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    pub id: String,
    pub kind: String,
    pub message: Option<String>,
}

/// The id stays that of the first message of a type.
pub async fn set_banner(tx: &mut Tx, banner: &Banner) -> Result<(), DbError> {
    let vals = [(&banner.kind).into(), (&banner.id).into(), Val::Text(banner.message.clone())];
    tx.execute(SET, &vals).await.map(drop)
}

pub async fn list_banners(tx: &mut Tx) -> Result<Vec<Banner>, DbError> {
    tx.fetch_all(LIST, &[]).await?.iter().map(parse_banner).collect()
}

fn parse_banner(row: &Row) -> Result<Banner, DbError> {
    Ok(Banner { id: row.get("id")?, kind: row.get("type")?, message: row.get("message")? })
}
