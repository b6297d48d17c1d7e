//! `GET /port`: exports what the user may read of the catalogue, or the result of a query with its includes. Pages are read,
//! written and sent one after the other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use icat_client::schema::{self, Entity};
use serde::Deserialize;
use service_kit::Tx;
use tokio::sync::OwnedSemaphorePermit;

use super::{Attributes, renderer};
use crate::authorization::Rights;
use crate::error::Error;
use crate::query::{Access, ColumnKind, Plan, compile_filter, compile_search, parse_search};
use crate::search::{self, QuerySettings};
use crate::store::entities::{self, StoredRow, value_index};

/// A page is sent when it has as many bytes.
const MIN_PAGE_BYTES: usize = 64 * 1024;
/// Rows that are read at once.
const ROWS_PER_PAGE: usize = 500;

/// The `json` of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportRequest {
    pub session_id: Option<String>,
    pub query: Option<String>,
    attributes: Option<String>,
}

impl ExportRequest {
    pub fn parse_json(text: &str) -> Result<Self, Error> {
        super::parse_request(text)
    }

    pub fn parse_attributes(&self) -> Result<Attributes, Error> {
        let refused = || Error::BadParameter("attributes must be USER or ALL".to_owned());
        Attributes::parse_name(self.attributes.as_deref()).ok_or_else(refused)
    }
}

/// The rows of one entity type that are still to be written.
enum PendingRows {
    /// All readable rows with a greater id.
    After(i64),
    /// These rows.
    Ids(Vec<i64>),
}

struct Export {
    queries: Arc<QuerySettings>,
    rights: Rights,
    tx: Tx,
    attributes: Attributes,
    /// Entity types still to be written, the next one last.
    kinds: Vec<(&'static Entity, PendingRows)>,
    /// Text to be sent before the next page.
    pending: String,
    begun: bool,
    /// Rendered keys of referenced rows.
    keys: HashMap<(&'static str, i64), String>,
    /// Limits concurrent exports; held until the end.
    _slot: OwnedSemaphorePermit,
}

/// When more keys are cached, the cache is cleared.
const MAX_CACHED_KEYS: usize = 100_000;

/// Streams a dump; `None` if the query finds nothing or selects no entities.
pub async fn stream_export(
    queries: Arc<QuerySettings>,
    mut tx: Tx,
    rights: Rights,
    query: Option<&str>,
    attributes: Attributes,
    slot: OwnedSemaphorePermit,
) -> Result<Option<impl Stream<Item = Result<Bytes, Error>> + use<>>, Error> {
    let mut kinds: Vec<(&'static Entity, PendingRows)> = match query {
        None => schema::all_entities().iter().map(|entity| (entity, PendingRows::After(0))).collect(),
        Some(query) => {
            let found = find_selected_ids(&queries, &mut tx, &rights, query).await?;
            let mut ids = found.into_iter().collect::<HashMap<_, _>>();
            let kinds = schema::all_entities().iter().filter_map(|entity| Some((entity, ids.remove(entity.name)?)));
            let sorted = |ids: HashSet<i64>| {
                let mut ids: Vec<i64> = ids.into_iter().collect();
                ids.sort_unstable_by(|a, b| b.cmp(a));
                ids
            };
            kinds.map(|(entity, ids)| (entity, PendingRows::Ids(sorted(ids)))).collect()
        }
    };
    if kinds.is_empty() {
        return Ok(None);
    }
    kinds.reverse();
    let pending = renderer::render_preamble(&rights.user_name);
    let export =
        Export { queries, rights, tx, attributes, kinds, pending, begun: false, keys: HashMap::new(), _slot: slot };
    Ok(Some(stream::try_unfold(export, |mut export| async move {
        // The answer has begun, so the connection is closed; the cause is only in the log.
        let page =
            export.next_page().await.inspect_err(|e| tracing::error!(error = %e, "export failed while it was sent"))?;
        Ok((!page.is_empty()).then(|| (Bytes::from(page), export)))
    })))
}

/// The ids of the entities that a query selects and includes, by entity type.
async fn find_selected_ids(
    queries: &QuerySettings,
    tx: &mut Tx,
    rights: &Rights,
    query: &str,
) -> Result<HashMap<&'static str, HashSet<i64>>, Error> {
    let parsed = parse_search(query, &queries.parse)?;
    let mut found: HashMap<&'static str, HashSet<i64>> = HashMap::new();
    let [column] = parsed.columns.as_slice() else { return Ok(found) };
    let ColumnKind::Entity(entity) = column.kind else { return Ok(found) };
    let env = crate::query::QueryEnvironment { row_cap: u64::MAX, ..queries.new_environment(rights, tx.engine()) };
    let Plan::Run(statement) = compile_search(&parsed, &|entity| rights.read_access(entity), &env)? else {
        return Ok(found);
    };
    let rows = search::run_statement(tx, &statement).await?;
    let ids = rows.iter().map(|row| row.get_at(0)).collect::<Result<Vec<Option<i64>>, _>>()?;
    let ids: Vec<i64> = ids.into_iter().flatten().collect();
    for ids in ids.chunks(ROWS_PER_PAGE) {
        for (target, ids) in
            search::find_included_ids(tx, rights, env, (entity, ids), &parsed.includes, u32::MAX).await?
        {
            found.entry(target.name).or_default().extend(ids);
        }
        found.entry(entity.name).or_default().extend(ids);
    }
    Ok(found)
}

impl Export {
    /// Renders the next page; empty at the end.
    async fn next_page(&mut self) -> Result<String, Error> {
        let mut out = std::mem::take(&mut self.pending);
        while out.is_empty() || out.len() < MIN_PAGE_BYTES {
            let Some((entity, rows)) = self.kinds.last_mut() else { return Ok(out) };
            let entity: &'static Entity = entity;
            let ids = match rows {
                PendingRows::After(after) => {
                    let ids = entities::list_ids_after(&mut self.tx, entity, *after, ROWS_PER_PAGE).await?;
                    *after = ids.last().copied().unwrap_or(*after);
                    ids
                }
                PendingRows::Ids(ids) => ids.split_off(ids.len().saturating_sub(ROWS_PER_PAGE)),
            };
            if ids.is_empty() {
                self.kinds.pop();
                self.begun = false;
                continue;
            }
            let readable = self.readable_ids(entity, ids).await?;
            let mut stored = entities::find_by_ids(&mut self.tx, entity, &readable).await?;
            // Entity types without rows have no header, as in icat.server.
            if !self.begun && !stored.is_empty() {
                out.push('\n');
                out.push_str(&renderer::render_header(entity, self.attributes));
                out.push('\n');
                self.begun = true;
            }
            stored.sort_unstable_by_key(|row| row.id);
            self.write_rows(&mut out, entity, &stored).await?;
        }
        Ok(out)
    }

    /// Filters ids by rights; the result of a query has been checked already.
    async fn readable_ids(&mut self, entity: &'static Entity, ids: Vec<i64>) -> Result<Vec<i64>, Error> {
        if matches!(self.kinds.last(), Some((_, PendingRows::Ids(_)))) {
            Ok(ids)
        } else {
            self.filter_readable(entity, ids).await
        }
    }

    async fn filter_readable(&mut self, entity: &'static Entity, ids: Vec<i64>) -> Result<Vec<i64>, Error> {
        let env = self.queries.new_environment(&self.rights, self.tx.engine());
        match self.rights.read_access(entity) {
            Access::All => Ok(ids),
            Access::None => Ok(Vec::new()),
            Access::Rules(rules) => {
                let rows = search::run_statement(&mut self.tx, &compile_filter(entity, &rules, &ids, &env)).await?;
                Ok(rows.iter().map(|row| row.get_at(0)).collect::<Result<_, _>>()?)
            }
        }
    }

    async fn write_rows(&mut self, out: &mut String, entity: &'static Entity, rows: &[StoredRow]) -> Result<(), Error> {
        if self.keys.len() > MAX_CACHED_KEYS {
            self.keys.clear();
        }
        for one in entity.one {
            let at = value_index(entity, one.name).unwrap_or_default();
            let ids = rows.iter().filter_map(|row| search::to_one_key(row, at)).collect();
            self.load_keys(one.target(), ids).await?;
        }
        for row in rows {
            renderer::append_row(out, entity, row, self.attributes, &|target, id| {
                self.keys.get(&(target.name, id)).cloned()
            });
        }
        Ok(())
    }

    /// Loads the keys of rows, and before them those of the rows that the keys refer to. A row that the user may not read has
    /// no key: references to it are written as NULL.
    async fn load_keys(&mut self, entity: &'static Entity, ids: HashSet<i64>) -> Result<(), Error> {
        let mut waiting: Vec<(&'static Entity, Vec<StoredRow>)> = Vec::new();
        let mut wanted: Vec<(&'static Entity, HashSet<i64>)> = vec![(entity, ids)];
        while let Some((entity, mut ids)) = wanted.pop() {
            ids.retain(|id| !self.keys.contains_key(&(entity.name, *id)));
            if entity.unique.is_empty() {
                self.keys.extend(ids.into_iter().map(|id| ((entity.name, id), renderer::render_row_name(id))));
                continue;
            }
            let ids = self.filter_readable(entity, ids.into_iter().collect()).await?;
            let rows = entities::find_by_ids(&mut self.tx, entity, &ids).await?;
            for one in entity.unique.iter().filter_map(|name| entity.find_to_one(name)) {
                let at = value_index(entity, one.name).unwrap_or_default();
                wanted.push((one.target(), rows.iter().filter_map(|row| search::to_one_key(row, at)).collect()));
            }
            waiting.push((entity, rows));
        }
        // The list is processed backwards: what a key refers to was added after it.
        while let Some((entity, rows)) = waiting.pop() {
            for row in rows {
                let parts = renderer::key_members(entity).into_iter().map(|name| {
                    match (entity.find_to_one(name), entity.find_field(name)) {
                        (Some(one), _) => {
                            let id = value_index(entity, name)
                                .and_then(|at| search::to_one_key(&row, at))
                                .unwrap_or_default();
                            self.keys.get(&(one.target, id)).cloned().unwrap_or_else(|| "NULL".to_owned())
                        }
                        (None, Some(field)) => renderer::render_field(entity, &row, field),
                        (None, None) => "NULL".to_owned(),
                    }
                });
                let text = parts.collect::<Vec<_>>().join(",");
                self.keys.insert((entity.name, row.id), text);
            }
        }
        Ok(())
    }
}
