use unicode_segmentation::UnicodeSegmentation;

/// Longer words are split, as by Lucene.
const MAX_WORD_CHARS: usize = 255;

/// The words of UAX #29 that have letters or digits. Ideographs are a word each. Scripts without blanks between words, such as
/// Thai, are not divided, as in Lucene.
pub(super) fn split_words(text: &str) -> impl Iterator<Item = &str> {
    // A blank with a mark that combines with it is no word, although some marks are letters.
    let words = text.unicode_word_indices().filter(|(_, word)| !word.starts_with(char::is_whitespace));
    let mut words = words.peekable();
    let joined = std::iter::from_fn(move || {
        let (start, first) = words.next()?;
        let mut end = start + first.len();
        while is_undivided(first)
            && let Some((_, next)) = words.next_if(|(start, next)| *start == end && is_undivided(next))
        {
            end += next.len();
        }
        Some(&text[start..end])
    });
    joined.flat_map(split_long_word)
}

/// Whether a word begins with a letter of Thai, Lao, Myanmar or Khmer, whose letters UAX #29 takes for words.
fn is_undivided(word: &str) -> bool {
    word.starts_with(|c| matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'))
}

fn split_long_word(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(MAX_WORD_CHARS).map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
