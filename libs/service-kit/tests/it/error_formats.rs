//! Failures that no handler answers, or that a handler answers with, as problem details and as plain text. The formats of
//! services are tested in their crates, by the same cases.

use service_kit::ErrorFormat;
use testkit::{Failure, FailureTexts, assert_failures};

struct ProblemDetails;

impl FailureTexts for ProblemDetails {
    const PREFIX: &'static str = "/new";
    const FORMAT: ErrorFormat = ErrorFormat::PROBLEM_DETAILS;
    const MEDIA_TYPE: &'static str = "application/problem+json";

    fn expected_response(failure: Failure) -> (u16, &'static str) {
        match failure {
            Failure::NoRoute => (
                404,
                r#"{"type":"urn:undulator:problem:no-route","title":"Not Found","status":404,"detail":"there is nothing at this address","request_id":"test-1"}"#,
            ),
            Failure::WrongMethod => (
                405,
                r#"{"type":"urn:undulator:problem:method-not-allowed","title":"Method Not Allowed","status":405,"detail":"this address takes GET","request_id":"test-1"}"#,
            ),
            Failure::HeadOfPost => (405, ""),
            Failure::TooLarge => (
                413,
                r#"{"type":"urn:undulator:problem:too-large","title":"Payload Too Large","status":413,"detail":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes).","request_id":"test-1"}"#,
            ),
            Failure::BadJson => (
                400,
                r#"{"type":"urn:undulator:problem:bad-request","title":"Bad Request","status":400,"detail":"Json deserialize error: EOF while parsing a value at line 1 column 3","request_id":"test-1"}"#,
            ),
            Failure::NoMediaType | Failure::WrongMediaType => (
                415,
                r#"{"type":"urn:undulator:problem:unsupported-media-type","title":"Unsupported Media Type","status":415,"detail":"the body must be application/json","request_id":"test-1"}"#,
            ),
            Failure::JsonInsteadOfForm => (
                415,
                r#"{"type":"urn:undulator:problem:unsupported-media-type","title":"Unsupported Media Type","status":415,"detail":"the body must be application/x-www-form-urlencoded","request_id":"test-1"}"#,
            ),
            Failure::BadPath => (
                400,
                r#"{"type":"urn:undulator:problem:bad-path","title":"Bad Request","status":400,"detail":"can not parse \"x\" to a i64","request_id":"test-1"}"#,
            ),
            Failure::Internal | Failure::Panic => (
                500,
                r#"{"type":"urn:undulator:problem:internal","title":"Internal Server Error","status":500,"detail":"internal error; the log has it under this request id","request_id":"test-1"}"#,
            ),
            Failure::Unauthenticated => (
                401,
                r#"{"type":"urn:undulator:problem:sample/refused","title":"Unauthorized","status":401,"detail":"the session has expired","request_id":"test-1"}"#,
            ),
            Failure::Forbidden => (
                403,
                r#"{"type":"urn:undulator:problem:sample/refused","title":"Forbidden","status":403,"detail":"members only","request_id":"test-1"}"#,
            ),
            Failure::NotFound => (
                404,
                r#"{"type":"urn:undulator:problem:sample/refused","title":"Not Found","status":404,"detail":"there is no dataset 7","request_id":"test-1"}"#,
            ),
            Failure::OutcomeUnknown => (
                503,
                r#"{"type":"urn:undulator:problem:sample/refused","title":"Service Unavailable","status":503,"detail":"look before you send it again","request_id":"test-1"}"#,
            ),
            Failure::Timeout => (
                503,
                r#"{"type":"urn:undulator:problem:time-out","title":"Service Unavailable","status":503,"detail":"the answer took too long and was given up; nothing half-done is kept","request_id":"test-1"}"#,
            ),
            Failure::TooManyRequests => (
                429,
                r#"{"type":"urn:undulator:problem:too-many-requests","title":"Too Many Requests","status":429,"detail":"too many requests from your address; slow down","request_id":"test-1"}"#,
            ),
            Failure::Busy => (
                503,
                r#"{"type":"urn:undulator:problem:busy","title":"Service Unavailable","status":503,"detail":"too many requests at once; try again","request_id":"test-1"}"#,
            ),
        }
    }
}

/// ICAT+ has this format.
struct PlainText;

impl FailureTexts for PlainText {
    const PREFIX: &'static str = "/session";
    const FORMAT: ErrorFormat = ErrorFormat::PLAIN_TEXT;
    const MEDIA_TYPE: &'static str = "text/plain; charset=utf-8";

    fn expected_response(failure: Failure) -> (u16, &'static str) {
        match failure {
            Failure::NoRoute => (404, "there is nothing at this address"),
            Failure::WrongMethod => (405, "this address takes GET"),
            Failure::HeadOfPost => (405, ""),
            Failure::TooLarge => (413, "JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."),
            Failure::BadJson => (400, "Json deserialize error: EOF while parsing a value at line 1 column 3"),
            Failure::NoMediaType | Failure::WrongMediaType => (415, "the body must be application/json"),
            Failure::JsonInsteadOfForm => (415, "the body must be application/x-www-form-urlencoded"),
            Failure::BadPath => (400, r#"can not parse "x" to a i64"#),
            Failure::Internal | Failure::Panic => (500, "internal error; the log has it under this request id"),
            Failure::Unauthenticated => (401, "the session has expired"),
            Failure::Forbidden => (403, "members only"),
            Failure::NotFound => (404, "there is no dataset 7"),
            Failure::OutcomeUnknown => (503, "look before you send it again"),
            Failure::Timeout => (503, "the answer took too long and was given up; nothing half-done is kept"),
            Failure::TooManyRequests => (429, "too many requests from your address; slow down"),
            Failure::Busy => (503, "too many requests at once; try again"),
        }
    }
}

#[tokio::test]
async fn each_failure_has_the_form_of_problem_details() {
    assert_failures::<ProblemDetails>().await;
}

#[tokio::test]
async fn each_failure_has_the_form_of_plain_text() {
    assert_failures::<PlainText>().await;
}
