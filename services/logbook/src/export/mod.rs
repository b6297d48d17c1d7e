//! Exports entries as files. Files are sent while they are written, so a large logbook needs no more memory than a small one.

pub mod eln;
pub mod eln_line;
pub mod format;
pub mod pdf;
pub mod sink;
pub mod temp_file;
pub mod text;
pub mod zip_stream;

use std::sync::Arc;

use actix_web::HttpResponse;
use futures_util::stream::unfold;
use identity::Caller;
use jiff::tz::TimeZone;
use service_kit::{Blocking, Clock, Db, Ids, Problem, content_disposition};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::attachments::Attachments;
use crate::catalogue::permissions::{Permissions, ReadableHistory, ReadableLogbook};
use crate::catalogue::users::Users;
use crate::domain::list_parameters::ListParameters;
use crate::domain::logbook::Logbook;
use crate::domain::values::parse_flag;
use crate::entries::EntryRenderer;
use crate::entries::lists::Cursor;
use crate::export::format::Format;
use crate::export::pdf::{Printer, order_report};
use crate::export::sink::{ExportError, Sink};
use crate::export::zip_stream::safe_filename;
use crate::history::History;
use crate::store::filter_conditions::find_scope;

/// Chunks that wait for a slow client.
const QUEUED_PIECES: usize = 2;

/// Exports logbooks.
pub struct Exporter {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub attachments: Arc<Attachments>,
    pub permissions: Arc<Permissions>,
    pub users: Arc<Users>,
    pub renderer: Arc<EntryRenderer>,
    pub history: History,
    pub printer: Printer,
    /// The pool that compresses files.
    pub documents: Blocking,
    /// Running exports; the process waits for them before it stops.
    pub tasks: TaskTracker,
    pub zone: TimeZone,
    /// The name of the zone, such as `Europe/Paris`.
    pub zone_name: String,
    /// The name of the facility.
    pub site: String,
}

impl Exporter {
    /// Exports all matching entries, or as many as the limit of the request. An `.eln` contains the history if the caller may
    /// read it.
    pub async fn export_entries(
        self: Arc<Self>,
        caller: &Caller,
        logbook: &ReadableLogbook,
        parameters: &ListParameters,
        format: Format,
    ) -> Result<HttpResponse, Problem> {
        let filter = parameters.to_filter(&self.zone)?;
        let format = format.with_byte_order_mark(parse_flag("bom", parameters.csv.bom.as_deref())?);
        let mut page = parameters.to_page(u32::MAX, u32::MAX)?;
        if format == Format::Pdf {
            page = order_report(page, parameters);
        }
        let scope = find_scope(&mut self.db.read().await?, logbook).await?;
        let mut cursor = Cursor::new(scope, filter, page);
        let name = safe_filename(&logbook.name().replace('/', "-"));
        let (media_type, ending, file) = match format {
            Format::Pdf => {
                let heading = self.read_heading(caller, logbook, parameters.filter.instrument_name.as_deref()).await;
                // Whether the PDF is a single file is known only after the first part.
                let first = self.print_part(&mut cursor, &heading, 1).await?;
                let (media_type, ending) =
                    if first.has_more { ("application/zip", "pdf.zip") } else { (format.media_type(), format.name()) };
                (media_type, ending, File::Pdf(heading, first))
            }
            Format::Eln => {
                let history = self.permissions.require_history(caller, logbook).await.ok();
                (format.media_type(), format.name(), File::Eln(Logbook::clone(logbook), history))
            }
            _ => (format.media_type(), format.name(), File::Text(format)),
        };
        let disposition = content_disposition::attachment_disposition(&format!("logbook-{name}.{ending}"));
        let (sender, receiver) = mpsc::channel(QUEUED_PIECES);
        let tasks = self.tasks.clone();
        tasks.spawn_local(async move { self.write_file(file, cursor, Sink(sender)).await });
        Ok(HttpResponse::Ok()
            .insert_header(("content-type", media_type))
            .insert_header(disposition)
            .insert_header(("x-content-type-options", "nosniff"))
            .streaming(unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) })))
    }

    async fn write_file(&self, file: File, cursor: Cursor, sink: Sink) {
        let written = match file {
            File::Eln(logbook, history) => self.write_eln(&logbook, cursor, history, &sink).await,
            File::Pdf(heading, first) => self.write_pdf(&heading, cursor, first, &sink).await,
            File::Text(format) => self.write_text(cursor, format, &sink).await,
        };
        if let Err(ExportError::Failed(e)) = written {
            tracing::error!(error = %e, "an export failed");
            // The client sees that the file is incomplete.
            let _gone = sink.0.send(Err(e)).await;
        }
    }
}

/// What to write.
enum File {
    Eln(Logbook, Option<ReadableHistory>),
    /// With the first part.
    Pdf(pdf::Heading, pdf::Part),
    Text(Format),
}
