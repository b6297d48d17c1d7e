//! Numbers as people read them.

/// Between groups of three digits: a narrow space at which no line breaks.
const GROUP_SEPARATOR: char = '\u{202f}';

/// `1 234 567`
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(GROUP_SEPARATOR);
        }
        text.push(digit);
    }
    text
}

/// `1.2 GB`; prefixes are powers of a thousand.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let (mut size, mut unit) = (0, 1_000_u128);
    // What is rounded to 1000 of a unit is 1.0 of the next.
    while divide_rounded(bytes.into(), unit) >= 1_000 {
        (size, unit) = (size + 1, unit * 1_000);
    }
    let name = UNITS.get(size).copied().unwrap_or("EB");
    let tenths = divide_rounded(u128::from(bytes) * 10, unit);
    if tenths < 1_000 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", divide_rounded(bytes.into(), unit))
    }
}

fn divide_rounded(amount: u128, unit: u128) -> u128 {
    (amount + unit / 2) / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_groups_of_three_digits() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")] {
            assert_eq!(format_count(count), text);
        }
    }

    #[test]
    fn sizes_have_a_unit_of_their_order() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_550, "1.6 kB"),
            (99_940, "99.9 kB"),
            (99_960, "100 kB"),
            (123_456, "123 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (5_368_709_120, "5.4 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(format_bytes(bytes), text, "{bytes}");
        }
    }
}
