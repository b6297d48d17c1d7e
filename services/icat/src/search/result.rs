//! The answer of a search, sent in pages. All limits are checked before the first page, while an error can still be
//! answered; rows are loaded as they are written. Each page is read in its own snapshot, because a client that reads slowly
//! must not hold a database connection; rows that have been deleted meanwhile are left out.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use icat_client::schema::{Entity, FieldKind};
use service_kit::{Db, DbError, Row, Tx, Val};

use super::includes::{IncludeLoader, check_included_count};
use super::{QuerySettings, entity_json, index_by_id, run_statement};
use crate::authorization::Rights;
use crate::domain::values;
use crate::error::{Error, OUT_OF_RANGE};
use crate::query::{Column, ColumnKind, Plan, SearchQuery, compile_search, parse_search};
use crate::store::entities::{self, StoredRow};

/// Rows that are loaded and written at once.
const ROWS_PER_PAGE: usize = 500;

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
    /// Whether an element has been written, so that the next needs a comma.
    written: bool,
}

enum FoundRows {
    /// A constant answer.
    Text(&'static str),
    Entities(&'static Entity, Vec<Option<i64>>),
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
        let limit = settings.max_entities;
        let environment = settings.new_environment(&rights, tx.engine());
        let found = match compile_search(&search, &|entity| rights.read_access(entity), &environment)? {
            Plan::Empty => FoundRows::Text("[]"),
            Plan::Zero => FoundRows::Text("[0]"),
            Plan::Run(statement) => {
                let rows = run_statement(&mut tx, &statement).await?;
                if rows.len() > limit as usize {
                    return Err(Error::Validation(format!("attempt to process more than {limit} entities")));
                }
                match search.columns.as_slice() {
                    [column] if let ColumnKind::Entity(entity) = column.kind => {
                        let ids = rows.iter().map(|row| row.get_at(0)).collect::<Result<Vec<Option<i64>>, _>>()?;
                        if ids.len() > ROWS_PER_PAGE && !search.includes.is_empty() {
                            let ids: Vec<i64> = ids.iter().copied().flatten().collect();
                            check_included_count(
                                &mut tx,
                                &rights,
                                environment,
                                (entity, &ids),
                                &search.includes,
                                limit,
                            )
                            .await?;
                        }
                        FoundRows::Entities(entity, ids)
                    }
                    columns => {
                        refuse_infinite(&rows, columns)?;
                        FoundRows::Values(rows)
                    }
                }
            }
        };
        Ok(Self { db, settings, tx: Some(tx), rights, search, found, next: 0, written: false })
    }

    fn len(&self) -> usize {
        match &self.found {
            FoundRows::Text(_) => 0,
            FoundRows::Entities(_, ids) => ids.len(),
            FoundRows::Values(rows) => rows.len(),
        }
    }

    /// Whether one page holds the whole answer.
    pub fn is_short(&self) -> bool {
        self.len() <= ROWS_PER_PAGE
    }

    /// Renders the whole answer.
    pub async fn into_text(mut self) -> Result<String, Error> {
        let mut text = String::new();
        while let Some(page) = self.next_page().await? {
            text.push_str(&page);
        }
        Ok(text)
    }

    /// Streams the answer. If it fails midway, the connection is closed and the JSON is incomplete.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> {
        stream::try_unfold(self, |mut rows| async move {
            let piece = rows
                .next_page()
                .await
                .inspect_err(|e| tracing::error!(error = %e, "search failed while its answer was sent"))?;
            Ok(piece.map(|piece| (Bytes::from(piece), rows)))
        })
    }

    /// Renders the next rows; `None` after the last.
    async fn next_page(&mut self) -> Result<Option<String>, Error> {
        let (from, to) = (self.next, (self.next + ROWS_PER_PAGE).min(self.len()));
        if self.next > 0 && from >= self.len() {
            return Ok(None);
        }
        // Also for an empty answer, so that the next call returns None.
        self.next = to.max(1);
        let mut out = String::from(if from == 0 { "[" } else { "" });
        let mut tx = match self.tx.take() {
            Some(tx) => tx,
            None => self.db.read().await?,
        };
        match &self.found {
            FoundRows::Text(text) => out = (*text).to_owned(),
            FoundRows::Entities(entity, ids) => {
                let (entity, ids) = (*entity, &ids[from..to]);
                let environment = self.settings.new_environment(&self.rights, tx.engine());
                let wanted: Vec<i64> = ids.iter().copied().flatten().collect();
                let rows = index_by_id(entities::find_by_ids(&mut tx, entity, &wanted).await?);
                let limit = self.settings.max_entities;
                let mut loader = IncludeLoader::new(&mut tx, &self.rights, environment, ids.len(), limit);
                let levels = loader.load_includes(entity, &rows, &self.search.includes).await?;
                for id in ids {
                    let row = id.map(|id| rows.get(&id));
                    let Some(shown) = row.map_or(Some(None), |row| row.map(Some)) else { continue };
                    if std::mem::replace(&mut self.written, true) {
                        out.push(',');
                    }
                    match shown {
                        Some(row) => entity_json::append_entity(&mut out, entity, row, &levels),
                        // A LEFT JOIN may yield no row.
                        None => out.push_str("null"),
                    }
                }
            }
            FoundRows::Values(rows) => {
                if std::mem::replace(&mut self.written, from < to) {
                    out.push(',');
                }
                append_values(&mut out, &mut tx, &self.search, &rows[from..to]).await?;
            }
        }
        if to == self.len() && !matches!(self.found, FoundRows::Text(_)) {
            out.push(']');
        }
        Ok(Some(out))
    }
}

/// `SQLite` yields infinite numbers where `PostgreSQL` reports an error.
fn refuse_infinite(rows: &[Row], columns: &[Column]) -> Result<(), Error> {
    for (place, _) in columns.iter().enumerate().filter(|(_, column)| column.kind == ColumnKind::F64) {
        for row in rows {
            if row.get_at::<Option<f64>>(place)?.is_some_and(|number| !number.is_finite()) {
                return Err(Error::BadParameter(OUT_OF_RANGE.to_owned()));
            }
        }
    }
    Ok(())
}

/// Appends rows of attributes, aggregates or several columns. An entity among several columns has no includes.
async fn append_values(out: &mut String, tx: &mut Tx, search: &SearchQuery, rows: &[Row]) -> Result<(), Error> {
    let mut columns = Vec::with_capacity(search.columns.len());
    for (place, column) in search.columns.iter().enumerate() {
        let ColumnKind::Entity(entity) = column.kind else {
            columns.push(HashMap::new());
            continue;
        };
        let ids: Vec<Option<i64>> = rows.iter().map(|row| row.get_at(place)).collect::<Result<_, _>>()?;
        let ids: Vec<i64> = ids.into_iter().flatten().collect();
        columns.push(index_by_id(entities::find_by_ids(tx, entity, &ids).await?));
    }
    let several = search.columns.len() > 1;
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        if several {
            out.push('[');
        }
        for (place, column) in search.columns.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            append_value(out, &column.kind, row, place, &columns[place])?;
        }
        if several {
            out.push(']');
        }
    }
    Ok(())
}

fn append_value(
    out: &mut String,
    kind: &ColumnKind,
    row: &Row,
    place: usize,
    loaded: &HashMap<i64, StoredRow>,
) -> Result<(), DbError> {
    let integer = || row.get_at(place).map(Val::I64);
    let (kind, val) = match kind {
        ColumnKind::Entity(entity) => {
            match row.get_at::<Option<i64>>(place)?.and_then(|id| loaded.get(&id)) {
                Some(stored) => entity_json::append_entity(out, entity, stored, &[]),
                None => out.push_str("null"),
            }
            return Ok(());
        }
        ColumnKind::I64 => (FieldKind::Long, integer()?),
        ColumnKind::F64 => (FieldKind::Double, Val::F64(row.get_at(place)?)),
        ColumnKind::Text => (FieldKind::String, Val::Text(row.get_at(place)?)),
        ColumnKind::Bool => (FieldKind::Boolean, integer()?),
        ColumnKind::Date => (FieldKind::Date, integer()?),
        ColumnKind::Enum(def) => (FieldKind::Enum(def), integer()?),
    };
    // After a LEFT JOIN a boolean column may be NULL, although the attribute never is.
    if val == Val::I64(None) || values::append_json_value(out, kind, &val).is_none() {
        out.push_str("null");
    }
    Ok(())
}
