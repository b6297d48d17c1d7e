//! Tags and their scopes.

use service_kit::fulltext::fold_text;
use service_kit::{DbError, Row, Tx, Val};

use crate::domain::logbook::Logbook;

const ADD: &str = "INSERT INTO tag (id, scope, folded, name, description, color, beamline, investigation_id) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (scope, folded) DO NOTHING RETURNING id";
const GET: &str = "SELECT id, scope, name, description, color, beamline, investigation_id FROM tag WHERE id = $1";
const NAMED: &str = "SELECT id, scope, name, description, color, beamline, investigation_id FROM tag \
                     WHERE scope = $1 AND folded = $2";
const CHANGE: &str = "UPDATE tag SET folded = $1, name = $2, description = $3, color = $4 WHERE id = $5";
const LIST: &str = "SELECT id, scope, name, description, color, beamline, investigation_id FROM tag \
                    WHERE scope = $1 OR scope = $2 OR scope = 'global' ORDER BY folded, id";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 5] = [ADD, GET, NAMED, CHANGE, LIST];

/// The scope of tags that every logbook has.
pub const GLOBAL: &str = "global";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub id: String,
    /// The name of its logbook, or `global`.
    pub scope: String,
    pub name: String,
    pub description: Option<String>,
    pub color: Option<String>,
    pub beamline: Option<String>,
    pub investigation_id: Option<i64>,
}

/// The scope of tags of a logbook.
pub fn tag_scope(logbook: &Logbook) -> String {
    if *logbook == Logbook::Facility { GLOBAL.to_owned() } else { logbook.name() }
}

/// `false` if the name is taken in its scope.
pub async fn insert_tag(tx: &mut Tx, tag: &Tag) -> Result<bool, DbError> {
    let vals = [
        (&tag.id).into(),
        (&tag.scope).into(),
        fold_text(&tag.name).into(),
        (&tag.name).into(),
        Val::Text(tag.description.clone()),
        Val::Text(tag.color.clone()),
        Val::Text(tag.beamline.clone()),
        Val::I64(tag.investigation_id),
    ];
    Ok(tx.fetch_optional(ADD, &vals).await?.is_some())
}

pub async fn get_tag(tx: &mut Tx, id: &str) -> Result<Option<Tag>, DbError> {
    tx.fetch_optional(GET, &[id.into()]).await?.as_ref().map(parse_tag).transpose()
}

pub async fn find_tag_by_name(tx: &mut Tx, scope: &str, name: &str) -> Result<Option<Tag>, DbError> {
    tx.fetch_optional(NAMED, &[scope.into(), fold_text(name).into()]).await?.as_ref().map(parse_tag).transpose()
}

pub async fn update_tag(tx: &mut Tx, tag: &Tag) -> Result<(), DbError> {
    let vals = [
        fold_text(&tag.name).into(),
        (&tag.name).into(),
        Val::Text(tag.description.clone()),
        Val::Text(tag.color.clone()),
        (&tag.id).into(),
    ];
    tx.execute(CHANGE, &vals).await.map(drop)
}

/// Global tags, and those of up to two scopes.
pub async fn list_tags(tx: &mut Tx, first: &str, second: &str) -> Result<Vec<Tag>, DbError> {
    tx.fetch_all(LIST, &[first.into(), second.into()]).await?.iter().map(parse_tag).collect()
}

fn parse_tag(row: &Row) -> Result<Tag, DbError> {
    Ok(Tag {
        id: row.get("id")?,
        scope: row.get("scope")?,
        name: row.get("name")?,
        description: row.get("description")?,
        color: row.get("color")?,
        beamline: row.get("beamline")?,
        investigation_id: row.get("investigation_id")?,
    })
}
