//! The answer to a request for data: headers, and the body unless the method is HEAD.

use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETag, LastModified};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use service_kit::{Code, Problem, content_disposition};

use super::conditional_request::{Evaluation, Representation, evaluate_conditions};
use crate::domain::archive::{Compression, LayoutFormat};
use crate::manifest::Manifest;
use crate::state::State;
use crate::transfer::TransferContent;

/// What an answer with data is made of.
pub struct DataResponse<'r> {
    pub state: web::Data<State>,
    pub request: &'r HttpRequest,
    pub manifest: Arc<Manifest>,
    pub subject: String,
    /// Whether the files were looked at for this request.
    pub is_fresh: bool,
}

impl DataResponse<'_> {
    fn is_head(&self) -> bool {
        self.request.method() == Method::HEAD
    }

    /// Answers with content of known length: all of it or a range, after the conditions of the request.
    pub async fn respond_with_range(
        self,
        format: LayoutFormat,
        media_type: &str,
        name: &str,
    ) -> Result<HttpResponse, Problem> {
        let current = self.manifest.validators(format, self.state.clock.now().as_nanosecond());
        let current = Representation::from(current);
        let size = current.size;
        let answer = evaluate_conditions(self.request, &current);
        let mut response = match answer {
            Evaluation::Whole => HttpResponse::Ok(),
            Evaluation::Part { .. } => HttpResponse::PartialContent(),
            Evaluation::NotModified => HttpResponse::NotModified(),
            Evaluation::PreconditionFailed => {
                let text = "The precondition failed: the current version is another one";
                return Err(Problem::new(Code::PreconditionFailed, "download/precondition", text));
            }
            Evaluation::Unsatisfiable => {
                let text = "The range lies beyond the end of the file";
                return Err(Problem::new(Code::RangeNotSatisfiable, "download/range", text)
                    .with_header("content-range", format!("bytes */{size}"))
                    .with_header("accept-ranges", "bytes")
                    .with_header("etag", current.etag.to_string())
                    .with_header("last-modified", current.modified.to_string()));
            }
        };
        response.insert_header((ACCEPT_RANGES, "bytes"));
        response.insert_header(ETag(current.etag)).insert_header(LastModified(current.modified));
        let (first, end) = match answer {
            Evaluation::Part { first, last } => {
                response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
                (first, last + 1)
            }
            Evaluation::Whole => (0, size),
            _ => return Ok(response.finish()),
        };
        response
            .insert_header(content_disposition::attachment_disposition(name))
            .insert_header((CONTENT_TYPE, media_type));
        let length = end - first;
        if self.is_head() {
            response.insert_header((CONTENT_LENGTH, length)).no_chunking(length);
            return Ok(response.body(SizedStream::new(length, empty_body())));
        }
        let (storage, transfers) = (self.state.storage()?.clone(), Arc::clone(&self.state.transfers));
        // A download from the start is refused before its first byte if files are missing.
        if first == 0 && !self.is_fresh && format != LayoutFormat::Raw {
            transfers.require_unchanged_files(&storage, &self.manifest).await?;
        }
        transfers.provide_checksums(&storage, &self.manifest, format, first, end).await?;
        let content = TransferContent::Range { format, first, end };
        let body = transfers.start_transfer(storage, self.manifest, content, self.subject).await?;
        Ok(response.body(SizedStream::new(length, Box::pin(body))))
    }

    /// Answers with a compressed archive, whose length is not known before its end.
    pub async fn respond_compressed(
        self,
        kind: Compression,
        media_type: &str,
        name: &str,
    ) -> Result<HttpResponse, Problem> {
        let mut response = HttpResponse::Ok();
        response.insert_header((ACCEPT_RANGES, "none"));
        response
            .insert_header(content_disposition::attachment_disposition(name))
            .insert_header((CONTENT_TYPE, media_type));
        if self.is_head() {
            return Ok(response.streaming(empty_body()));
        }
        let (storage, transfers) = (self.state.storage()?.clone(), Arc::clone(&self.state.transfers));
        if !self.is_fresh {
            transfers.require_unchanged_files(&storage, &self.manifest).await?;
        }
        let body =
            transfers.start_transfer(storage, self.manifest, TransferContent::Compressed(kind), self.subject).await?;
        Ok(response.streaming(Box::pin(body)))
    }
}

/// The body of an answer to HEAD.
fn empty_body() -> stream::Empty<Result<web::Bytes, Problem>> {
    stream::empty()
}
