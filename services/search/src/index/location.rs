//! Where the index is, and how it is opened.

use std::path::PathBuf;
use std::sync::Arc;

use super::embedded::EmbeddedIndex;
use super::error::IndexError;
use super::index_writer::{IndexWriter, OpenedIndex};
use super::opensearch::{OpenSearchIndex, OpenSearchWriter};

/// Where the index is.
#[derive(Clone)]
pub enum IndexLocation {
    Directory(PathBuf),
    OpenSearch(Arc<OpenSearchIndex>),
}

impl IndexLocation {
    /// Opens the index, or creates it if there is none. Blocks the thread.
    pub fn open_writer(&self, opened: OpenedIndex) -> Result<Box<dyn IndexWriter>, IndexError> {
        Ok(match self {
            Self::Directory(directory) => Box::new(EmbeddedIndex::open(directory, opened)?),
            Self::OpenSearch(index) => Box::new(OpenSearchWriter::open(Arc::clone(index), opened)?),
        })
    }
}
