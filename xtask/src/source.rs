//! What rules look at in a Rust file: its code without comments and texts, and its texts. Knows just enough of the
//! language to tell them apart.

use std::iter::Peekable;
use std::str::Chars;

/// A file without its inline tests, which stand at its end.
#[derive(Debug, Default)]
pub struct Source {
    /// With all its line breaks; texts are empty.
    code: String,
    /// The line on which each text begins, and the text.
    texts: Vec<(usize, String)>,
}

impl Source {
    pub fn of(file: &str) -> Self {
        let mut scan = Scan { chars: file.chars().peekable(), line: 1, source: Self::default() };
        scan.run();
        let mut source = scan.source;
        if let Some(at) = tests_at(&source.code) {
            source.code.truncate(at);
            let lines = source.code.matches('\n').count() + 1;
            source.texts.retain(|(line, _)| *line <= lines);
        }
        source
    }

    /// Numbered from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(i, line)| (i + 1, line))
    }

    pub fn texts(&self) -> impl Iterator<Item = (usize, &str)> {
        self.texts.iter().map(|(line, text)| (*line, text.as_str()))
    }
}

/// Where the module of the tests begins, if it stands in this file.
fn tests_at(code: &str) -> Option<usize> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    code.match_indices(ATTRIBUTE).map(|(at, _)| at).find(|at| {
        let item = code[at + ATTRIBUTE.len()..].trim_start();
        item.starts_with("mod ") && item.find('{') < item.find(';')
    })
}

struct Scan<'f> {
    chars: Peekable<Chars<'f>>,
    line: usize,
    source: Source,
}

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(c) = self.next() {
            match (c, self.chars.peek().copied()) {
                ('/', Some('/')) => while self.chars.next_if(|c| *c != '\n').is_some() {},
                ('/', Some('*')) => self.comment(),
                ('"', _) => self.text(),
                ('r', Some('"' | '#')) if self.begins_text() => self.raw_text(),
                ('\'', _) => self.character(),
                _ => self.source.code.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    /// Up to its end; they nest.
    fn comment(&mut self) {
        let (mut depth, mut previous) = (1, ' ');
        self.next();
        while depth > 0 {
            let Some(c) = self.next() else { return };
            match (previous, c) {
                ('*', '/') => depth -= 1,
                ('/', '*') => depth += 1,
                _ => {
                    previous = c;
                    if c == '\n' {
                        self.source.code.push('\n');
                    }
                    continue;
                }
            }
            previous = ' ';
        }
    }

    fn text(&mut self) {
        let (line, mut text) = (self.line, String::new());
        while let Some(c) = self.next() {
            match c {
                '"' => break,
                '\\' => match self.next() {
                    Some('\n') => {
                        while self.chars.peek().is_some_and(|c| c.is_whitespace()) && self.next().is_some() {}
                    }
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        self.push_text(line, text);
    }

    /// Whether an `r` is not the end of a name; `br` and `cr` begin texts as well.
    fn begins_text(&self) -> bool {
        !self.source.code.trim_end_matches(['b', 'c']).ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    /// After the `r`; `r#name` is code.
    fn raw_text(&mut self) {
        let mut hashes = String::new();
        while self.chars.next_if_eq(&'#').is_some() {
            hashes.push('#');
        }
        if self.chars.next_if_eq(&'"').is_none() {
            self.source.code.push('r');
            self.source.code.push_str(&hashes);
            return;
        }
        let (line, mut text, end) = (self.line, String::new(), format!("\"{hashes}"));
        while let Some(c) = self.next() {
            text.push(c);
            if text.ends_with(&end) {
                text.truncate(text.len() - end.len());
                break;
            }
        }
        self.push_text(line, text);
    }

    fn push_text(&mut self, line: usize, text: String) {
        self.source.code.push_str("\"\"");
        self.source.code.extend(std::iter::repeat_n('\n', self.line - line));
        self.source.texts.push((line, text));
    }

    /// After the quote: a character is left out, a lifetime is code.
    fn character(&mut self) {
        let mut ahead = self.chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), _) => {
                self.next();
                self.next();
                while self.next().is_some_and(|c| c != '\'') {}
            }
            (Some(_), Some('\'')) => {
                self.next();
                self.next();
            }
            _ => self.source.code.push('\''),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r##"// "a comment"
/* "another /* "inner" */ "still" */
#[cfg(test)]
mod tests;
fn f<'a>(c: &'a str) -> char {
    let sql = "SELECT id \
        FROM t WHERE x = \"y\"";
    let raw = r#"one "two" three"#;
    for r#gen in [br"\four"] {}
    if c == '"' { '\'' } else { '\\' }
}
const LAST: &str = "five";
#[cfg(test)]
mod inline {
    const TEST: &str = "six";
}
"##;

    #[test]
    fn code_and_texts_are_told_apart() {
        let source = Source::of(FILE);
        let texts: Vec<_> = source.texts().collect();
        let expected = [(6, "SELECT id FROM t WHERE x = \"y\""), (8, "one \"two\" three"), (9, "\\four"), (12, "five")];
        assert_eq!(texts, expected);
        let lines: Vec<_> = source.lines().collect();
        assert_eq!(lines[4], (5, "fn f<'a>(c: &'a str) -> char {"));
        assert_eq!(lines[8], (9, "    for r#gen in [b\"\"] {}"));
        assert_eq!(lines[9], (10, "    if c ==  {  } else {  }"));
        assert_eq!(lines[11], (12, "const LAST: &str = \"\";"));
        assert_eq!(lines.len(), 12, "{lines:?}");
    }
}
