//! Where an export is written to.

use actix_web::web::Bytes;
use service_kit::Problem;
use tokio::sync::mpsc;

/// Why an export was not written to its end.
pub enum ExportError {
    /// Nobody reads it any more.
    ClientDisconnected,
    Failed(Problem),
}

impl<E: Into<Problem>> From<E> for ExportError {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

/// Sends pieces of a file to its reader.
pub struct Sink(pub mpsc::Sender<Result<Bytes, Problem>>);

impl Sink {
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<(), ExportError> {
        let piece = piece.into();
        if piece.is_empty() {
            return Ok(());
        }
        self.0.send(Ok(piece)).await.map_err(|_| ExportError::ClientDisconnected)
    }
}
