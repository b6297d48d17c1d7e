//! Answers queries: compiles and runs them, loads included entities, and writes ICAT's JSON.

mod entity_json;
mod environment;
mod includes;
mod result;

use std::collections::HashMap;

use service_kit::{DbError, Row, Tx};

pub use self::environment::QuerySettings;
pub(crate) use self::includes::{IncludeLoader, IncludedRows, to_one_key};
pub use self::result::SearchResult;
use crate::authorization::Rights;
use crate::error::Error;
use crate::query::{Access, Statement, compile_filter, parse_get};
use crate::store::entities::{self, StoredRow};

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
    let row = entities::get_by_id(tx, entity, id).await?.ok_or_else(|| Error::entity_not_found(entity.name, id))?;
    let env = settings.new_environment(rights, tx.engine());
    let readable = match rights.read_access(entity) {
        Access::All => true,
        Access::None => false,
        Access::Rules(rules) => !run_statement(tx, &compile_filter(entity, &rules, &[id], &env)).await?.is_empty(),
    };
    if !readable {
        return Err(Error::access_denied("READ", entity.name));
    }
    let rows = HashMap::from([(id, row)]);
    let mut loader = IncludeLoader::new(tx, rights, env, 1, settings.max_entities);
    let levels = loader.load_includes(entity, &rows, &get.includes).await?;
    let mut out = String::new();
    entity_json::append_entity(&mut out, entity, &rows[&id], &levels);
    Ok(out)
}

/// Runs a compiled query.
pub(crate) async fn run_statement(tx: &mut Tx, statement: &Statement) -> Result<Vec<Row>, DbError> {
    statement.fetch_rows(tx).await
}

/// Rows by their ids.
pub(crate) fn index_by_id(rows: Vec<StoredRow>) -> HashMap<i64, StoredRow> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}
