//! `GET /search/app/complete?text=…`: texts that complete the path at the end of the box, for the script of the page.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::pages::Pages;
use crate::error::report_timeout;

/// Texts that are offered.
const MAX_TEXTS: usize = 10;
/// What has a meaning in queries: paths with these would have to be quoted.
const SPECIAL: &[char] = &['"', '(', ')', '[', ']', '{', '}', '^', '~', '!', '&', '|', '*', '?', '\\'];

#[derive(Deserialize)]
struct CompleteParameters {
    text: Option<String>,
}

pub async fn complete_path(pages: web::Data<Pages>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = pages.sessions.require_visitor(&request).await?;
    caller.require_scope("read")?;
    let parameters: CompleteParameters = parse_query(&request)?;
    let text = parameters.text.unwrap_or_default();
    let (before, path) = split_last_word(&text);
    if !path.contains('/') {
        return Ok(HttpResponse::Ok().json(Vec::<String>::new()));
    }
    let found = pages.searches.find_directories(&caller, path.to_owned(), MAX_TEXTS).await.map_err(report_timeout)?;
    let paths = found.directories.into_iter().map(|directory| directory.path).filter(|path| is_plain_word(path));
    let texts: Vec<String> = paths.map(|path| format!("{before}{path}/")).collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(texts))
}

/// What stands before the last word, and the word.
fn split_last_word(text: &str) -> (&str, &str) {
    let last_blank = text.char_indices().rfind(|(_, c)| c.is_whitespace());
    text.split_at(last_blank.map_or(0, |(place, blank)| place + blank.len_utf8()))
}

fn is_plain_word(path: &str) -> bool {
    !path.contains(char::is_whitespace) && !path.contains(SPECIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_completed() {
        for (text, before, word) in [
            ("", "", ""),
            ("/da", "", "/da"),
            ("a AND /da", "a AND ", "/da"),
            ("a\u{a0}/b", "a\u{a0}", "/b"),
            ("a ", "a ", ""),
        ] {
            assert_eq!(split_last_word(text), (before, word), "{text}");
        }
        assert!(is_plain_word("/data/2025-01/é") && !is_plain_word("/a b") && !is_plain_word("/a(1)"));
    }
}
