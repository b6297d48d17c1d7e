use unicode_segmentation::UnicodeSegmentation;

/// Longer words are split, as by Lucene.
const MAX_WORD_CHARS: usize = 255;

/// The words of UAX #29 that have letters or digits. Ideographs are a word each.
pub(super) fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.unicode_words().flat_map(split_long_word)
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
