//! The answer of a search, sent in pages. All limits are checked before the first page, while an error can still be
//! answered; rows are loaded as they are written. Each page is read in its own snapshot, because a client that reads slowly
//! must not hold a database connection; rows that have been deleted meanwhile are left out.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use icat_client::schema::{Entity, FieldKind};
use service_kit::{BulkColumn, BulkRow, Db, DbError, Row, Tx};

use super::includes::IncludeLoader;
use super::rendered_rows::{RenderedRows, append_column};
use super::{QuerySettings, entity_json, find_included_ids, run_statement, visit_statement};
use crate::authorization::Rights;
use crate::error::{Error, OUT_OF_RANGE};
use crate::query::{Column, ColumnKind, Include, Plan, SearchQuery, Statement, compile_search, parse_search};
use crate::store::rows::{find_row_limit, has_order, row_column_kinds, select_whole_rows};

/// Rows that are loaded and written at once, at most.
const MAX_ROWS_PER_PAGE: usize = 500;
/// Rows that the statement of a search reads at once. If there are more, it is run again for their ids alone.
const MAX_ROWS_AT_ONCE: usize = 1000;
/// Rows of the first page of several, so that it is sent early.
const ROWS_OF_FIRST_PAGE: usize = 100;
/// Bytes that the following pages should have.
const PAGE_BYTES: usize = 256 * 1024;
/// Bytes that are passed on at once.
pub const PIECE_BYTES: usize = 64 * 1024;

/// The rows of a search, and how far they have been written.
pub struct SearchResult {
    db: Db,
    settings: Arc<QuerySettings>,
    /// The snapshot of the search, used for the first page.
    tx: Option<Tx>,
    rights: Rights,
    search: SearchQuery,
    found: FoundRows,
    next: usize,
    rows_per_page: usize,
    /// Whether an element has been written, so that the next needs a comma.
    written: bool,
}

enum FoundRows {
    /// The whole answer.
    Text(String),
    Entities(FoundEntities),
    /// Several columns, at least one of which is an entity.
    Values(Vec<Row>),
}

struct FoundEntities {
    entity: &'static Entity,
    /// `None` where a LEFT JOIN yields no row.
    ids: Vec<Option<i64>>,
    /// The rows, if the statement of the search has read all of them.
    rows: Option<RenderedRows>,
}

impl SearchResult {
    /// Runs the search and checks that the answer has not too many entities, including included ones.
    pub async fn find(
        db: Db,
        settings: Arc<QuerySettings>,
        mut tx: Tx,
        rights: Rights,
        text: &str,
    ) -> Result<Self, Error> {
        let search = parse_search(text, &settings.parse)?;
        let environment = settings.new_environment(&rights, tx.engine());
        let found = match compile_search(&search, &|entity| rights.read_access(entity), &environment)? {
            Plan::Empty => FoundRows::Text("[]".to_owned()),
            Plan::Zero => FoundRows::Text("[0]".to_owned()),
            Plan::Run(statement) => find_rows(&mut tx, &settings, &rights, &search, &statement).await?,
        };
        let mut result =
            Self { db, settings, tx: Some(tx), rights, search, found, next: 0, rows_per_page: 0, written: false };
        result.rows_per_page = match &result.found {
            FoundRows::Entities(FoundEntities { rows: Some(_), .. }) => MAX_ROWS_AT_ONCE,
            _ if result.len() <= MAX_ROWS_PER_PAGE => MAX_ROWS_PER_PAGE,
            _ => ROWS_OF_FIRST_PAGE,
        };
        Ok(result)
    }

    fn len(&self) -> usize {
        match &self.found {
            FoundRows::Text(_) => 0,
            FoundRows::Entities(found) => found.ids.len(),
            FoundRows::Values(rows) => rows.len(),
        }
    }

    /// Whether one page holds the whole answer.
    pub fn is_short(&self) -> bool {
        self.len() <= self.rows_per_page
    }

    /// Renders the whole answer.
    pub async fn into_text(mut self) -> Result<String, Error> {
        let mut text = self.next_page().await?.unwrap_or_default();
        while let Some(page) = self.next_page().await? {
            text.push_str(&page);
        }
        Ok(text)
    }

    /// Streams the answer in pieces. If it fails midway, the connection is closed and the JSON is incomplete.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> {
        stream::try_unfold((self, Bytes::new()), |(mut rows, mut page)| async move {
            if page.is_empty() {
                let next = rows.next_page().await;
                match next.inspect_err(|e| tracing::error!(error = %e, "search failed while its answer was sent"))? {
                    Some(next) => page = Bytes::from(next),
                    None => return Ok(None),
                }
            }
            let piece = page.split_to(page.len().min(PIECE_BYTES));
            Ok(Some((piece, (rows, page))))
        })
    }

    /// Renders the next rows; `None` after the last.
    async fn next_page(&mut self) -> Result<Option<String>, Error> {
        let (from, to) = (self.next, (self.next + self.rows_per_page).min(self.len()));
        if self.next > 0 && from >= self.len() {
            return Ok(None);
        }
        // Also for an empty answer, so that the next call returns None.
        self.next = to.max(1);
        if let FoundRows::Text(text) = &mut self.found {
            return Ok(Some(std::mem::take(text)));
        }
        let mut out = String::from(if from == 0 { "[" } else { "" });
        let mut tx = match self.tx.take() {
            Some(tx) => tx,
            None => self.db.read().await?,
        };
        match &mut self.found {
            FoundRows::Text(_) => {}
            FoundRows::Entities(FoundEntities { entity, ids, rows }) => {
                let (entity, ids) = (*entity, &ids[from..to]);
                let includes = &self.search.includes;
                let rows = match rows.take() {
                    Some(rows) => rows,
                    None => {
                        let wanted: Vec<i64> = ids.iter().copied().flatten().collect();
                        RenderedRows::load(&mut tx, entity, &wanted, includes).await?
                    }
                };
                let environment = self.settings.new_environment(&self.rights, tx.engine());
                let limit = self.settings.max_entities;
                let mut loader = IncludeLoader::new(&mut tx, &self.rights, environment, ids.len(), limit);
                let levels = loader.load_includes(entity, &rows, includes).await?;
                for id in ids {
                    let index = id.map(|id| rows.find(id));
                    if index == Some(None) {
                        continue;
                    }
                    if std::mem::replace(&mut self.written, true) {
                        out.push(',');
                    }
                    match index.flatten() {
                        Some(index) => entity_json::append_entity(&mut out, entity, (&rows, index), &levels),
                        None => out.push_str("null"),
                    }
                }
            }
            FoundRows::Values(rows) => {
                if std::mem::replace(&mut self.written, from < to) {
                    out.push(',');
                }
                append_tuples(&mut out, &mut tx, &self.search.columns, &rows[from..to]).await?;
            }
        }
        if to == self.len() {
            out.push(']');
        }
        let bytes_per_row = (out.len() / (to - from).max(1)).max(1);
        self.rows_per_page = (PAGE_BYTES / bytes_per_row).clamp(1, MAX_ROWS_PER_PAGE);
        Ok(Some(out))
    }
}

/// Runs the statement of a search.
async fn find_rows(
    tx: &mut Tx,
    settings: &QuerySettings,
    rights: &Rights,
    search: &SearchQuery,
    statement: &Statement,
) -> Result<FoundRows, Error> {
    let limit = settings.max_entities;
    let check_count = |rows: usize| {
        let text = || format!("attempt to process more than {limit} entities");
        if rows > limit as usize { Err(Error::Validation(text())) } else { Ok(()) }
    };
    if let [Column { kind: ColumnKind::Entity(entity), .. }] = search.columns.as_slice() {
        let found = find_entities(tx, entity, &search.includes, statement).await?;
        check_count(found.ids.len())?;
        if found.rows.is_none() && found.ids.len() > MAX_ROWS_PER_PAGE && !search.includes.is_empty() {
            let environment = settings.new_environment(rights, tx.engine());
            let ids: Vec<i64> = found.ids.iter().copied().flatten().collect();
            find_included_ids(tx, rights, environment, (entity, &ids), &search.includes, limit).await?;
        }
        return Ok(FoundRows::Entities(found));
    }
    if search.columns.iter().any(|column| matches!(column.kind, ColumnKind::Entity(_))) {
        let rows = run_statement(tx, statement).await?;
        check_count(rows.len())?;
        for row in &rows {
            refuse_infinite(&row.into(), &search.columns)?;
        }
        return Ok(FoundRows::Values(rows));
    }
    let (mut text, mut rows, mut valid) = (String::from("["), 0, Ok(()));
    let mut visit = |row: &BulkRow<'_>| {
        if rows > 0 {
            text.push(',');
        }
        rows += 1;
        if valid.is_ok() {
            valid = refuse_infinite(row, &search.columns);
        }
        append_tuple(&mut text, &search.columns, row, &[])
    };
    if has_order(&statement.sql)
        || find_row_limit(&statement.sql, &statement.params).is_none_or(|limit| limit > MAX_ROWS_AT_ONCE)
    {
        visit_statement(tx, statement, |row| visit(&row.into())).await?;
    } else {
        let kinds: Vec<BulkColumn> = search.columns.iter().map(|column| to_bulk_column(column.kind)).collect();
        tx.visit_bulk(&statement.sql, &kinds, &statement.list_values(), visit).await?;
    }
    check_count(rows)?;
    valid?;
    text.push(']');
    Ok(FoundRows::Text(text))
}

fn to_bulk_column(kind: ColumnKind) -> BulkColumn {
    match kind {
        ColumnKind::F64 => BulkColumn::Real,
        ColumnKind::Text => BulkColumn::Text,
        ColumnKind::Entity(_) | ColumnKind::I64 | ColumnKind::Bool | ColumnKind::Date | ColumnKind::Enum(_) => {
            BulkColumn::Integer
        }
    }
}

/// Runs the statement of a search that selects the ids of rows. If it can, it reads whole rows, unless there are many.
async fn find_entities(
    tx: &mut Tx,
    entity: &'static Entity,
    includes: &[Include],
    statement: &Statement,
) -> Result<FoundEntities, DbError> {
    let mut ids: Vec<Option<i64>> = Vec::new();
    let vals = statement.list_values();
    if let Some(sql) = select_whole_rows(&statement.sql, entity, MAX_ROWS_AT_ONCE + 1) {
        let mut rows = RenderedRows::new(entity, includes);
        let visit = |row: &BulkRow<'_>| {
            let id = row.get_integer(0)?;
            ids.push(id);
            if id.is_some() { rows.push(row) } else { Ok(()) }
        };
        tx.visit_bulk(&sql, &row_column_kinds(entity), &vals, visit).await?;
        if ids.len() <= MAX_ROWS_AT_ONCE {
            rows.sort();
            return Ok(FoundEntities { entity, ids, rows: Some(rows) });
        }
        ids.clear();
    }
    let mut visit = |row: &BulkRow<'_>| {
        ids.push(row.get_integer(0)?);
        Ok::<_, DbError>(())
    };
    if has_order(&statement.sql) {
        visit_statement(tx, statement, |row| visit(&row.into())).await?;
    } else {
        tx.visit_bulk(&statement.sql, &[BulkColumn::Integer], &vals, visit).await?;
    }
    Ok(FoundEntities { entity, ids, rows: None })
}

/// `SQLite` yields infinite numbers where `PostgreSQL` reports an error.
fn refuse_infinite(row: &BulkRow<'_>, columns: &[Column]) -> Result<(), Error> {
    for (place, _) in columns.iter().enumerate().filter(|(_, column)| column.kind == ColumnKind::F64) {
        if row.get_real(place)?.is_some_and(|number| !number.is_finite()) {
            return Err(Error::BadParameter(OUT_OF_RANGE.to_owned()));
        }
    }
    Ok(())
}

/// Appends rows of several columns. An entity among several columns has no includes.
async fn append_tuples(out: &mut String, tx: &mut Tx, columns: &[Column], rows: &[Row]) -> Result<(), Error> {
    let mut entities = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let ColumnKind::Entity(entity) = column.kind else {
            entities.push(None);
            continue;
        };
        let ids: Vec<Option<i64>> = rows.iter().map(|row| row.get_at(place)).collect::<Result<_, _>>()?;
        let ids: Vec<i64> = ids.into_iter().flatten().collect();
        entities.push(Some(RenderedRows::load(tx, entity, &ids, &[]).await?));
    }
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        append_tuple(out, columns, &row.into(), &entities)?;
    }
    Ok(())
}

/// Appends a value, or an array of several. `entities`: the rows of the columns that are entities.
fn append_tuple(
    out: &mut String,
    columns: &[Column],
    row: &BulkRow<'_>,
    entities: &[Option<RenderedRows>],
) -> Result<(), DbError> {
    let several = columns.len() > 1;
    if several {
        out.push('[');
    }
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        let kind = match column.kind {
            ColumnKind::Entity(entity) => {
                let id = row.get_integer(place)?;
                let rows = entities.get(place).and_then(Option::as_ref);
                match rows.and_then(|rows| Some((rows, rows.find(id?)?))) {
                    Some(found) => entity_json::append_entity(out, entity, found, &[]),
                    None => out.push_str("null"),
                }
                continue;
            }
            ColumnKind::I64 => FieldKind::Long,
            ColumnKind::F64 => FieldKind::Double,
            ColumnKind::Text => FieldKind::String,
            ColumnKind::Bool => FieldKind::Boolean,
            ColumnKind::Date => FieldKind::Date,
            ColumnKind::Enum(def) => FieldKind::Enum(def),
        };
        if !append_column(out, kind, row, place)? {
            out.push_str("null");
        }
    }
    if several {
        out.push(']');
    }
    Ok(())
}
