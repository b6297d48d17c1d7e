//! Answers queries: compiles and runs them, loads included entities, and writes ICAT's JSON.

mod entity_json;
mod environment;
mod found_entities;
mod included_ids;
mod includes;
mod rendered_rows;
mod result;

use service_kit::{BulkRow, DbError, Row, Tx, Val};

pub use self::environment::QuerySettings;
pub(crate) use self::included_ids::find_included_ids;
use self::includes::IncludeLoader;
use self::rendered_rows::RenderedRows;
pub use self::result::{PIECE_BYTES, SearchResult};
use crate::authorization::Rights;
use crate::error::Error;
use crate::query::{Access, Statement, compile_filter, parse_get};
use crate::store::entities::StoredRow;
use crate::store::rows;

/// The JSON of one entity by its id, with the relations that `text` includes.
pub async fn render_entity_by_id(
    settings: &QuerySettings,
    tx: &mut Tx,
    rights: &Rights,
    text: &str,
    id: i64,
) -> Result<String, Error> {
    let get = parse_get(text)?;
    let entity = get.entity;
    let row = rows::find_row(tx, entity, id).await?.ok_or_else(|| Error::entity_not_found(entity.name, id))?;
    let env = settings.new_environment(rights, tx.engine());
    let readable = match rights.read_access(entity) {
        Access::All => true,
        Access::None => false,
        Access::Rules(rules) => !run_statement(tx, &compile_filter(entity, &rules, &[id], &env)).await?.is_empty(),
    };
    if !readable {
        return Err(Error::access_denied("READ", entity.name));
    }
    let mut rendered = RenderedRows::new(entity, &get.includes);
    rendered.push(&BulkRow::from(&row))?;
    let mut loader = IncludeLoader::new(tx, rights, env, 1, settings.max_entities);
    let levels = loader.load_includes(entity, &rendered, &get.includes).await?;
    let mut out = String::new();
    entity_json::append_entity(&mut out, entity, (&rendered, 0), &levels);
    Ok(out)
}

/// Runs a compiled query.
pub(crate) async fn run_statement(tx: &mut Tx, statement: &Statement) -> Result<Vec<Row>, DbError> {
    statement.fetch_rows(tx).await
}

/// The foreign key of a to-one relation, by its index in the row's values.
pub(crate) fn to_one_key(row: &StoredRow, place: usize) -> Option<i64> {
    match row.values.get(place) {
        Some(Val::I64(key)) => *key,
        _ => None,
    }
}
