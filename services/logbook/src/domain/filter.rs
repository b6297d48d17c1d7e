//! Which entries are looked for, in which order, and which part of them.

use service_kit::Micros;

/// Conditions that all must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Pairs of type and category; either may be open.
    pub types: Vec<(Option<String>, Option<String>)>,
    /// Omits entries that belong to an investigation.
    pub without_investigation: bool,
    /// Folded; a literal part of the text.
    pub search: Option<String>,
    pub from: Option<Micros>,
    pub before: Option<Micros>,
    /// Folded names.
    pub all_tags: Vec<String>,
    pub any_tags: Vec<String>,
    pub no_tags: Vec<String>,
    /// `None`: both.
    pub removed: Option<bool>,
    /// Only these.
    pub ids: Option<Vec<String>>,
    /// Ids of logbooks that are left out.
    pub except_logbooks: Vec<i64>,
}

/// In which order, and which part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub by: Order,
    pub descending: bool,
    pub skip: i64,
    /// `None`: all.
    pub limit: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `_id`
    Id,
    CreationDate,
    CreatedAt,
    UpdatedAt,
}

/// Names of a list separated by commas. A name with a comma stands in quotation marks, which are doubled within it:
/// `beam, "a, b"`.
pub fn split_names(list: &str) -> Vec<String> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let (mut is_quoted, mut chars) = (false, list.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => name.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if name.trim().is_empty() => is_quoted = true,
            ',' if !is_quoted => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The inverse of [`split_names`].
pub fn join_names(names: &[String]) -> String {
    let quoted = |name: &String| {
        let is_plain = !name.contains(',') && !name.starts_with('"');
        if is_plain { name.clone() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_stand_in_quotation_marks() {
        let all = ["beam", "a, b", "say \"x\"", "\"x\", y", "é"].map(str::to_owned);
        assert_eq!(split_names(&join_names(&all)), all);
        assert_eq!(join_names(&all[..2]), "beam, \"a, b\"");
        assert_eq!(split_names(" a ,, b\"c,\"d, e\" ,"), ["a", "b\"c", "d, e"]);
        assert_eq!(split_names("\"open, end"), ["open, end"]);
        assert_eq!(split_names(" , "), Vec::<String>::new());
    }
}
