//! Statuses and bodies are those of ICAT authenticator plugins, and of scigateway-auth, where they say something.

use auth::error_format::{AUTHN_ERRORS, SCIGATEWAY_ERRORS};
use service_kit::ErrorFormat;
use testkit::{Failure, FailureTexts, assert_failures};

struct AuthnErrors;

impl FailureTexts for AuthnErrors {
    const PREFIX: &'static str = "/authn.db";
    const FORMAT: ErrorFormat = AUTHN_ERRORS;
    const MEDIA_TYPE: &'static str = "application/json";

    fn expected_response(failure: Failure) -> (u16, &'static str) {
        match failure {
            Failure::NoRoute => {
                (501, r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this authn.db server."}"#)
            }
            Failure::WrongMethod => (405, r#"{"code":"AuthnException","message":"this address takes GET"}"#),
            Failure::HeadOfPost => (405, ""),
            Failure::TooLarge => (
                413,
                r#"{"code":"AuthnException","message":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#,
            ),
            Failure::BadJson => (
                400,
                r#"{"code":"AuthnException","message":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#,
            ),
            Failure::NoMediaType | Failure::WrongMediaType => {
                (415, r#"{"code":"AuthnException","message":"the body must be application/json"}"#)
            }
            Failure::JsonInsteadOfForm => {
                (415, r#"{"code":"AuthnException","message":"the body must be application/x-www-form-urlencoded"}"#)
            }
            Failure::BadPath => (400, r#"{"code":"AuthnException","message":"can not parse \"x\" to a i64"}"#),
            Failure::Internal | Failure::Panic => (
                500,
                r#"{"code":"InternalException","message":"internal error; the log has it under this request id"}"#,
            ),
            Failure::Unauthenticated => (403, r#"{"code":"AuthnException","message":"the session has expired"}"#),
            Failure::Forbidden => (403, r#"{"code":"AuthnException","message":"members only"}"#),
            Failure::NotFound => (404, r#"{"code":"AuthnException","message":"there is no dataset 7"}"#),
            Failure::OutcomeUnknown => {
                (503, r#"{"code":"InternalException","message":"look before you send it again"}"#)
            }
            Failure::Timeout => (
                503,
                r#"{"code":"AuthnException","message":"the answer took too long and was given up; nothing half-done is kept"}"#,
            ),
            Failure::TooManyRequests => {
                (429, r#"{"code":"AuthnException","message":"too many requests from your address; slow down"}"#)
            }
            Failure::Busy => (503, r#"{"code":"AuthnException","message":"too many requests at once; try again"}"#),
        }
    }
}

#[tokio::test]
async fn each_failure_has_the_form_of_authenticator_plugins() {
    assert_failures::<AuthnErrors>().await;
}

struct ScigatewayErrors;

impl FailureTexts for ScigatewayErrors {
    const PREFIX: &'static str = "/scigateway";
    const FORMAT: ErrorFormat = SCIGATEWAY_ERRORS;
    const MEDIA_TYPE: &'static str = "application/json";

    fn expected_response(failure: Failure) -> (u16, &'static str) {
        match failure {
            Failure::NoRoute => (404, r#"{"detail":"Not Found"}"#),
            Failure::WrongMethod => (405, r#"{"detail":"Method Not Allowed"}"#),
            Failure::HeadOfPost => (405, ""),
            Failure::TooLarge => {
                (413, r#"{"detail":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#)
            }
            Failure::BadJson => {
                (400, r#"{"detail":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#)
            }
            Failure::NoMediaType | Failure::WrongMediaType => {
                (415, r#"{"detail":"the body must be application/json"}"#)
            }
            Failure::JsonInsteadOfForm => (415, r#"{"detail":"the body must be application/x-www-form-urlencoded"}"#),
            Failure::BadPath => (400, r#"{"detail":"can not parse \"x\" to a i64"}"#),
            Failure::Internal | Failure::Panic => (500, r#"{"detail":"Something went wrong"}"#),
            Failure::Unauthenticated => (401, r#"{"detail":"the session has expired"}"#),
            Failure::Forbidden => (403, r#"{"detail":"members only"}"#),
            Failure::NotFound => (404, r#"{"detail":"there is no dataset 7"}"#),
            Failure::OutcomeUnknown => (503, r#"{"detail":"look before you send it again"}"#),
            Failure::Timeout => {
                (503, r#"{"detail":"the answer took too long and was given up; nothing half-done is kept"}"#)
            }
            Failure::TooManyRequests => (429, r#"{"detail":"too many requests from your address; slow down"}"#),
            Failure::Busy => (503, r#"{"detail":"too many requests at once; try again"}"#),
        }
    }
}

#[tokio::test]
async fn each_failure_has_the_form_of_scigateway_auth() {
    assert_failures::<ScigatewayErrors>().await;
}
