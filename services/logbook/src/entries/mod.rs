//! Entries of logbooks. Each change is one transaction: the entry, a record in the logbook's history, and an event.
//!
//! The components are here, what they do is in the files of this folder.

pub mod assign_worker;
pub mod beamline_entries;
pub mod create;
pub mod fill_instruments;
pub mod hide;
pub mod lists;
pub mod lock;
pub mod move_entries;
pub mod render;
pub mod search;
pub mod statistics;
pub mod tag_definitions;
pub mod tags;
pub mod update;
pub mod user_entries;

use std::sync::Arc;

use service_kit::{Clock, Db, Ids};

use crate::attachments::InlineImages;
use crate::attachments::signed_url::SignedUrls;
use crate::catalogue::permissions::Permissions;
use crate::catalogue::visits::Visits;
use crate::domain::entry_content::EntryContent;
use crate::history::History;
use crate::store::attachments::NewAttachment;

/// Creates and changes entries.
pub struct Entries {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub history: History,
    pub inline_images: Arc<InlineImages>,
    pub tag_definitions: Arc<TagDefinitions>,
    pub permissions: Arc<Permissions>,
    pub visits: Arc<Visits>,
}

/// Defines tags, used or not: of an investigation, of an instrument, or global.
pub struct TagDefinitions {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
}

/// Renders entries as JSON.
pub struct EntryRenderer {
    pub db: Db,
    pub signed_urls: Arc<SignedUrls>,
}

/// What is written, and by whom.
#[derive(Debug, Clone)]
pub struct NewEntry {
    pub content: EntryContent,
    /// Attachments whose bytes are stored.
    pub files: Vec<NewAttachment>,
    /// The user name of the author.
    pub actor: String,
}
