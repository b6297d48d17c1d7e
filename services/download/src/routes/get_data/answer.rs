//! The answer to a request for data: headers, and a body where one is wanted.

use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETag, LastModified};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use service_kit::{Code, Problem, content_disposition};

use crate::archive::{Compression, Form};
use crate::domain::conditions::{Answer, decide};
use crate::manifest::{Manifest, require_files};
use crate::state::State;
use crate::transfer::{self, Content, provide};

pub struct Answering<'r> {
    pub state: web::Data<State>,
    pub request: &'r HttpRequest,
    pub manifest: Arc<Manifest>,
    pub subject: String,
    /// Whether the files were looked at for this request.
    pub is_fresh: bool,
}

impl Answering<'_> {
    fn is_head(&self) -> bool {
        self.request.method() == Method::HEAD
    }

    /// Something with a length: the whole of it or a part, as the request's conditions and range say.
    pub async fn ranges(self, form: Form, media_type: &str, name: &str) -> Result<HttpResponse, Problem> {
        let now = self.manifest.representation(form, self.state.clock.now().as_nanosecond());
        let size = now.size;
        let answer = decide(self.request, &now);
        let mut response = match answer {
            Answer::Whole => HttpResponse::Ok(),
            Answer::Part { .. } => HttpResponse::PartialContent(),
            Answer::NotModified => HttpResponse::NotModified(),
            Answer::PreconditionFailed => {
                let text = "What is asked for is not what is here now";
                return Err(Problem::new(Code::PreconditionFailed, "download/precondition", text));
            }
            Answer::Unsatisfiable => {
                let text = "The range lies beyond the end of the file";
                return Err(Problem::new(Code::RangeNotSatisfiable, "download/range", text)
                    .with_header("content-range", format!("bytes */{size}"))
                    .with_header("accept-ranges", "bytes")
                    .with_header("etag", now.etag.to_string())
                    .with_header("last-modified", now.modified.to_string()));
            }
        };
        response.insert_header((ACCEPT_RANGES, "bytes"));
        response.insert_header(ETag(now.etag)).insert_header(LastModified(now.modified));
        let (first, end) = match answer {
            Answer::Part { first, last } => {
                response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
                (first, last + 1)
            }
            Answer::Whole => (0, size),
            _ => return Ok(response.finish()),
        };
        response
            .insert_header(content_disposition::attachment_disposition(name))
            .insert_header((CONTENT_TYPE, media_type));
        let length = end - first;
        if self.is_head() {
            response.insert_header((CONTENT_LENGTH, length)).no_chunking(length);
            return Ok(response.body(SizedStream::new(length, nothing())));
        }
        let storage = self.state.storage()?.clone();
        // Who takes a selection from its start is told before the first byte what will not come.
        if first == 0 && !self.is_fresh && form != Form::Raw {
            require_files(&self.state, &storage, &self.manifest).await?;
        }
        provide(&self.state, &storage, &self.manifest, form, first, end).await?;
        let content = Content::Part { form, first, end };
        let body = transfer::begin(self.state, storage, self.manifest, content, self.subject).await?;
        Ok(response.body(SizedStream::new(length, Box::pin(body))))
    }

    /// Something whose length is not known before its end.
    pub async fn compressed(self, kind: Compression, media_type: &str, name: &str) -> Result<HttpResponse, Problem> {
        let mut response = HttpResponse::Ok();
        response.insert_header((ACCEPT_RANGES, "none"));
        response
            .insert_header(content_disposition::attachment_disposition(name))
            .insert_header((CONTENT_TYPE, media_type));
        if self.is_head() {
            return Ok(response.streaming(nothing()));
        }
        let storage = self.state.storage()?.clone();
        if !self.is_fresh {
            require_files(&self.state, &storage, &self.manifest).await?;
        }
        let body = transfer::begin(self.state, storage, self.manifest, Content::Whole(kind), self.subject).await?;
        Ok(response.streaming(Box::pin(body)))
    }
}

/// A body for HEAD.
fn nothing() -> stream::Empty<Result<web::Bytes, Problem>> {
    stream::empty()
}
