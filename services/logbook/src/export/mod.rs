//! Lists of entries as files. They are made while they are sent, so that a large logbook needs no more memory than a small one.

pub mod eln;
pub mod list;
pub mod pdf;
pub mod text;
pub mod zip_stream;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream::unfold;
use service_kit::{DbError, Problem, content_disposition};
use tokio::sync::mpsc;

use crate::domain::filter::{Filter, Page};
use crate::domain::logbook::Book;
use crate::error::Error;
pub use crate::export::eln::{File, Line, MEDIA_TYPE as ELN};
pub use crate::export::list::export_list;
pub use crate::export::pdf::{Heading, read_heading, report_order};
pub use crate::export::zip_stream::safe_name;
use crate::state::State;
use crate::store::entries::{Entry, Scope, list_after};

/// Entries that are read at once.
const PIECE: i64 = 100;
/// Pieces that wait for a slow reader.
const AHEAD: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Csv {
        /// Some spreadsheets take a file without it for another encoding.
        has_byte_order_mark: bool,
    },
    JsonLines,
    /// A ZIP with RO-Crate metadata, as electronic laboratory notebooks exchange it.
    Eln,
    /// One file, or a ZIP of several parts.
    Pdf,
}

impl Format {
    pub const ALL: [Self; 5] =
        [Self::Pdf, Self::Eln, Self::Csv { has_byte_order_mark: false }, Self::Text, Self::JsonLines];

    /// `None` for JSON, which is no file.
    pub fn parse(text: Option<&str>) -> Result<Option<Self>, Error> {
        match text.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "json" => Ok(None),
            "text" => Ok(Some(Self::Text)),
            name => match Self::ALL.into_iter().find(|format| format.name() == name) {
                Some(format) => Ok(Some(format)),
                None => Err(Error::bad(format!("format must be json, pdf, eln, csv, txt or jsonl, not {name}"))),
            },
        }
    }

    /// With a byte order mark, where the form has a place for it.
    pub fn with_byte_order_mark(self, has_byte_order_mark: bool) -> Self {
        if matches!(self, Self::Csv { .. }) { Self::Csv { has_byte_order_mark } } else { self }
    }

    /// Also the end of file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Csv { .. } => "csv",
            Self::JsonLines => "jsonl",
            Self::Eln => "eln",
            Self::Pdf => "pdf",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv { .. } => "text/csv; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::JsonLines => "application/jsonl",
            Self::Eln => ELN,
            Self::Pdf => "application/pdf",
        }
    }
}

/// Goes through a list, however long it is.
#[derive(Debug, Clone)]
pub struct Cursor {
    scope: Scope,
    filter: Filter,
    page: Page,
    last: Option<Entry>,
}

impl Cursor {
    /// The next entries; none after the last. Each part is read by itself, so that a slow reader holds nothing of the database.
    async fn next(&mut self, state: &State) -> Result<Vec<Entry>, DbError> {
        let left = self.page.limit.unwrap_or(i64::MAX);
        let page = Page { limit: Some(left.min(PIECE)), ..self.page };
        let mut tx = state.db.read().await?;
        let found = list_after(&mut tx, &self.scope, &self.filter, page, self.last.as_ref()).await?;
        self.page.limit = Some(left - i64::try_from(found.len()).unwrap_or(i64::MAX));
        self.page.skip = 0;
        self.last = found.last().cloned().or(self.last.take());
        Ok(found)
    }

    /// Goes on behind an entry after which so many were given and not used.
    fn back_to(&mut self, entry: Entry, unused: usize) {
        self.page.limit = self.page.limit.map(|left| left.saturating_add(i64::try_from(unused).unwrap_or_default()));
        self.last = Some(entry);
    }
}

/// Why a file was not written to its end.
pub enum Stopped {
    /// Nobody reads it any more.
    Gone,
    Failed(Problem),
}

impl<E: Into<Problem>> From<E> for Stopped {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

/// Where a file goes.
pub struct Sink(mpsc::Sender<Result<Bytes, Problem>>);

impl Sink {
    async fn send(&self, piece: impl Into<Bytes>) -> Result<(), Stopped> {
        let piece = piece.into();
        if piece.is_empty() {
            return Ok(());
        }
        self.0.send(Ok(piece)).await.map_err(|_| Stopped::Gone)
    }
}

/// What is exported.
pub struct Export {
    pub book: Book,
    pub scope: Scope,
    pub filter: Filter,
    pub page: Page,
    pub format: Format,
    /// Whether the history goes along, where the form has a place for it.
    pub with_history: bool,
    /// What a report is called.
    pub heading: Heading,
}

/// The list as a file.
pub async fn answer(state: Arc<State>, export: Export) -> Result<HttpResponse, Problem> {
    let Export { book, scope, filter, page, format, with_history, heading } = export;
    let name = book.name().replace('/', "-");
    let mut cursor = Cursor { scope, filter, page, last: None };
    // Whether a PDF is one file shows only when the first part is there.
    let first = match format {
        Format::Pdf => Some(pdf::part(&state, &mut cursor, &heading, 1).await?),
        _ => None,
    };
    let (media_type, end) = match &first {
        Some(part) if part.has_more => ("application/zip", "pdf.zip"),
        _ => (format.media_type(), format.name()),
    };
    let disposition = content_disposition::attachment_disposition(&format!("logbook-{}.{end}", safe_name(&name)));
    let (sender, receiver) = mpsc::channel(AHEAD);
    let sink = Sink(sender);
    let writing = Arc::clone(&state);
    state.tasks.spawn_local(async move {
        let written = match (format, first) {
            (Format::Eln, _) => eln::write(&writing, &book, cursor, with_history, &sink).await,
            (_, Some(part)) => pdf::write(&writing, &heading, cursor, part, &sink).await,
            (..) => text::write(&writing, cursor, format, &sink).await,
        };
        if let Err(Stopped::Failed(e)) = written {
            tracing::error!(error = %e, "an export broke off");
            // The reader sees that the file is not whole.
            let _gone = sink.0.send(Err(e)).await;
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header(("content-type", media_type))
        .insert_header(disposition)
        .insert_header(("x-content-type-options", "nosniff"))
        .streaming(unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_names() {
        assert!(Format::parse(Some("docx")).is_err());
        assert_eq!(Format::parse(Some(" JSON")).unwrap(), None);
        for format in Format::ALL {
            assert_eq!(Format::parse(Some(format.name())).unwrap(), Some(format));
        }
    }
}
