//! All records of a logbook as JSON lines, as `undulator logbook verify` reads them.

use service_kit::{Db, Problem};

use crate::catalogue::permissions::ReadableHistory;
use crate::history::History;
use crate::history::verify::{ExportHead, RecordLine};
use crate::store::logbooks;

/// Records that are read at once.
const CHUNK_RECORDS: i64 = 100;

/// The records of a logbook, read in chunks.
pub struct HistoryExport {
    db: Db,
    logbook_id: i64,
    /// What was appended after the head was read is left out.
    records: i64,
    after: i64,
    /// The first line, until it is given.
    first_line: String,
}

impl History {
    /// Starts an export of the whole history.
    pub async fn open_export(&self, logbook: &ReadableHistory) -> Result<HistoryExport, Problem> {
        let mut tx = self.db.read().await?;
        let logbook_id = logbooks::find_logbook(&mut tx, logbook).await?.unwrap_or(0);
        let (records, head) = logbooks::get_head(&mut tx, logbook_id).await?;
        let first_line = to_line(&ExportHead { book: logbook.name(), records, head })?;
        Ok(HistoryExport { db: self.db.clone(), logbook_id, records, after: 0, first_line })
    }
}

impl HistoryExport {
    /// The next lines; `None` at the end.
    pub async fn next_lines(&mut self) -> Result<Option<String>, Problem> {
        let mut out = std::mem::take(&mut self.first_line);
        let limit = CHUNK_RECORDS.min(self.records - self.after);
        if limit > 0 {
            let mut tx = self.db.read().await?;
            for record in logbooks::list_records(&mut tx, self.logbook_id, self.after, limit).await? {
                out.push_str(&to_line(&RecordLine::from_record(&record))?);
                self.after = record.n;
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

fn to_line(value: &impl serde::Serialize) -> Result<String, Problem> {
    let mut text = serde_json::to_string(value).map_err(Problem::internal)?;
    text.push('\n');
    Ok(text)
}
