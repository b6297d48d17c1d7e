//! Formulas and raised or lowered text as plain characters: "10<sup>-3</sup>" must not become "10-3", and a fraction
//! needs its stroke. What has no character of its own is marked as people type it, `T_c` or `x^(a+b)`.

/// What is printed before an element of a formula and after it. `parent` is the element around it and how many children
/// that has had.
pub fn before(name: &str, parent: Option<(&str, &mut usize)>) -> (String, &'static str) {
    let Some((parent, children)) = parent else { return (String::new(), "") };
    let nth = *children;
    *children = nth.saturating_add(1);
    // An operator stands between the parts of the parent; parts of more than one character need parentheses.
    let operator = match (parent, nth) {
        ("mfrac", 1) => "/",
        ("msup", 1) | ("msubsup", 2) => "^",
        ("msub" | "msubsup", 1) => "_",
        ("mtable", 1..) => "; ",
        ("mtr", 1..) => " ",
        _ => "",
    };
    let is_part = matches!(parent, "mfrac" | "msup" | "msub" | "msubsup");
    let is_group = is_part && matches!(name, "mrow" | "mfrac" | "mstyle" | "mpadded");
    let open = match name {
        "msqrt" => "√(",
        _ if is_group => "(",
        _ => "",
    };
    (format!("{operator}{open}"), if open.is_empty() { "" } else { ")" })
}

pub struct Shift {
    mark: char,
    from: &'static str,
    to: &'static str,
}

/// How an element shifts its text.
pub fn shift(name: &str) -> Option<&'static Shift> {
    const UP: Shift =
        Shift { mark: '^', from: "0123456789+-−=()ni", to: "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ" };
    const DOWN: Shift =
        Shift { mark: '_', from: "0123456789+-−=()", to: "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎" };
    match name {
        "sup" => Some(&UP),
        "sub" => Some(&DOWN),
        _ => None,
    }
}

impl Shift {
    pub fn of(&self, text: &str) -> String {
        if text.trim().is_empty() {
            return text.to_owned();
        }
        let shifted = |c| self.from.chars().position(|from| from == c).and_then(|at| self.to.chars().nth(at));
        match text.chars().map(shifted).collect::<Option<String>>() {
            Some(shifted) => shifted,
            None if self.mark == '^' && is_ordinal(text) => text.to_owned(),
            None if text.chars().all(char::is_alphanumeric) => format!("{}{text}", self.mark),
            None => format!("{}({text})", self.mark),
        }
    }
}

/// As in "1st", which nobody takes for a power.
fn is_ordinal(text: &str) -> bool {
    matches!(text, "st" | "nd" | "rd" | "th" | "er" | "ème")
}
