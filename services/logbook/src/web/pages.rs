//! What every page needs: who looks at it, whether they may, and how entries and logbooks are shown.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use identity::page_sessions::PageSessions;
use identity::{Caller, Identity};
use jiff::tz::TimeZone;
use service_kit::fulltext::FulltextQuery;
use service_kit::{Db, Problem};

use crate::catalogue::permissions::{Permissions, ReadableLogbook};
use crate::catalogue::users::Users;
use crate::domain::entry::Entry;
use crate::domain::logbook::Logbook;
use crate::entries::TagDefinitions;
use crate::markup::text_pool::TextPool;
use crate::store::attachments::{Attachment, list_attachments_by_ids};
use crate::store::logbooks::list_logbook_names;
use crate::web::entry_view::EntryView;
use crate::web::logbook_path::{LogbookPath, LogbookSummary};
use crate::web::login;

/// Serves pages.
pub struct Pages {
    pub identity: Identity,
    pub sessions: PageSessions,
    pub permissions: Arc<Permissions>,
    pub users: Arc<Users>,
    pub db: Db,
    pub tag_definitions: Arc<TagDefinitions>,
    pub text_pool: TextPool,
    pub zone: TimeZone,
    /// The facility's name.
    pub site: String,
}

impl Pages {
    /// Who looks at the page; the login form if nobody is logged in.
    pub async fn find_visitor(&self, request: &HttpRequest) -> Result<Result<Caller, HttpResponse>, Problem> {
        match self.sessions.find_visitor(request).await? {
            Some(caller) => Ok(Ok(caller)),
            None => login::show_form(self, request).await.map(Err),
        }
    }

    /// Who looks at the page, where nobody is sent to log in: what the page's script asks for.
    pub async fn require_visitor(&self, request: &HttpRequest) -> Result<Caller, Problem> {
        self.sessions.require_visitor(request).await
    }

    /// The logbook of an address, for who may read it.
    pub async fn require_read(
        &self,
        caller: &Caller,
        level: &str,
        id: &str,
    ) -> Result<(LogbookPath, ReadableLogbook), Problem> {
        let path = LogbookPath::parse(level, id)?;
        let logbook = self.permissions.require_read(caller, &path.logbook).await?;
        Ok((path, logbook))
    }

    /// A logbook with the name and title that the catalogue has for it.
    pub async fn describe_logbook(&self, caller: &Caller, path: &LogbookPath) -> LogbookSummary {
        let (mut name, mut title) = (path.id.clone(), None);
        match path.logbook {
            Logbook::Investigation(id) => {
                let known = self.users.describe_investigations(caller, &[id]).await.remove(&id).unwrap_or_default();
                name = known.name.unwrap_or_else(|| format!("Investigation {id}"));
                title = known.title;
            }
            Logbook::Instrument(_) => title = Some("Everything that is written at this instrument".to_owned()),
            Logbook::Facility | Logbook::Unassigned => "Messages for everybody".clone_into(&mut name),
        }
        LogbookSummary { address: path.address(), name, title, day: None }
    }

    /// Entries as templates show them; with words that were searched for, what was found in them.
    pub async fn render_views(
        &self,
        found: &[Entry],
        words: Option<&FulltextQuery>,
    ) -> Result<Vec<EntryView>, Problem> {
        let mut tx = self.db.read().await?;
        let ids: Vec<String> = found.iter().flat_map(|entry| entry.content.files.clone()).collect();
        let files: HashMap<String, Attachment> =
            if ids.is_empty() { HashMap::new() } else { list_attachments_by_ids(&mut tx, &ids).await? };
        let logbooks: Vec<i64> = found.iter().map(|entry| entry.logbook_id).collect();
        let names = list_logbook_names(&mut tx, &logbooks).await?;
        drop(tx);
        let bytes = found.iter().map(|entry| entry.content.text_bytes()).sum();
        let (found, words, zone) = (found.to_vec(), words.cloned(), self.zone.clone());
        let rendered = self.text_pool.run(bytes, move || {
            let view = |entry: &Entry| {
                let logbook = names.get(&entry.logbook_id).map_or("", String::as_str);
                let view = EntryView::from_entry(entry, logbook, &files, &zone)?;
                Ok(match &words {
                    Some(words) => view.with_excerpts(words, &entry.content),
                    None => view,
                })
            };
            found.iter().map(view).collect::<Result<Vec<_>, serde_json::Error>>()
        });
        rendered.await?.map_err(Problem::internal)
    }
}
