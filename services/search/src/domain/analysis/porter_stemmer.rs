//! The stemmer of M. F. Porter, "An algorithm for suffix stripping" (Program 14, 1980), with the two changes that its author
//! made in his own implementation: the suffixes `bli` and `logi`. Lucene has the same. Words need not be ASCII; all letters
//! but a, e, i, o, u and y are consonants.

/// Suffixes of step 2 and what replaces them. The first that fits is taken.
const STEP_2: [(&str, &str); 21] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];

const STEP_3: [(&str, &str); 7] =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

const STEP_4: [&str; 19] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

/// Reduces a word in lower case to its stem. Words of one or two characters stay as they are.
pub(super) fn stem_word(word: &mut String) {
    if word.chars().nth(2).is_none() {
        return;
    }
    strip_plural(word);
    strip_past_and_progressive(word);
    replace_final_y(word);
    replace_suffix(word, &STEP_2);
    replace_suffix(word, &STEP_3);
    strip_suffix(word);
    strip_final_e_and_l(word);
}

/// Step 1a.
fn strip_plural(word: &mut String) {
    if word.ends_with("sses") || word.ends_with("ies") {
        word.truncate(word.len() - 2);
    } else if word.ends_with('s') && !word.ends_with("ss") {
        word.pop();
    }
}

/// Step 1b.
fn strip_past_and_progressive(word: &mut String) {
    if let Some(stem) = word.strip_suffix("eed") {
        if count_sequences(stem) > 0 {
            word.pop();
        }
        return;
    }
    let Some(stem) = word.strip_suffix("ed").or_else(|| word.strip_suffix("ing")) else { return };
    if !has_vowel(stem) {
        return;
    }
    word.truncate(stem.len());
    if ["at", "bl", "iz"].iter().any(|suffix| word.ends_with(suffix)) {
        word.push('e');
    } else if ends_with_double_consonant(word) {
        if !word.ends_with(['l', 's', 'z']) {
            word.pop();
        }
    } else if count_sequences(word) == 1 && ends_with_short_syllable(word) {
        word.push('e');
    }
}

/// Step 1c.
fn replace_final_y(word: &mut String) {
    if word.strip_suffix('y').is_some_and(has_vowel) {
        word.pop();
        word.push('i');
    }
}

/// Steps 2 and 3.
fn replace_suffix(word: &mut String, replacements: &[(&str, &str)]) {
    for (suffix, replacement) in replacements {
        if let Some(stem) = word.strip_suffix(suffix) {
            if count_sequences(stem) > 0 {
                word.truncate(stem.len());
                word.push_str(replacement);
            }
            return;
        }
    }
}

/// Step 4.
fn strip_suffix(word: &mut String) {
    for suffix in STEP_4 {
        if let Some(stem) = word.strip_suffix(suffix) {
            if suffix == "ion" && !stem.ends_with(['s', 't']) {
                return;
            }
            if count_sequences(stem) > 1 {
                word.truncate(stem.len());
            }
            return;
        }
    }
}

/// Step 5.
fn strip_final_e_and_l(word: &mut String) {
    let sequences = count_sequences(word);
    if let Some(stem) = word.strip_suffix('e')
        && (sequences > 1 || sequences == 1 && !ends_with_short_syllable(stem))
    {
        word.pop();
    }
    if word.ends_with("ll") && sequences > 1 {
        word.pop();
    }
}

/// For each byte of a word, whether it belongs to a consonant. All bytes of other letters do.
fn classify_consonants(word: &str) -> impl Iterator<Item = bool> {
    word.bytes().scan(false, |was_consonant, byte| {
        *was_consonant = match byte {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => !*was_consonant,
            _ => true,
        };
        Some(*was_consonant)
    })
}

/// The measure m of a word: how often a vowel is followed by a consonant.
fn count_sequences(word: &str) -> usize {
    let mut was_vowel = false;
    let mut count = 0;
    for is_consonant in classify_consonants(word) {
        count += usize::from(was_vowel && is_consonant);
        was_vowel = !is_consonant;
    }
    count
}

fn has_vowel(word: &str) -> bool {
    classify_consonants(word).any(|is_consonant| !is_consonant)
}

fn ends_with_double_consonant(word: &str) -> bool {
    let [.., before, last] = word.as_bytes() else { return false };
    last.is_ascii() && before == last && classify_consonants(word).last() == Some(true)
}

/// Whether a word ends in consonant, vowel, consonant, where the last is none of w, x and y.
fn ends_with_short_syllable(word: &str) -> bool {
    let mut last_three = [false; 3];
    for is_consonant in classify_consonants(word) {
        last_three = [last_three[1], last_three[2], is_consonant];
    }
    word.len() >= 3 && last_three == [true, false, true] && !word.ends_with(['w', 'x', 'y'])
}
