//! Bodies of responses with a limit: what is longer is not read to its end.

use reqwest::Response;
use thiserror::Error;

/// Why a body was not read. The texts contain no addresses.
#[derive(Debug, Error)]
pub enum LimitedBodyError {
    #[error(transparent)]
    Broken(reqwest::Error),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// The body, if it has at most `max_bytes`.
pub async fn read_limited_body(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, LimitedBodyError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|e| LimitedBodyError::Broken(e.without_url()))? {
        if body.len() + piece.len() > max_bytes {
            return Err(LimitedBodyError::TooLong(max_bytes));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
