//! `POST /port`: imports all lines of a dump or none. Differences from icat.server, which stores each line by itself: an
//! import that fails leaves nothing; a row without a unique key that is already stored with the same parts is not stored
//! again.

use std::collections::HashMap;
use std::sync::Arc;

use events::Outbox;
use serde::Deserialize;
use service_kit::Db;

use super::Attributes;
use super::batch_writer::{BatchWriter, ImportState};
use super::parser::{Column, Header, Reference};
use super::upload::{Line, Upload};
use crate::authorization::RuleCache;
use crate::error::Error;
use crate::mutations::Permissions;
use crate::search::QuerySettings;
use crate::store::Author;
use crate::unkeyed_rows::part_relations;

/// Lines that are stored at once.
const LINES_PER_BATCH: usize = 500;

/// What to do with a row whose key is already stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DuplicateAction {
    /// Refuse the import.
    #[default]
    Throw,
    /// Leave the stored row as it is.
    Ignore,
    /// Leave it if all values are equal, otherwise refuse the import.
    Check,
    /// Overwrite it.
    Overwrite,
}

/// The `json` of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportRequest {
    pub session_id: Option<String>,
    #[serde(default)]
    pub duplicate: DuplicateAction,
    attributes: Option<String>,
}

impl ImportRequest {
    pub fn parse_json(text: &str) -> Result<Self, Error> {
        super::parse_request(text)
    }

    pub fn parse_attributes(&self) -> Result<Attributes, Error> {
        let refused = || Error::BadParameter("attributes must be USER or ALL".to_owned());
        Attributes::parse_name(self.attributes.as_deref()).ok_or_else(refused)
    }
}

/// Lines that are parts of rows without a unique key, by the entity type and name of their owner, which they follow.
pub type PartLines = HashMap<(&'static str, String), Vec<(Arc<Header>, Line)>>;

/// Imports dumps into the catalogue.
pub struct PortImporter {
    pub db: Db,
    pub outbox: Outbox,
    pub rules: Arc<RuleCache>,
    pub queries: Arc<QuerySettings>,
}

impl PortImporter {
    /// Stores an upload in one transaction.
    pub async fn import_upload(
        &self,
        user_name: &str,
        upload: &mut Upload,
        duplicate: DuplicateAction,
        attributes: Attributes,
    ) -> Result<(), Error> {
        let parts = collect_parts(upload, attributes).await?;
        let author = Author::new(user_name, self.queries.clock.now_micros()).for_long_work();
        author
            .run_transaction(&self.db, &self.outbox, async |tx| {
                let rights = self.rules.load_rights(tx, user_name.to_owned()).await?;
                author.set_known_sets(rights.maintained_sets()).await;
                let permissions =
                    Permissions { rights: &rights, env: self.queries.new_environment(&rights, tx.engine()) };
                let state = ImportState::new(duplicate, &parts, &self.queries.parse);
                let mut writer = BatchWriter { tx, author: &author, permissions, state };
                let mut lines = upload.lines(attributes).await?;
                let mut waiting: Vec<Line> = Vec::new();
                let mut header: Option<Arc<Header>> = None;
                while let Some((next, line)) = lines.next().await? {
                    let is_same = header.as_ref().is_some_and(|header| Arc::ptr_eq(header, &next));
                    if let Some(header) = header.as_ref().filter(|_| !is_same || waiting.len() >= LINES_PER_BATCH) {
                        writer.store_lines(header, &std::mem::take(&mut waiting)).await?;
                    }
                    header = Some(next);
                    waiting.push(line);
                }
                match header {
                    Some(header) => writer.store_lines(&header, &waiting).await,
                    None => Ok(()),
                }
            })
            .await
    }
}

/// Reads the whole file before anything is stored, so that a truncated or invalid file needs no transaction.
async fn collect_parts(upload: &mut Upload, attributes: Attributes) -> Result<PartLines, Error> {
    let mut parts = PartLines::new();
    let mut lines = upload.lines(attributes).await?;
    while let Some((header, line)) = lines.next().await? {
        for column in &header.columns {
            let Column::One(one, Reference::Name(number)) = column else { continue };
            if !part_relations(one.target()).any(|many| many.target == header.entity.name && many.mapped_by == one.name)
            {
                continue;
            }
            if let Some(name) = line.cells.get(*number).and_then(super::parser::Cell::as_text) {
                let owner = (one.target, name.to_owned());
                parts.entry(owner).or_default().push((Arc::clone(&header), line.clone()));
            }
        }
    }
    Ok(parts)
}
