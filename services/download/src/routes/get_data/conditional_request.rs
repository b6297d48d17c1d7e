//! Conditional requests and ranges (RFC 9110, 13 and 14).

use std::time::{Duration, SystemTime};

use actix_web::HttpMessage;
use actix_web::http::header::{
    ByteRangeSpec, EntityTag, Header as _, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, IfMatch, IfModifiedSince, IfRange, IfUnmodifiedSince, RANGE, Range,
};
use service_kit::has_current_content;

use crate::manifest::Validators;

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluation {
    /// 200
    Whole,
    /// 206 with these bytes, both ends included.
    Part { first: u64, last: u64 },
    /// 304
    NotModified,
    /// 412
    PreconditionFailed,
    /// 416
    Unsatisfiable,
}

/// The current version of the requested content. The time has whole seconds, as on the wire.
#[derive(Debug, Clone)]
pub struct Representation {
    pub etag: EntityTag,
    pub modified: HttpDate,
    pub size: u64,
}

impl From<Validators> for Representation {
    fn from(validators: Validators) -> Self {
        let Validators { tag, is_strong, modified_seconds, size } = validators;
        Self {
            etag: if is_strong { EntityTag::new_strong(tag) } else { EntityTag::new_weak(tag) },
            modified: HttpDate::from(SystemTime::UNIX_EPOCH + Duration::from_secs(modified_seconds)),
            size,
        }
    }
}

/// Evaluates the conditions in the order of RFC 9110, 13.2.2. Invalid headers and several ranges are ignored.
pub fn evaluate_conditions(request: &impl HttpMessage, current: &Representation) -> Evaluation {
    let has = |name| request.headers().contains_key(name);
    if has(IF_MATCH) {
        if let Ok(IfMatch::Items(tags)) = IfMatch::parse(request)
            && !tags.iter().any(|tag| tag.strong_eq(&current.etag))
        {
            return Evaluation::PreconditionFailed;
        }
    } else if has(IF_UNMODIFIED_SINCE)
        && let Ok(IfUnmodifiedSince(date)) = IfUnmodifiedSince::parse(request)
        && current.modified > date
    {
        return Evaluation::PreconditionFailed;
    }
    if has(IF_NONE_MATCH) {
        if has_current_content(request, &current.etag) {
            return Evaluation::NotModified;
        }
    } else if has(IF_MODIFIED_SINCE)
        && let Ok(IfModifiedSince(date)) = IfModifiedSince::parse(request)
        && current.modified <= date
    {
        return Evaluation::NotModified;
    }
    if !has(RANGE) || (has(IF_RANGE) && !is_range_valid(request, current)) {
        return Evaluation::Whole;
    }
    match Range::parse(request) {
        Ok(Range::Bytes(ranges)) => match ranges.as_slice() {
            [one] => satisfy_range(one, current.size),
            _ => Evaluation::Whole,
        },
        _ => Evaluation::Whole,
    }
}

/// False where the validator is weak, invalid or of another version: the range is ignored then.
fn is_range_valid(request: &impl HttpMessage, current: &Representation) -> bool {
    match IfRange::parse(request) {
        Ok(IfRange::EntityTag(tag)) => tag.strong_eq(&current.etag),
        Ok(IfRange::Date(date)) => date == current.modified,
        Err(_) => false,
    }
}

fn satisfy_range(range: &ByteRangeSpec, size: u64) -> Evaluation {
    match range.to_satisfiable_range(size) {
        Some((first, last)) => Evaluation::Part { first, last },
        None => Evaluation::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn current_representation() -> Representation {
        let modified = "Mon, 12 Jan 2026 09:00:00 GMT".parse().unwrap();
        Representation { etag: EntityTag::new_strong("v1".to_owned()), modified, size: 1000 }
    }

    fn evaluate_headers(headers: &[(&'static str, &str)]) -> Evaluation {
        let mut request = TestRequest::get();
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        evaluate_conditions(&request.to_http_request(), &current_representation())
    }

    #[test]
    fn ranges_follow_the_standard() {
        let range = |value: &str| evaluate_headers(&[("range", value)]);
        assert_eq!(range("bytes=0-"), Evaluation::Part { first: 0, last: 999 });
        assert_eq!(range("bytes=10-19"), Evaluation::Part { first: 10, last: 19 });
        assert_eq!(range("bytes=990-5000"), Evaluation::Part { first: 990, last: 999 });
        assert_eq!(range("bytes=-10"), Evaluation::Part { first: 990, last: 999 });
        assert_eq!(range("bytes=-5000"), Evaluation::Part { first: 0, last: 999 });
        assert_eq!(range("bytes=1000-"), Evaluation::Unsatisfiable);
        assert_eq!(range("bytes=-0"), Evaluation::Unsatisfiable);
        for whole in ["bytes=1-2,5-6", "items=0-5", "bytes=x-", "bytes=9-5", "bytes=", "nonsense", ""] {
            assert_eq!(range(whole), Evaluation::Whole, "{whole}");
        }
    }

    #[test]
    fn if_range_ignores_the_range_of_another_version() {
        let with = |validator: &str| evaluate_headers(&[("range", "bytes=5-"), ("if-range", validator)]);
        let part = Evaluation::Part { first: 5, last: 999 };
        assert_eq!(with("\"v1\""), part);
        assert_eq!(with("Mon, 12 Jan 2026 09:00:00 GMT"), part);
        for whole in ["\"v2\"", "W/\"v1\"", "Mon, 12 Jan 2026 09:00:01 GMT", "Mon, 12 Jan 2026 08:59:59 GMT", "v1"] {
            assert_eq!(with(whole), Evaluation::Whole, "{whole}");
        }
    }

    #[test]
    fn preconditions_come_before_ranges() {
        assert_eq!(evaluate_headers(&[("if-match", "\"v2\""), ("range", "bytes=0-")]), Evaluation::PreconditionFailed);
        assert_eq!(evaluate_headers(&[("if-match", "\"v2\", \"v1\"")]), Evaluation::Whole);
        assert_eq!(evaluate_headers(&[("if-match", "*")]), Evaluation::Whole);
        assert_eq!(evaluate_headers(&[("if-none-match", "W/\"v1\"")]), Evaluation::NotModified);
        assert_eq!(evaluate_headers(&[("if-none-match", "\"v2\"")]), Evaluation::Whole);
        assert_eq!(
            evaluate_headers(&[("if-modified-since", "Mon, 12 Jan 2026 09:00:00 GMT")]),
            Evaluation::NotModified
        );
        assert_eq!(evaluate_headers(&[("if-modified-since", "Mon, 12 Jan 2026 08:00:00 GMT")]), Evaluation::Whole);
        assert_eq!(
            evaluate_headers(&[("if-unmodified-since", "Mon, 12 Jan 2026 08:00:00 GMT")]),
            Evaluation::PreconditionFailed
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        /// A range is answered with exactly the bytes that a slice would give.
        #[test]
        fn ranges_are_slices(first in 0_u64..1200, length in 0_u64..1200, form in 0..3) {
            let bytes: Vec<u64> = (0..1000).collect();
            let last = first + length;
            let (text, expected) = match form {
                0 => (format!("bytes={first}-"), bytes.get(usize::try_from(first).unwrap()..)),
                1 => (format!("bytes={first}-{last}"), {
                    let end = usize::try_from(last + 1).unwrap().min(1000);
                    bytes.get(usize::try_from(first).unwrap()..end.max(usize::try_from(first).unwrap()))
                }),
                _ => (format!("bytes=-{length}"), bytes.get(1000_usize.saturating_sub(usize::try_from(length).unwrap())..)),
            };
            let expected = expected.filter(|slice| !slice.is_empty());
            match evaluate_headers(&[("range", &text)]) {
                Evaluation::Part { first, last } => prop_assert_eq!(expected, bytes.get(usize::try_from(first).unwrap()..=usize::try_from(last).unwrap())),
                Evaluation::Unsatisfiable => prop_assert!(expected.is_none()),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn no_header_panics(text in "[ -~]{0,40}") {
            for name in ["range", "if-range", "if-match", "if-none-match", "if-modified-since"] {
                evaluate_headers(&[("range", "bytes=0-"), (name, &text)]);
            }
        }
    }
}
