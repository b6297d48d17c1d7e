//! Statuses and codes are those of ids.server 2.1 where it says something; `DataNotOnlineException` where trying later helps,
//! because clients go by the code.

use download::error_format::IDS_ERRORS;
use service_kit::ErrorFormat;
use testkit::{Failure, FailureTexts, assert_failures};

struct IdsErrors;

impl FailureTexts for IdsErrors {
    const PREFIX: &'static str = "/ids";
    const FORMAT: ErrorFormat = IDS_ERRORS;
    const MEDIA_TYPE: &'static str = "application/json";

    fn expected_response(failure: Failure) -> (u16, &'static str) {
        match failure {
            Failure::NoRoute => {
                (501, r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this IDS server."}"#)
            }
            Failure::WrongMethod => (405, r#"{"code":"BadRequestException","message":"this address takes GET"}"#),
            Failure::HeadOfPost => (405, ""),
            Failure::TooLarge => (
                413,
                r#"{"code":"BadRequestException","message":"JSON payload (67 bytes) is larger than allowed (limit: 64 bytes)."}"#,
            ),
            Failure::BadJson => (
                400,
                r#"{"code":"BadRequestException","message":"Json deserialize error: EOF while parsing a value at line 1 column 3"}"#,
            ),
            Failure::NoMediaType | Failure::WrongMediaType => {
                (415, r#"{"code":"BadRequestException","message":"the body must be application/json"}"#)
            }
            Failure::JsonInsteadOfForm => (
                415,
                r#"{"code":"BadRequestException","message":"the body must be application/x-www-form-urlencoded"}"#,
            ),
            Failure::BadPath => (400, r#"{"code":"BadRequestException","message":"can not parse \"x\" to a i64"}"#),
            Failure::Internal | Failure::Panic => (
                500,
                r#"{"code":"InternalException","message":"internal error; the log has it under this request id"}"#,
            ),
            Failure::Unauthenticated => {
                (403, r#"{"code":"InsufficientPrivilegesException","message":"the session has expired"}"#)
            }
            Failure::Forbidden => (403, r#"{"code":"InsufficientPrivilegesException","message":"members only"}"#),
            Failure::NotFound => (404, r#"{"code":"NotFoundException","message":"there is no dataset 7"}"#),
            Failure::OutcomeUnknown => {
                (503, r#"{"code":"InternalException","message":"look before you send it again"}"#)
            }
            Failure::Timeout => (
                503,
                r#"{"code":"DataNotOnlineException","message":"the answer took too long and was given up; nothing half-done is kept"}"#,
            ),
            Failure::TooManyRequests => {
                (429, r#"{"code":"DataNotOnlineException","message":"too many requests from your address; slow down"}"#)
            }
            Failure::Busy => {
                (503, r#"{"code":"DataNotOnlineException","message":"too many requests at once; try again"}"#)
            }
        }
    }
}

#[tokio::test]
async fn each_failure_has_the_form_of_ids_server() {
    assert_failures::<IdsErrors>().await;
}
