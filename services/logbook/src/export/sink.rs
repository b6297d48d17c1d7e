//! The destination of an export.

use actix_web::web::Bytes;
use service_kit::Problem;
use tokio::sync::mpsc;

/// Why an export is incomplete.
pub enum ExportError {
    /// The client closed the connection.
    ClientDisconnected,
    Failed(Problem),
}

impl<E: Into<Problem>> From<E> for ExportError {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

/// Sends chunks of a file to the client.
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
