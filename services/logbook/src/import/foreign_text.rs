//! What was written in another notebook, as an entry has it.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::names::check_tag;
use crate::import::ro_crate::{keywords, text_of, values};
use crate::markup::escape::escape_html_text;
use crate::markup::markdown::{LONGEST_MARKDOWN, render_markdown, render_plain};

/// Of an entry's tags, and characters of one.
const MOST_TAGS: usize = 100;
const LONGEST_TAG: usize = 200;

/// A name that is no description.
pub fn has_ending_of(name: &str, filename: &str) -> bool {
    let ending = |name: &str| name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    !name.contains('/') && ending(name) == ending(filename)
}

/// Tags that an entry may have; a longer one is cut.
pub fn tags(node: &Value) -> Vec<String> {
    let short = |word: String| word.chars().filter(|c| *c != '\0').take(LONGEST_TAG).collect::<String>();
    let all = keywords(node).into_iter().map(short).filter(|word| check_tag(word).is_ok());
    all.take(MOST_TAGS).collect()
}

/// What somebody has written.
pub fn written(node: &Value) -> Option<String> {
    ["text", "articleBody"].iter().find_map(|name| text_of(&node[name]))
}

/// Markdown, or plain text if it is too long for that.
fn marked(text: &str) -> String {
    if text.len() > LONGEST_MARKDOWN { as_lines(text) } else { render_markdown(text) }
}

fn as_lines(text: &str) -> String {
    render_plain(text).replace('\n', "<br>\n")
}

/// Text, or else the description, and what stands in fields; then what is missing.
pub fn html_of(node: &Value, missing: &[String]) -> String {
    let format = text_of(&node["encodingFormat"]).unwrap_or_default();
    let text = written(node).or_else(|| text_of(&node["description"])).unwrap_or_default();
    let mut html = match format.as_str() {
        "text/markdown" => marked(&text),
        "text/plain" => as_lines(&text),
        _ if text.contains("</") || text.contains("<br") || text.contains("<img") => text,
        _ => marked(&text),
    };
    let values = values(node);
    if !values.is_empty() {
        html.push_str("<table><tbody>");
        for (name, value) in values {
            let _ = write!(html, "<tr><th>{}</th><td>{}</td></tr>", escape_html_text(&name), escape_html_text(&value));
        }
        html.push_str("</tbody></table>");
    }
    for name in missing {
        let _ = write!(html, "<p>[not in the archive: {}]</p>", escape_html_text(name));
    }
    html.replace('\0', "")
}
