//! The result of a download, as text and as JSON.

use indicatif::HumanBytes;
use serde::Serialize;
use service_kit::cli::format_count;

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub files: usize,
    pub bytes: u64,
    pub downloaded: usize,
    /// Files that existed, complete and verified.
    pub present: usize,
    /// Downloaded or existing files that were not compared with a checksum.
    pub unverified: usize,
    /// Bytes that were received.
    pub bytes_received: u64,
    pub failed: Vec<FailedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedFile {
    pub path: String,
    pub reason: String,
}

impl Report {
    pub fn render_sentence(&self) -> String {
        let unverified = match self.unverified {
            0 => String::new(),
            n => format!("; {n} without a checksum to compare"),
        };
        format!(
            "{}, {}: {} downloaded, {} were here, {} failed; {} received{unverified}",
            format_count(self.files, "file"),
            HumanBytes(self.bytes),
            self.downloaded,
            self.present,
            self.failed.len(),
            HumanBytes(self.bytes_received)
        )
    }
}
