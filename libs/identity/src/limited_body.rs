//! Bodies of responses with a limit: what is longer is not read to its end.

use reqwest::Response;

/// The body; an error as a text for logs if it cannot be read or is longer than `max_bytes`.
pub async fn read_limited_body(mut response: Response, max_bytes: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|e| e.without_url().to_string())? {
        if body.len() + piece.len() > max_bytes {
            return Err(format!("the answer is longer than {max_bytes} bytes"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
