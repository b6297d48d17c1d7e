//! What a request with ranges and preconditions gets (RFC 9110, 13 and 14).

use actix_web::HttpMessage;
use actix_web::http::header::{
    ByteRangeSpec, EntityTag, Header as _, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, RANGE, Range,
};

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
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

/// The present state of what is asked for. The time has whole seconds, as on the wire.
#[derive(Debug, Clone)]
pub struct Representation {
    pub etag: EntityTag,
    pub modified: HttpDate,
    pub size: u64,
}

/// Decides in the order of RFC 9110, 13.2.2. Headers that cannot be understood count as absent, and so do several ranges.
pub fn decide(request: &impl HttpMessage, now: &Representation) -> Answer {
    let has = |name| request.headers().contains_key(name);
    if has(IF_MATCH) {
        if let Ok(IfMatch::Items(tags)) = IfMatch::parse(request)
            && !tags.iter().any(|tag| tag.strong_eq(&now.etag))
        {
            return Answer::PreconditionFailed;
        }
    } else if has(IF_UNMODIFIED_SINCE)
        && let Ok(IfUnmodifiedSince(date)) = IfUnmodifiedSince::parse(request)
        && now.modified > date
    {
        return Answer::PreconditionFailed;
    }
    if has(IF_NONE_MATCH) {
        let matches = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&now.etag)),
            Err(_) => false,
        };
        if matches {
            return Answer::NotModified;
        }
    } else if has(IF_MODIFIED_SINCE)
        && let Ok(IfModifiedSince(date)) = IfModifiedSince::parse(request)
        && now.modified <= date
    {
        return Answer::NotModified;
    }
    if !has(RANGE) || (has(IF_RANGE) && !if_range(request, now)) {
        return Answer::Whole;
    }
    match Range::parse(request) {
        Ok(Range::Bytes(ranges)) => match ranges.as_slice() {
            [one] => part(one, now.size),
            _ => Answer::Whole,
        },
        _ => Answer::Whole,
    }
}

/// A validator that is weak, unreadable or another one makes the range void.
fn if_range(request: &impl HttpMessage, now: &Representation) -> bool {
    match IfRange::parse(request) {
        Ok(IfRange::EntityTag(tag)) => tag.strong_eq(&now.etag),
        Ok(IfRange::Date(date)) => date == now.modified,
        Err(_) => false,
    }
}

fn part(range: &ByteRangeSpec, size: u64) -> Answer {
    match range.to_satisfiable_range(size) {
        Some((first, last)) => Answer::Part { first, last },
        None => Answer::Unsatisfiable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn now() -> Representation {
        let modified = "Mon, 12 Jan 2026 09:00:00 GMT".parse().unwrap();
        Representation { etag: EntityTag::new_strong("v1".to_owned()), modified, size: 1000 }
    }

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let mut request = TestRequest::get();
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        decide(&request.to_http_request(), &now())
    }

    #[test]
    fn ranges_follow_the_standard() {
        let range = |value: &str| answer(&[("range", value)]);
        assert_eq!(range("bytes=0-"), Answer::Part { first: 0, last: 999 });
        assert_eq!(range("bytes=10-19"), Answer::Part { first: 10, last: 19 });
        assert_eq!(range("bytes=990-5000"), Answer::Part { first: 990, last: 999 });
        assert_eq!(range("bytes=-10"), Answer::Part { first: 990, last: 999 });
        assert_eq!(range("bytes=-5000"), Answer::Part { first: 0, last: 999 });
        assert_eq!(range("bytes=1000-"), Answer::Unsatisfiable);
        assert_eq!(range("bytes=-0"), Answer::Unsatisfiable);
        for whole in ["bytes=1-2,5-6", "items=0-5", "bytes=x-", "bytes=9-5", "bytes=", "nonsense", ""] {
            assert_eq!(range(whole), Answer::Whole, "{whole}");
        }
    }

    #[test]
    fn a_range_counts_only_for_the_version_it_was_asked_of() {
        let with = |validator: &str| answer(&[("range", "bytes=5-"), ("if-range", validator)]);
        let part = Answer::Part { first: 5, last: 999 };
        assert_eq!(with("\"v1\""), part);
        assert_eq!(with("Mon, 12 Jan 2026 09:00:00 GMT"), part);
        for whole in ["\"v2\"", "W/\"v1\"", "Mon, 12 Jan 2026 09:00:01 GMT", "Mon, 12 Jan 2026 08:59:59 GMT", "v1"] {
            assert_eq!(with(whole), Answer::Whole, "{whole}");
        }
    }

    #[test]
    fn preconditions_come_before_ranges() {
        assert_eq!(answer(&[("if-match", "\"v2\""), ("range", "bytes=0-")]), Answer::PreconditionFailed);
        assert_eq!(answer(&[("if-match", "\"v2\", \"v1\"")]), Answer::Whole);
        assert_eq!(answer(&[("if-match", "*")]), Answer::Whole);
        assert_eq!(answer(&[("if-none-match", "W/\"v1\"")]), Answer::NotModified);
        assert_eq!(answer(&[("if-none-match", "\"v2\"")]), Answer::Whole);
        assert_eq!(answer(&[("if-modified-since", "Mon, 12 Jan 2026 09:00:00 GMT")]), Answer::NotModified);
        assert_eq!(answer(&[("if-modified-since", "Mon, 12 Jan 2026 08:00:00 GMT")]), Answer::Whole);
        assert_eq!(answer(&[("if-unmodified-since", "Mon, 12 Jan 2026 08:00:00 GMT")]), Answer::PreconditionFailed);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        /// A range is answered with exactly the bytes that a slice would give.
        #[test]
        fn parts_are_slices(first in 0_u64..1200, length in 0_u64..1200, form in 0..3) {
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
            match answer(&[("range", &text)]) {
                Answer::Part { first, last } => prop_assert_eq!(expected, bytes.get(usize::try_from(first).unwrap()..=usize::try_from(last).unwrap())),
                Answer::Unsatisfiable => prop_assert!(expected.is_none()),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn no_header_panics(text in "[ -~]{0,40}") {
            for name in ["range", "if-range", "if-match", "if-none-match", "if-modified-since"] {
                answer(&[("range", "bytes=0-"), (name, &text)]);
            }
        }
    }
}
