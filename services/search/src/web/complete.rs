//! `GET /search/app/complete?text=…&in=…`: texts that complete the word at the end of the box, for the script of the page: a path, the
//! value of a field such as `instrument.name:BL`, or the name of a parameter such as `parameter.temp`. `in` is the open tab, as in
//! the address of the page.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;

use super::page_query::Tab;
use super::pages::Pages;
use crate::domain::entity::EntityKind;
use crate::error::report_timeout;
use crate::results::field_values::{PARAMETER_NAME, find_named_entity};

/// Texts that are offered.
const MAX_TEXTS: usize = 10;
/// What a text has before the name of a parameter.
const PARAMETER_PREFIX: &str = "parameter.";
/// What has a meaning in queries: paths with these would have to be quoted.
const SPECIAL: &[char] = &['"', '(', ')', '[', ']', '{', '}', '^', '~', '!', '&', '|', '*', '?', '\\'];

#[derive(Deserialize)]
struct CompleteParameters {
    text: Option<String>,
    #[serde(rename = "in")]
    tab: Option<String>,
}

pub async fn complete_text(pages: web::Data<Pages>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = pages.sessions.require_visitor(&request).await?;
    caller.require_scope("read")?;
    let parameters: CompleteParameters = parse_query(&request)?;
    let text = parameters.text.unwrap_or_default();
    let (before, word) = split_last_word(&text);
    let tab = parameters.tab.as_deref().and_then(Tab::find_by_name).unwrap_or_default();
    let target = tab.target();
    let words = match find_completed_field(target, word) {
        Some((field, start)) => {
            let limit = MAX_TEXTS;
            let found = pages.searches.find_values(&caller, target, field, start.to_owned(), limit).await;
            let values = found.map_err(report_timeout)?.values.into_iter();
            values.map(|value| render_condition(field, &value)).collect()
        }
        None if tab == Tab::Datafiles && word.contains(['/', '\\']) => {
            let start = word.trim_matches('"').to_owned();
            let found = pages.searches.find_directories(&caller, start, MAX_TEXTS).await;
            let directories = found.map_err(report_timeout)?.directories.into_iter();
            directories.map(|directory| render_directory(&directory.path)).collect()
        }
        None => Vec::new(),
    };
    let texts: Vec<String> = words.into_iter().map(|word| format!("{before}{word}")).collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(texts))
}

/// The field of a word whose values can be listed, and the beginning of the value.
fn find_completed_field(target: EntityKind, word: &str) -> Option<(&str, &str)> {
    if let Some(start) = word.strip_prefix(PARAMETER_PREFIX).filter(|name| !name.contains(':')) {
        return Some((PARAMETER_NAME, start));
    }
    let (field, start) = word.split_once(':')?;
    find_named_entity(target, field).ok()?;
    (field != PARAMETER_NAME).then_some((field, start.trim_start_matches('"')))
}

/// A directory as it is written in the box, with the separator after which its content is completed.
fn render_directory(path: &str) -> String {
    if is_plain_word(path) { format!("{path}/") } else { format!("\"{}/\"", escape_quoted(path)) }
}

fn escape_quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The condition as it is written in the box.
fn render_condition(field: &str, value: &str) -> String {
    if field == PARAMETER_NAME {
        let escaped: String =
            value.chars().flat_map(|c| (!is_plain_char(c)).then_some('\\').into_iter().chain([c])).collect();
        return format!("{PARAMETER_PREFIX}{escaped}:");
    }
    if is_plain_word(value) && !value.contains([':', '/', '=', '<', '>', '+', '-']) {
        return format!("{field}:{value}");
    }
    format!("{field}:\"{}\"", escape_quoted(value))
}

/// What stands before the last word, and the word. A quoted text belongs to a word as a whole, whether or not it is closed.
fn split_last_word(text: &str) -> (&str, &str) {
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (place, c) in text.char_indices() {
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        } else if c.is_whitespace() && !is_quoted {
            start = place + c.len_utf8();
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.split_at(start)
}

fn is_plain_word(word: &str) -> bool {
    word.chars().all(|c| !c.is_whitespace() && !SPECIAL.contains(&c))
}

fn is_plain_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_completed() {
        use EntityKind::{Datafile, Dataset, Investigation};
        for (text, before, word) in [
            ("", "", ""),
            ("/da", "", "/da"),
            ("a AND /da", "a AND ", "/da"),
            ("a\u{a0}/b", "a\u{a0}", "/b"),
            ("a ", "a ", ""),
            ("a \"/my da", "a ", "\"/my da"),
            ("\"a b\" /c", "\"a b\" ", "/c"),
            ("a \"/my data (1)/\"", "a ", "\"/my data (1)/\""),
            ("a type.name:\"b c", "a ", "type.name:\"b c"),
        ] {
            assert_eq!(split_last_word(text), (before, word), "{text}");
        }
        assert_eq!(find_completed_field(Datafile, "instrument.name:BL"), Some(("instrument.name", "BL")));
        assert_eq!(find_completed_field(Dataset, "type.name:\"ra"), Some(("type.name", "ra")));
        assert_eq!(find_completed_field(Datafile, "type.name:ra"), None);
        assert_eq!(find_completed_field(Investigation, "technique.name:a"), None);
        assert_eq!(find_completed_field(Datafile, "parameter.te"), Some(("parameter.name", "te")));
        for word in ["parameter.temperature:", "name:a", "user.name:a", "parameter.name:", "/a:b", "instrument.name"] {
            assert_eq!(find_completed_field(Datafile, word), None, "{word}");
        }
        for (field, value, expected) in [
            ("technique.name", "SAXS", "technique.name:SAXS"),
            ("technique.name", "powder diffraction", "technique.name:\"powder diffraction\""),
            ("technique.name", "a\"\\", r#"technique.name:"a\"\\""#),
            ("parameter.name", "beam energy (set)", r"parameter.beam\ energy\ \(set\):"),
        ] {
            assert_eq!(render_condition(field, value), expected);
        }
        assert_eq!(render_directory("/data"), "/data/");
        assert_eq!(render_directory("/my data (1)"), "\"/my data (1)/\"");
        assert!(is_plain_word("/data/2025-01/é") && !is_plain_word("/a b") && !is_plain_word("/a(1)"));
    }
}
