//! Where lines end. A line breaks at white space; a word that is longer than a line breaks anywhere.

use std::ops::Range;

use super::fonts::Letter;

/// The lines of letters, for a width in ems. Each letter is in a line, but for line feeds and the one white space
/// where a line broke. No letters make one empty line.
pub fn broken(letters: &[Letter], width: f32) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in letters.split_inclusive(|letter| letter.c == '\n') {
        let end = start + paragraph.len();
        let ends_here = paragraph.last().is_some_and(|last| last.c == '\n');
        break_one(letters, start..end - usize::from(ends_here), width, &mut lines);
        start = end;
    }
    if lines.is_empty() {
        lines.push(0..0);
    }
    lines
}

fn break_one(letters: &[Letter], all: Range<usize>, width: f32, lines: &mut Vec<Range<usize>>) {
    let mut start = all.start;
    let mut used = 0.0;
    // The last white space of the line, and what was used up to and with it.
    let mut space: Option<(usize, f32)> = None;
    for at in all.clone() {
        let letter = &letters[at];
        if is_space(letter) {
            // White space may hang over the end.
            used += letter.width;
            space = Some((at, used));
            continue;
        }
        if used + letter.width > width && at > start {
            match space.take() {
                Some((space, used_before)) => {
                    lines.push(start..space);
                    start = space + 1;
                    used -= used_before;
                }
                None => {
                    lines.push(start..at);
                    start = at;
                    used = 0.0;
                }
            }
            // What came over may still be too long with this letter.
            if used + letter.width > width && at > start {
                lines.push(start..at);
                start = at;
                used = 0.0;
            }
        }
        used += letter.width;
    }
    lines.push(start..all.end);
}

/// Lines may break here: not at spaces that were made to hold words together.
pub fn is_space(letter: &Letter) -> bool {
    letter.c.is_whitespace() && !matches!(letter.c, '\u{a0}' | '\u{202f}' | '\u{2007}')
}

/// In ems.
pub fn width(letters: &[Letter]) -> f32 {
    letters.iter().map(|letter| letter.width).sum()
}

#[cfg(test)]
mod tests {
    use krilla::text::GlyphId;
    use proptest::prelude::*;

    use super::*;

    fn letters(text: &str) -> Vec<Letter> {
        text.chars().map(|c| Letter { c, face: 0, glyph: GlyphId::new(1), width: 1.0, link: 0 }).collect()
    }

    fn lines(text: &str, width: f32) -> Vec<String> {
        let letters = letters(text);
        broken(&letters, width).into_iter().map(|line| letters[line].iter().map(|letter| letter.c).collect()).collect()
    }

    #[test]
    fn lines_break_at_white_space_or_within_overlong_words() {
        assert_eq!(lines("the beam is back", 8.0), ["the beam", "is back"]);
        assert_eq!(lines("a abcdefghij b", 4.0), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(lines("one\n\ntwo", 9.0), ["one", "", "two"]);
        assert_eq!(lines("one\n", 9.0), ["one"]);
        assert_eq!(lines("3\u{a0}mm x", 4.0), ["3\u{a0}mm", "x"]);
        assert_eq!(lines("", 9.0), [""]);
        assert_eq!(lines("ab", 0.5), ["a", "b"], "narrower than a letter");
    }

    proptest! {
        #[test]
        fn no_letter_is_lost_and_no_line_too_wide(text in "[ab \n]{0,60}", letters in 1u8..12) {
            let lines = lines(&text, f32::from(letters));
            let kept: String = lines.concat().split_whitespace().collect();
            prop_assert_eq!(kept, text.split_whitespace().collect::<String>());
            for line in lines {
                prop_assert!(line.trim_end().chars().count() <= usize::from(letters));
            }
        }
    }
}
