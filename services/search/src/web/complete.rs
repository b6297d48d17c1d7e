//! `GET /search/app/complete?text=…`: texts that complete the word at the end of the box, for the script of the page: a path, the
//! value of a field such as `instrument.name:BL`, or the name of a parameter such as `parameter.temp`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::parse_query;

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
}

pub async fn complete_text(pages: web::Data<Pages>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let caller = pages.sessions.require_visitor(&request).await?;
    caller.require_scope("read")?;
    let parameters: CompleteParameters = parse_query(&request)?;
    let text = parameters.text.unwrap_or_default();
    let (before, word) = split_last_word(&text);
    let words = match find_completed_field(word) {
        Some((target, field, start)) => {
            let limit = MAX_TEXTS;
            let found = pages.searches.find_values(&caller, target, field, start.to_owned(), limit).await;
            let values = found.map_err(report_timeout)?.values.into_iter();
            values.map(|value| render_condition(field, &value)).collect()
        }
        None if word.contains('/') => {
            let found = pages.searches.find_directories(&caller, word.to_owned(), MAX_TEXTS).await;
            let directories = found.map_err(report_timeout)?.directories.into_iter();
            let paths = directories.map(|directory| directory.path).filter(|path| is_plain_word(path));
            paths.map(|path| format!("{path}/")).collect()
        }
        None => Vec::new(),
    };
    let texts: Vec<String> = words.into_iter().map(|word| format!("{before}{word}")).collect();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(texts))
}

/// The field of a word whose values can be listed, an entity that has it, and the beginning of the value.
fn find_completed_field(word: &str) -> Option<(EntityKind, &str, &str)> {
    if let Some(start) = word.strip_prefix(PARAMETER_PREFIX).filter(|name| !name.contains(':')) {
        return Some((EntityKind::Datafile, PARAMETER_NAME, start));
    }
    let (field, start) = word.split_once(':')?;
    // The box is the same for all tabs.
    let targets = [EntityKind::Datafile, EntityKind::Dataset, EntityKind::Investigation];
    let target = targets.into_iter().find(|target| find_named_entity(*target, field).is_ok())?;
    (field != PARAMETER_NAME).then_some((target, field, start.trim_start_matches('"')))
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
    format!("{field}:\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What stands before the last word, and the word.
fn split_last_word(text: &str) -> (&str, &str) {
    let last_blank = text.char_indices().rfind(|(_, c)| c.is_whitespace());
    text.split_at(last_blank.map_or(0, |(place, blank)| place + blank.len_utf8()))
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
        for (text, before, word) in [
            ("", "", ""),
            ("/da", "", "/da"),
            ("a AND /da", "a AND ", "/da"),
            ("a\u{a0}/b", "a\u{a0}", "/b"),
            ("a ", "a ", ""),
        ] {
            assert_eq!(split_last_word(text), (before, word), "{text}");
        }
        assert_eq!(find_completed_field("instrument.name:BL"), Some((EntityKind::Datafile, "instrument.name", "BL")));
        assert_eq!(find_completed_field("type.name:\"ra"), Some((EntityKind::Dataset, "type.name", "ra")));
        assert_eq!(find_completed_field("parameter.te"), Some((EntityKind::Datafile, "parameter.name", "te")));
        for word in ["parameter.temperature:", "name:a", "user.name:a", "parameter.name:", "/a:b", "instrument.name"] {
            assert_eq!(find_completed_field(word), None, "{word}");
        }
        for (field, value, expected) in [
            ("technique.name", "SAXS", "technique.name:SAXS"),
            ("technique.name", "powder diffraction", "technique.name:\"powder diffraction\""),
            ("technique.name", "a\"\\", r#"technique.name:"a\"\\""#),
            ("parameter.name", "beam energy (set)", r"parameter.beam\ energy\ \(set\):"),
        ] {
            assert_eq!(render_condition(field, value), expected);
        }
        assert!(is_plain_word("/data/2025-01/é") && !is_plain_word("/a b") && !is_plain_word("/a(1)"));
    }
}
