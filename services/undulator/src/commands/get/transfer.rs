//! Transfers a range of a file or an archive, with as many requests as needed. Bytes of two versions are never joined.

use std::io;
use std::ops::Range;

use super::file_list::FileAddress;
use super::selection::Selection;
use crate::commands::requests::RequestError;
use crate::commands::requests::RetryPolicy;
use crate::commands::requests::connection_error;

/// What to fetch.
pub struct FetchRequest<'a> {
    pub address: &'a FileAddress,
    pub bytes: Range<u64>,
    /// Total length; `None` if it is not known.
    pub size: Option<u64>,
    /// The version that the bytes must belong to.
    pub etag: Option<String>,
}

/// A complete transfer.
pub struct Fetched {
    /// The version that the bytes belong to, if the server has versions.
    pub etag: Option<String>,
    /// The offset of its end.
    pub end: u64,
}

/// Receives the bytes and passes them to `sink` in order.
pub async fn fetch_bytes(
    selection: &Selection,
    wanted: FetchRequest<'_>,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Fetched, RequestError> {
    let FetchRequest { address, bytes, size, mut etag } = wanted;
    let server = &selection.server;
    let mut retry_policy = RetryPolicy::new(server.patience);
    let mut at = bytes.start;
    let mut refreshed = false;
    loop {
        let url = selection.get_url(address).await?;
        let whole = at == 0 && size.is_none_or(|size| bytes.end == size) && etag.is_none();
        let mut headers = Vec::new();
        if !whole {
            // Old servers only understand ranges up to the end of the file.
            let last =
                if size == Some(bytes.end) || size.is_none() { String::new() } else { (bytes.end - 1).to_string() };
            headers.push(("range", format!("bytes={at}-{last}")));
        }
        if let Some(etag) = &etag {
            headers.push(("if-match", etag.clone()));
            headers.push(("if-range", etag.clone()));
        }
        if at > 0 && etag.is_none() && matches!(address, FileAddress::Archive(_) | FileAddress::Prepared(_)) {
            let text = "the connection broke, and this server creates a new archive for each request; download the files instead";
            return Err(RequestError::Failed(text.to_owned()));
        }
        let outcome = match server.get(&url, &headers).await {
            Ok(response) => {
                let mut receiver = Receiver { selection, at: &mut at, end: bytes.end, size, etag: &mut etag };
                receiver.receive_body(response, &mut retry_policy, &mut sink).await
            }
            Err(RequestError::Refused(_)) if !refreshed => {
                refreshed = true;
                selection.refresh_tokens(&url).await?;
                continue;
            }
            Err(e) => Err(e),
        };
        match outcome {
            Ok(()) => return Ok(Fetched { etag, end: at }),
            Err(e) => retry_policy.wait_or_give_up(e, |text| server.meter.print_note(text)).await?,
        }
    }
}

struct Receiver<'a> {
    selection: &'a Selection,
    at: &'a mut u64,
    end: u64,
    size: Option<u64>,
    etag: &'a mut Option<String>,
}

impl Receiver<'_> {
    async fn receive_body(
        &mut self,
        mut response: reqwest::Response,
        retry_policy: &mut RetryPolicy,
        sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), RequestError> {
        let mut skip = self.check_response(&response)?;
        while let Some(chunk) = response.chunk().await.map_err(connection_error)? {
            retry_policy.reset();
            let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
            skip -= passed as u64;
            let left = usize::try_from(self.end - *self.at).unwrap_or(usize::MAX);
            let rest = &chunk[passed..];
            let piece = &rest[..rest.len().min(left)];
            sink(piece).map_err(|e| RequestError::from_error("cannot write", &e))?;
            *self.at += piece.len() as u64;
            self.selection.server.meter.add_received(piece.len() as u64);
            if self.size.is_some() && rest.len() >= left {
                return Ok(());
            }
        }
        if self.size.is_none() || *self.at == self.end {
            return Ok(());
        }
        Err(RequestError::temporary("the server closed the connection"))
    }

    /// Checks that the answer fits the request; how many of its bytes to skip.
    fn check_response(&mut self, response: &reqwest::Response) -> Result<u64, RequestError> {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let tag = header("etag");
        if tag.is_some_and(|tag| tag.starts_with("W/")) {
            return Err(RequestError::just_written());
        }
        match (&*self.etag, tag) {
            (Some(known), Some(tag)) if known != tag => {
                return Err(RequestError::Changed("the file has changed".to_owned()));
            }
            (Some(_), None) => {
                return Err(RequestError::Changed("the server does not send the version any more".to_owned()));
            }
            _ => {}
        }
        let other = |what: &str| Err(RequestError::Changed(format!("its {what} differs from the list")));
        let skip = if response.status().as_u16() == 206 {
            match header("content-range").map(parse_content_range) {
                // ids.server sends no Content-Range.
                None => {}
                Some(Some((first, total))) if first == *self.at && self.size.is_none_or(|size| size == total) => {}
                Some(Some((first, _))) if first == *self.at => return other("length"),
                Some(_) => return Err(RequestError::Failed("the server sent another range than requested".to_owned())),
            }
            0
        } else {
            let length: Option<u64> = header("content-length").and_then(|text| text.parse().ok());
            if let (Some(size), Some(length)) = (self.size, length)
                && size != length
            {
                return other("length");
            }
            *self.at
        };
        if self.etag.is_none() {
            *self.etag = tag.map(str::to_owned);
        }
        Ok(skip)
    }
}

/// First byte and total of `bytes 10-19/1000`.
fn parse_content_range(text: &str) -> Option<(u64, u64)> {
    let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _last) = span.split_once('-')?;
    Some((first.parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(parse_content_range("bytes 10-19/1000"), Some((10, 1000)));
        for bad in ["", "bytes */1000", "bytes 10-19/*", "items 1-2/3", "bytes 10"] {
            assert_eq!(parse_content_range(bad), None, "{bad}");
        }
    }
}
