//! Answering queries: compile, run, load what is included, and write ICAT's JSON.

mod include;
mod render;

use std::collections::HashMap;

use icat_client::schema::FieldKind;
use service_kit::{DbError, Engine, Row, Tx, Val};

use self::include::Loader;
use crate::auth::Rights;
use crate::config::Authorization;
use crate::error::Error;
use crate::query::{
    Access, ColumnKind, Env, Plan, Search, Statement, compile_filter, compile_search, parse_get, parse_search,
};
use crate::state::State;
use crate::store::entities::{self, StoredRow};
use crate::values;

/// The JSON of a search: an array with one element per row.
pub async fn search(state: &State, tx: &mut Tx, rights: &Rights, text: &str) -> Result<String, Error> {
    let search = parse_search(text, &state.parse)?;
    let limit = state.config.max_entities;
    let env = env(state, rights, tx.engine());
    let statement = match compile_search(&search, &|entity| rights.read(entity), &env)? {
        Plan::Empty => return Ok("[]".to_owned()),
        Plan::Zero => return Ok("[0]".to_owned()),
        Plan::Run(statement) => statement,
    };
    let rows = run(tx, &statement).await?;
    if rows.len() > limit as usize {
        return Err(Error::Validation(format!("attempt to process more than {limit} entities")));
    }
    if let [column] = search.columns.as_slice()
        && let ColumnKind::Entity(entity) = column.kind
    {
        let ids = rows.iter().map(|row| row.at(0)).collect::<Result<Vec<Option<i64>>, _>>()?;
        return entity_rows(state, tx, rights, entity, &search, &ids).await;
    }
    value_rows(tx, &search, &rows).await
}

/// The JSON of one row by its id.
pub async fn get(state: &State, tx: &mut Tx, rights: &Rights, text: &str, id: i64) -> Result<String, Error> {
    let get = parse_get(text)?;
    let entity = get.entity;
    let row = entities::by_id(tx, entity, id).await?.ok_or_else(|| Error::no_such(entity.name, id))?;
    let env = env(state, rights, tx.engine());
    let readable = match rights.read(entity) {
        Access::All => true,
        Access::None => false,
        Access::Rules(rules) => !run(tx, &compile_filter(entity, &rules, &[id], &env)).await?.is_empty(),
    };
    if !readable {
        return Err(Error::denied("READ", entity.name));
    }
    let rows = HashMap::from([(id, row)]);
    let mut loader = Loader::new(tx, rights, env, 1, state.config.max_entities);
    let levels = loader.load(entity, &rows, &get.includes).await?;
    let mut out = String::new();
    render::wrapped(&mut out, entity, &rows[&id], &levels);
    Ok(out)
}

pub(crate) fn env<'a>(state: &State, rights: &'a Rights, engine: Engine) -> Env<'a> {
    let now_micros = state.clock.now_micros();
    Env {
        user: &rights.user_name,
        now_micros,
        today_micros: values::start_of_day(now_micros, &state.parse.time_zone),
        engine,
        row_cap: u64::from(state.config.max_entities) + 1,
        strict: state.config.authorization == Authorization::Strict,
    }
}

async fn run(tx: &mut Tx, statement: &Statement) -> Result<Vec<Row>, DbError> {
    let vals: Vec<Val> = statement.params.iter().cloned().map(Val::from).collect();
    tx.all(&statement.sql, &vals).await
}

async fn entity_rows(
    state: &State,
    tx: &mut Tx,
    rights: &Rights,
    entity: &'static icat_client::schema::Entity,
    search: &Search,
    ids: &[Option<i64>],
) -> Result<String, Error> {
    let wanted: Vec<i64> = ids.iter().copied().flatten().collect();
    let rows = by_id(entities::by_ids(tx, entity, &wanted).await?);
    let env = env(state, rights, tx.engine());
    let mut loader = Loader::new(tx, rights, env, ids.len(), state.config.max_entities);
    let levels = loader.load(entity, &rows, &search.includes).await?;
    let mut out = String::from("[");
    for (n, id) in ids.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        match id.and_then(|id| rows.get(&id)) {
            Some(row) => render::wrapped(&mut out, entity, row, &levels),
            None => out.push_str("null"),
        }
    }
    out.push(']');
    Ok(out)
}

fn by_id(rows: Vec<StoredRow>) -> HashMap<i64, StoredRow> {
    rows.into_iter().map(|row| (row.id, row)).collect()
}

/// Attributes, aggregates, or several columns; an entity among several columns is written without what it includes.
async fn value_rows(tx: &mut Tx, search: &Search, rows: &[Row]) -> Result<String, Error> {
    let mut columns = Vec::with_capacity(search.columns.len());
    for (place, column) in search.columns.iter().enumerate() {
        let ColumnKind::Entity(entity) = column.kind else {
            columns.push(HashMap::new());
            continue;
        };
        let ids: Vec<Option<i64>> = rows.iter().map(|row| row.at(place)).collect::<Result<_, _>>()?;
        let ids: Vec<i64> = ids.into_iter().flatten().collect();
        columns.push(by_id(entities::by_ids(tx, entity, &ids).await?));
    }
    let mut out = String::from("[");
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        let several = search.columns.len() > 1;
        if several {
            out.push('[');
        }
        for (place, column) in search.columns.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            value(&mut out, &column.kind, row, place, &columns[place])?;
        }
        if several {
            out.push(']');
        }
    }
    out.push(']');
    Ok(out)
}

fn value(
    out: &mut String,
    kind: &ColumnKind,
    row: &Row,
    place: usize,
    loaded: &HashMap<i64, StoredRow>,
) -> Result<(), DbError> {
    let integer = || row.at(place).map(Val::I64);
    let (kind, val) = match kind {
        ColumnKind::Entity(entity) => {
            match row.at::<Option<i64>>(place)?.and_then(|id| loaded.get(&id)) {
                Some(stored) => render::wrapped(out, entity, stored, &[]),
                None => out.push_str("null"),
            }
            return Ok(());
        }
        ColumnKind::I64 => (FieldKind::Long, integer()?),
        ColumnKind::F64 => (FieldKind::Double, Val::F64(row.at(place)?)),
        ColumnKind::Text => (FieldKind::String, Val::Text(row.at(place)?)),
        ColumnKind::Bool => (FieldKind::Boolean, integer()?),
        ColumnKind::Date => (FieldKind::Date, integer()?),
        ColumnKind::Enum(def) => (FieldKind::Enum(def), integer()?),
    };
    // A boolean column beyond a LEFT JOIN may be NULL although the attribute never is.
    if val == Val::I64(None) || values::write_json(out, kind, &val).is_none() {
        out.push_str("null");
    }
    Ok(())
}
