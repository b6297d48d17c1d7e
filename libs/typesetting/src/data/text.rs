//! Text as the template reads it: strings, 0 where a line ends, 1 where a long word may break, and marked strings.

use serde_json::{Map, Value, json};
use unicode_bidi::BidiClass;
use unicode_segmentation::UnicodeSegmentation;

use crate::document::{Inline, Script, Style};

/// Characters of a word that a line has no room for.
pub const LONG_WORD: usize = 50;

/// One text without marks.
pub fn encode_plain_text(text: &str) -> Value {
    let content = [Inline::plain(text)];
    let is_right_to_left = is_right_to_left(&content);
    json!({"content": encode_inlines(&content, LONG_WORD), "rtl": is_right_to_left})
}

/// Without control characters, which no font has; line feeds stay.
pub fn strip_control_characters(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n").replace('\t', "    ");
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// Words longer than `long_word` characters may break anywhere.
pub fn encode_inlines(content: &[Inline], long_word: usize) -> Value {
    let mut out = Vec::new();
    for inline in content {
        match inline {
            Inline::Text(text, style) => {
                for (number, line) in strip_control_characters(text).split('\n').enumerate() {
                    if number > 0 {
                        out.push(json!(0));
                    }
                    push_line(&mut out, line, style, long_word);
                }
            }
            Inline::Formula(formula) => out.push(formula.to_value()),
        }
    }
    Value::Array(out)
}

fn push_line(out: &mut Vec<Value>, line: &str, style: &Style, long_word: usize) {
    for (number, piece) in breakable_pieces(line, long_word).into_iter().enumerate() {
        if number > 0 {
            out.push(json!(1));
        }
        if !piece.is_empty() {
            out.push(encode_styled(piece, style));
        }
    }
}

fn encode_styled(text: &str, style: &Style) -> Value {
    if *style == Style::default() {
        return text.into();
    }
    let mut out = Map::new();
    out.insert("text".to_owned(), text.into());
    let marks = [
        ("strong", style.strong),
        ("emphasis", style.emphasis),
        ("strike", style.strike),
        ("underline", style.underline),
        ("code", style.code),
        ("mark", style.mark),
        ("raised", style.script == Script::Superscript),
        ("lowered", style.script == Script::Subscript),
    ];
    for (name, _) in marks.into_iter().filter(|(_, is_set)| *is_set) {
        out.insert(name.to_owned(), true.into());
    }
    if let Some(link) = style.link.as_deref().and_then(safe_link) {
        out.insert("link".to_owned(), link.into());
    }
    Value::Object(out)
}

/// The pieces of a line between which it may break besides where its language lets it.
fn breakable_pieces(line: &str, long_word: usize) -> Vec<&str> {
    let (mut pieces, mut start, mut word) = (Vec::new(), 0, 0);
    if line.len() <= long_word {
        return vec![line];
    }
    let mut cuts = Vec::new();
    let mut pending = Vec::new();
    for (at, cluster) in line.grapheme_indices(true) {
        let is_gap = cluster.chars().next().is_some_and(is_gap);
        if is_gap {
            if word > long_word {
                cuts.append(&mut pending);
            }
            pending.clear();
            word = 0;
            continue;
        }
        word += 1;
        if word > 1 && (word - 1) % (long_word / 2).max(1) == 0 {
            pending.push(at);
        }
    }
    if word > long_word {
        cuts.append(&mut pending);
    }
    for cut in cuts {
        pieces.push(&line[start..cut]);
        start = cut;
    }
    pieces.push(&line[start..]);
    pieces
}

/// Where lines break anyway: white space, the parts of addresses, and scripts that have no spaces between words.
pub fn is_gap(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '/' | '-')
        || matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
        || is_wide(c)
}

/// Ideographs, kana, hangul and their punctuation, which are as wide as high.
pub fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

/// Whether the first letter is of a script that runs from right to left (Unicode Standard Annex 9, rules P2 and P3).
pub fn is_right_to_left(content: &[Inline]) -> bool {
    let texts = content.iter().filter_map(|inline| if let Inline::Text(text, _) = inline { Some(text) } else { None });
    let mut classes = texts.flat_map(|text| text.chars()).map(unicode_bidi::bidi_class);
    let first = classes.find(|class| matches!(class, BidiClass::L | BidiClass::R | BidiClass::AL));
    first.is_some_and(|class| class != BidiClass::L)
}

/// The address in ASCII, as PDF wants it; `None` for what is not http, https or mailto.
fn safe_link(address: &str) -> Option<String> {
    /// Longer ones are not worth a click.
    const MAX_LENGTH: usize = 2000;
    let address = address.trim();
    let (scheme, rest) = address.split_once(':')?;
    let is_known = ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (is_known && !rest.is_empty() && address.len() <= MAX_LENGTH).then_some(())?;
    let byte = |byte: u8| match byte {
        byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    Some(address.bytes().map(byte).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_and_of_mail_are_followed() {
        assert_eq!(safe_link(" https://x.org/é a ").as_deref(), Some("https://x.org/%C3%A9%20a"));
        assert_eq!(safe_link("MAILTO:a@b").as_deref(), Some("MAILTO:a@b"));
        for bad in ["javascript:x", "file:///etc", "/resource/file/1", "data:,x", "", "https", "https:"] {
            assert_eq!(safe_link(bad), None);
        }
    }

    #[test]
    fn long_words_may_break_and_short_ones_and_addresses_do_not() {
        let long = "x".repeat(120);
        assert_eq!(breakable_pieces(&long, 50).concat(), long);
        assert_eq!(breakable_pieces(&long, 50).len(), 5);
        assert_eq!(breakable_pieces(&format!("a {long} b"), 50).len(), 5);
        let sentence = "words that are not long, ".repeat(10);
        assert_eq!(breakable_pieces(&sentence, 50), [sentence.as_str()]);
        let address = format!("https://x.org{}", "/path/of/some/words".repeat(9));
        assert_eq!(breakable_pieces(&address, 50), [address.as_str()]);
        assert_eq!(breakable_pieces(&"é".repeat(60), 50).len(), 3);
        assert_eq!(breakable_pieces(&"中".repeat(200), 50).len(), 1);
    }

    #[test]
    fn the_first_letter_says_where_a_line_begins() {
        let is_right_to_left = |text: &str| is_right_to_left(&[Inline::plain(text)]);
        assert!(is_right_to_left("12: שלום abc") && is_right_to_left("مرحبا"));
        assert!(!is_right_to_left("abc שלום") && !is_right_to_left("12 ...") && !is_right_to_left(""));
    }

    #[test]
    fn lines_and_spaces_stay_and_control_characters_go() {
        let text = [Inline::plain("a\r\n  b\u{0}\u{7}\tc")];
        assert_eq!(encode_inlines(&text, LONG_WORD), json!(["a", 0, "  b    c"]));
    }
}
