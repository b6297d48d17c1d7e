//! Bodies of requests, which must be JSON.

use actix_web::{HttpMessage as _, HttpRequest};
use serde_json::{Value, json};
use service_kit::{Code, Problem};

use super::fields::{build_entry, refuse_body};
use super::json_offset::find_json_offset;

/// A body that is JSON, whatever is in it; `null` if there is none.
pub fn parse_json(request: &HttpRequest, body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    let media_type = request.content_type().to_ascii_lowercase();
    let is_json = media_type.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"));
    if !is_json {
        // No form of another site can log in. The bytes are not looked at, and are no object.
        return Ok(Value::Array(Vec::new()));
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(Problem::new(Code::BadRequest, "auth/no-utf8", "There was an error parsing the body"));
    };
    serde_json::from_str(text).map_err(|e| {
        let place = json!(["body", find_json_offset(text, &e)]);
        refuse_body(vec![json!({"type": "json_invalid", "loc": place, "msg": "JSON decode error"})])
    })
}

/// A body that is one text.
pub fn require_text_body(value: &Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Err(refuse_body(vec![build_entry("missing", &[], "Field required")])),
        _ => Err(refuse_body(vec![build_entry("string_type", &[], "Input should be a valid string")])),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn bodies_are_json_that_no_form_can_send() {
        let request = |media_type: &'static str| {
            TestRequest::default().insert_header(("content-type", media_type)).to_http_request()
        };
        assert_eq!(parse_json(&request("application/json"), b"\"\xff\"").unwrap_err().code, Code::BadRequest);
        assert_eq!(parse_json(&request("Application/Scim+JSON; charset=utf-8"), b"{}").unwrap(), json!({}));
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "text/json"] {
            assert_eq!(parse_json(&request(media_type), b"{}").unwrap(), json!([]), "{media_type}");
        }
        let refused = parse_json(&request("application/json"), b"{\"a\":").unwrap_err();
        let expected = json!([{"type": "json_invalid", "loc": ["body", 5], "msg": "JSON decode error"}]);
        assert_eq!(serde_json::from_str::<Value>(&refused.detail).unwrap(), expected);
    }
}
