//! The answer of a search, sent in pages. All limits are checked before the first page, while an error can still be
//! answered. The statement of a search is run once. If it cannot read all rows at once, or only too many to keep them, the other
//! rows are loaded by their ids as they are written. Each page is read in its own snapshot, because a client that reads slowly
//! must not hold a database connection; rows that have been deleted meanwhile are left out.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use icat_client::schema::{Entity, FieldKind};
use service_kit::{BulkColumn, BulkRow, Db, DbError, Row, Tx};

use super::found_entities::{FoundEntities, MAX_ROWS_OF_ONLY_PAGE, MAX_ROWS_PER_PAGE, PAGE_BYTES};
use super::includes::{IncludeLoader, IncludedRows};
use super::rendered_rows::{RenderedRows, append_column};
use super::{QuerySettings, entity_json, find_included_ids, run_statement};
use crate::authorization::Rights;
use crate::error::{Error, OUT_OF_RANGE};
use crate::query::{Column, ColumnKind, Plan, SearchQuery, Statement, compile_search, parse_search};

/// Rows of the first page of several, so that it is sent early, if its rows have not been read yet.
const ROWS_OF_FIRST_PAGE: usize = 100;
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
            FoundRows::Entities(found) if found.is_one_page() => MAX_ROWS_OF_ONLY_PAGE,
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
        let from = self.next;
        if from > 0 && from >= self.len() {
            return Ok(None);
        }
        let mut snapshot = self.tx.take();
        let read = match &mut self.found {
            FoundRows::Entities(found) => found.pages.pop_front(),
            FoundRows::Text(_) | FoundRows::Values(_) => None,
        };
        let rows = read.as_ref().map_or(self.rows_per_page, |page| page.len);
        let to = (from + rows).min(self.len());
        // Also for an empty answer, so that the next call returns None.
        self.next = to.max(1);
        if let FoundRows::Text(text) = &mut self.found {
            return Ok(Some(std::mem::take(text)));
        }
        let mut out = String::from(if from == 0 { "[" } else { "" });
        match &self.found {
            FoundRows::Text(_) => {}
            FoundRows::Entities(FoundEntities { entity, ids, .. }) => {
                let (entity, ids) = (*entity, &ids[from..to]);
                let (rows, levels) = match read {
                    Some(page) if self.search.includes.is_empty() => (page.rows, Vec::new()),
                    read => self.load_page(&mut snapshot, entity, ids, read.map(|page| page.rows)).await?,
                };
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
                let tx = self.continue_snapshot(&mut snapshot).await?;
                append_tuples(&mut out, tx, &self.search.columns, &rows[from..to]).await?;
            }
        }
        if to == self.len() {
            out.push(']');
        }
        let bytes_per_row = (out.len() / (to - from).max(1)).max(1);
        self.rows_per_page = (PAGE_BYTES / bytes_per_row).clamp(1, MAX_ROWS_PER_PAGE);
        Ok(Some(out))
    }

    /// The snapshot, or a new one.
    async fn continue_snapshot<'t>(&self, snapshot: &'t mut Option<Tx>) -> Result<&'t mut Tx, DbError> {
        match snapshot {
            Some(tx) => Ok(tx),
            None => Ok(snapshot.insert(self.db.read().await?)),
        }
    }

    /// Loads the rows of a page, unless they have been read, and what they include.
    async fn load_page(
        &self,
        snapshot: &mut Option<Tx>,
        entity: &'static Entity,
        ids: &[Option<i64>],
        read: Option<RenderedRows>,
    ) -> Result<(RenderedRows, Vec<IncludedRows>), Error> {
        let (tx, includes) = (self.continue_snapshot(snapshot).await?, &self.search.includes);
        let rows = match read {
            Some(rows) => rows,
            None => {
                let wanted: Vec<i64> = ids.iter().copied().flatten().collect();
                RenderedRows::load(tx, entity, &wanted, includes).await?
            }
        };
        let environment = self.settings.new_environment(&self.rights, tx.engine());
        let mut loader = IncludeLoader::new(tx, &self.rights, environment, ids.len(), self.settings.max_entities);
        let levels = loader.load_includes(entity, &rows, includes).await?;
        Ok((rows, levels))
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
        let found = FoundEntities::find(tx, entity, &search.includes, statement).await?;
        check_count(found.ids.len())?;
        if !found.is_one_page() && found.ids.len() > MAX_ROWS_PER_PAGE && !search.includes.is_empty() {
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
    if statement.is_sorted || statement.row_limit.is_none_or(|limit| limit > MAX_ROWS_OF_ONLY_PAGE) {
        statement.visit_rows(tx, |row| visit(&row.into())).await?;
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
