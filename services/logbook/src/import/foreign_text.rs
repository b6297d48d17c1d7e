//! Converts the content of another notebook to the content of an entry.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::values::check_tag_name;
use crate::import::ro_crate::{list_keywords, list_measured_values, to_text};
use crate::markup::escape::escape_html_text;
use crate::markup::markdown::{MAX_MARKDOWN, render_markdown, render_plain};

/// Maximum number of tags of an entry, and of characters of a tag.
const MAX_TAGS: usize = 100;
const MAX_TAG: usize = 200;

/// Whether two names have the same extension.
pub fn has_same_ending(name: &str, filename: &str) -> bool {
    let ending = |name: &str| name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    !name.contains('/') && ending(name) == ending(filename)
}

/// Valid tags of an entry; long ones are cut.
pub fn list_node_tags(node: &Value) -> Vec<String> {
    let short = |word: String| word.chars().filter(|c| *c != '\0').take(MAX_TAG).collect::<String>();
    let all = list_keywords(node).into_iter().map(short).filter(|word| check_tag_name(word).is_ok());
    all.take(MAX_TAGS).collect()
}

/// The text of a node.
pub fn find_node_text(node: &Value) -> Option<String> {
    ["text", "articleBody"].iter().find_map(|name| to_text(&node[name]))
}

/// Markdown, or plain text if it is too long for Markdown.
fn render_text(text: &str) -> String {
    if text.len() > MAX_MARKDOWN { render_lines(text) } else { render_markdown(text) }
}

fn render_lines(text: &str) -> String {
    render_plain(text).replace('\n', "<br>\n")
}

/// The text, or else the description, then the fields, then notes about missing files.
pub fn render_node(node: &Value, missing: &[String]) -> String {
    let format = to_text(&node["encodingFormat"]).unwrap_or_default();
    let text = find_node_text(node).or_else(|| to_text(&node["description"])).unwrap_or_default();
    let mut html = match format.as_str() {
        "text/markdown" => render_text(&text),
        "text/plain" => render_lines(&text),
        _ if text.contains("</") || text.contains("<br") || text.contains("<img") => text,
        _ => render_text(&text),
    };
    let measured = list_measured_values(node);
    if !measured.is_empty() {
        html.push_str("<table><tbody>");
        for (name, value) in measured {
            let _ = write!(html, "<tr><th>{}</th><td>{}</td></tr>", escape_html_text(&name), escape_html_text(&value));
        }
        html.push_str("</tbody></table>");
    }
    for name in missing {
        let _ = write!(html, "<p>[not in the archive: {}]</p>", escape_html_text(name));
    }
    html.replace('\0', "")
}
