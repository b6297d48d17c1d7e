//! Answering queries: compile, run, load what is included, and write ICAT's JSON.

mod include;
mod render;
mod search;

use std::collections::HashMap;

use service_kit::{DbError, Engine, Row, Tx, Val};

pub(crate) use self::include::{IncludeLoader, IncludedRows, to_one_key};
pub use self::search::SearchResult;
use crate::auth::Rights;
use crate::config::Strictness;
use crate::error::Error;
use crate::query::{Access, QueryEnvironment, Statement, compile_filter, parse_get};
use crate::state::State;
use crate::store::entities::{self, StoredRow};
use crate::values;

/// The JSON of one row by its id.
pub async fn render_entity_by_id(
    state: &State,
    tx: &mut Tx,
    rights: &Rights,
    text: &str,
    id: i64,
) -> Result<String, Error> {
    let get = parse_get(text)?;
    let entity = get.entity;
    let row = entities::get_by_id(tx, entity, id).await?.ok_or_else(|| Error::entity_not_found(entity.name, id))?;
    let env = build_environment(state, rights, tx.engine());
    let readable = match rights.read_access(entity) {
        Access::All => true,
        Access::None => false,
        Access::Rules(rules) => !run_statement(tx, &compile_filter(entity, &rules, &[id], &env)).await?.is_empty(),
    };
    if !readable {
        return Err(Error::access_denied("READ", entity.name));
    }
    let rows = HashMap::from([(id, row)]);
    let mut loader = IncludeLoader::new(tx, rights, env, 1, state.config.max_entities);
    let levels = loader.load_includes(entity, &rows, &get.includes).await?;
    let mut out = String::new();
    render::append_entity(&mut out, entity, &rows[&id], &levels);
    Ok(out)
}

pub(crate) fn build_environment<'a>(state: &State, rights: &'a Rights, engine: Engine) -> QueryEnvironment<'a> {
    let now_micros = state.clock.now_micros();
    QueryEnvironment {
        user: &rights.user_name,
        now_micros,
        today_micros: values::start_of_day(now_micros, &state.parse.time_zone),
        engine,
        row_cap: u64::from(state.config.max_entities) + 1,
        strict: state.config.authorization.conditions == Strictness::Strict,
    }
}

pub(crate) async fn run_statement(tx: &mut Tx, statement: &Statement) -> Result<Vec<Row>, DbError> {
    let vals: Vec<Val> = statement.params.iter().cloned().map(Val::from).collect();
    tx.fetch_all(&statement.sql, &vals).await
}

pub(crate) fn index_by_id(rows: Vec<StoredRow>) -> HashMap<i64, StoredRow> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}
