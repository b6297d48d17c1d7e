//! Conditions of requests (RFC 9110, 13).

use actix_web::HttpMessage;
use actix_web::http::header::{EntityTag, Header as _, IfNoneMatch};

/// Whether the client has the content with this tag already (`If-None-Match`). Its tag may have become a weak one on the way; one
/// that cannot be read is not that of the content.
pub fn has_current_content(request: &impl HttpMessage, etag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(etag)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::IF_NONE_MATCH;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_client_with_the_tag_has_the_content() {
        let etag = EntityTag::new_strong("a".to_owned());
        for (condition, is_known) in
            [(r#""a""#, true), (r#"W/"a""#, true), (r#""b", "a""#, true), ("*", true), (r#""b""#, false), ("a", false)]
        {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, condition)).to_http_request();
            assert_eq!(has_current_content(&request, &etag), is_known, "{condition}");
        }
        assert!(!has_current_content(&TestRequest::default().to_http_request(), &etag));
    }
}
