//! Statuses and codes are those of icat.server 6.2 where it says something: 501 for unknown addresses, an expired session as 403 with
//! `SESSION`, wrong methods and media types as 4xx with `BAD_PARAMETER`.

use icat_client::ICAT_ERRORS;
use service_kit::ErrorFormat;
use testkit::{Failure, FailureTexts, assert_failures};

struct IcatErrors;

impl FailureTexts for IcatErrors {
    const PREFIX: &'static str = "/icat";
    const FORMAT: ErrorFormat = ICAT_ERRORS;
    const MEDIA_TYPE: &'static str = "application/json";

    fn expected_response(failure: Failure) -> (u16, &'static str) {
        match failure {
            Failure::NoRoute => {
                (501, r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this ICAT server."}"#)
            }
            Failure::WrongMethod => (405, r#"{"code":"BAD_PARAMETER","message":"this address takes GET"}"#),
            Failure::HeadOfPost => (405, ""),
            Failure::TooLarge => (
                413,
                r#"{"code":"BAD_PARAMETER","message":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#,
            ),
            Failure::BadJson => (
                400,
                r#"{"code":"BAD_PARAMETER","message":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#,
            ),
            Failure::NoMediaType | Failure::WrongMediaType => {
                (415, r#"{"code":"BAD_PARAMETER","message":"the body must be application/json"}"#)
            }
            Failure::JsonInsteadOfForm => {
                (415, r#"{"code":"BAD_PARAMETER","message":"the body must be application/x-www-form-urlencoded"}"#)
            }
            Failure::BadPath => (400, r#"{"code":"BAD_PARAMETER","message":"can not parse \"x\" to a i64"}"#),
            Failure::Internal | Failure::Panic => {
                (500, r#"{"code":"INTERNAL","message":"internal error; the log has it under this request id"}"#)
            }
            Failure::Unauthenticated => (403, r#"{"code":"SESSION","message":"the session has expired"}"#),
            Failure::Forbidden => (403, r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"members only"}"#),
            Failure::NotFound => (404, r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"there is no dataset 7"}"#),
            Failure::OutcomeUnknown => (503, r#"{"code":"INTERNAL","message":"look before you send it again"}"#),
            Failure::Timeout => (
                503,
                r#"{"code":"INTERNAL","message":"the answer took too long and was given up; nothing half-done is kept"}"#,
            ),
            Failure::TooManyRequests => {
                (429, r#"{"code":"INTERNAL","message":"too many requests from your address; slow down"}"#)
            }
            Failure::Busy => (503, r#"{"code":"INTERNAL","message":"too many requests at once; try again"}"#),
        }
    }
}

#[tokio::test]
async fn each_failure_has_the_form_of_icat_server() {
    assert_failures::<IcatErrors>().await;
}
