//! Tags that are defined, used or not: of an investigation, of an instrument, or global.

use service_kit::{DbError, Problem, Tx};

use crate::catalogue::permissions::{ReadableLogbook, WritableLogbook};
use crate::domain::entry_content::EntryContent;
use crate::domain::ids;
use crate::domain::logbook::Logbook;
use crate::entries::TagDefinitions;
use crate::error::Error;
use crate::store::tags::{self, Tag};

/// What of a tag can be set.
#[derive(Debug, Clone)]
pub struct TagValues {
    pub name: String,
    pub description: Option<String>,
    pub color: Option<String>,
}

impl TagDefinitions {
    /// Global tags, and those of an investigation and an instrument.
    pub async fn list_tags(
        &self,
        _: &ReadableLogbook,
        investigation: Option<i64>,
        instrument: Option<&str>,
    ) -> Result<Vec<Tag>, Problem> {
        let scope = |logbook: Option<Logbook>| {
            logbook.map_or_else(|| tags::GLOBAL.to_owned(), |logbook| tags::tag_scope(&logbook))
        };
        let first = scope(investigation.map(Logbook::Investigation));
        let second = scope(instrument.map(|name| Logbook::from_ids(None, Some(name))));
        Ok(tags::list_tags(&mut self.db.read().await?, &first, &second).await?)
    }

    /// Names of the tags that entries of a logbook may have.
    pub async fn list_names(&self, logbook: &ReadableLogbook) -> Result<Vec<String>, Problem> {
        let found = tags::list_tags(&mut self.db.read().await?, &tags::tag_scope(logbook), tags::GLOBAL).await?;
        Ok(found.into_iter().map(|tag| tag.name).collect())
    }

    pub async fn create_tag(&self, logbook: &WritableLogbook, values: TagValues) -> Result<Tag, Problem> {
        let tag = Tag { description: values.description, color: values.color, ..self.new_tag(logbook, &values.name) };
        let is_new = self.db.write(async |tx| tags::insert_tag(tx, &tag).await).await?;
        if is_new { Ok(tag) } else { Err(Error::TagTaken.into()) }
    }

    pub async fn get(&self, id: &str) -> Result<Option<Tag>, Problem> {
        Ok(tags::get_tag(&mut self.db.read().await?, id).await?)
    }

    /// Entries that have the tag keep the name they were written with. The tag is one of this logbook.
    pub async fn update_tag(&self, _: &WritableLogbook, tag: &Tag) -> Result<(), Problem> {
        match self.db.write(async |tx| tags::update_tag(tx, tag).await).await {
            Err(DbError::Unique(_)) => Err(Error::TagTaken.into()),
            updated => Ok(updated?),
        }
    }

    /// Tags that an entry names and nobody has defined yet become tags of its logbook.
    pub async fn define_missing_tags(
        &self,
        tx: &mut Tx,
        logbook: &Logbook,
        content: &EntryContent,
    ) -> Result<(), DbError> {
        for name in &content.tags {
            let mut is_known = false;
            let instrument = content.instrument_name.as_deref().map(|name| Logbook::from_ids(None, Some(name)));
            for scope in [Some(&Logbook::Facility), Some(logbook), instrument.as_ref()].into_iter().flatten() {
                let scope = tags::tag_scope(scope);
                is_known = is_known || tags::find_tag_by_name(tx, &scope, name).await?.is_some();
            }
            if !is_known {
                tags::insert_tag(tx, &self.new_tag(logbook, name)).await?;
            }
        }
        Ok(())
    }

    fn new_tag(&self, logbook: &Logbook, name: &str) -> Tag {
        let instrument = if let Logbook::Instrument(name) = logbook { Some(name.to_uppercase()) } else { None };
        Tag {
            id: ids::new_id(&*self.ids, self.clock.now()),
            scope: tags::tag_scope(logbook),
            name: name.to_owned(),
            description: None,
            color: None,
            beamline: instrument,
            investigation_id: if let Logbook::Investigation(id) = logbook { Some(*id) } else { None },
        }
    }
}
