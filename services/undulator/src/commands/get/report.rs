//! What was done, for people and for programs.

use indicatif::HumanBytes;
use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub files: usize,
    pub bytes: u64,
    pub downloaded: usize,
    /// There before, complete and verified.
    pub present: usize,
    /// Over the wire.
    pub bytes_received: u64,
    pub failed: Vec<Failed>,
}

#[derive(Debug, Serialize)]
pub struct Failed {
    pub path: String,
    pub reason: String,
}

impl Report {
    pub fn sentence(&self) -> String {
        format!(
            "{} files, {}: {} downloaded, {} were here, {} failed; {} received",
            self.files,
            HumanBytes(self.bytes),
            self.downloaded,
            self.present,
            self.failed.len(),
            HumanBytes(self.bytes_received)
        )
    }
}
