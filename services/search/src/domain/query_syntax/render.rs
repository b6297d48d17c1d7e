//! Queries as text that parses to the same query.

use std::fmt::{self, Display, Formatter, Write as _};
use std::ops::Bound;

use super::lexer::is_url_scheme;
use super::wildcard_pattern::{PatternChar, WildcardPattern};
use super::words::is_escapable;
use super::{Clause, Occur, Query};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*:*"),
            Self::Word { field, text } => {
                write_field(f, field.as_ref())?;
                write_word(f, text)
            }
            Self::Path { field, pattern } | Self::Wildcard { field, pattern } => {
                write_field(f, field.as_ref())?;
                write_pattern(f, pattern)
            }
            Self::Prefix { field, text } => {
                write_field(f, field.as_ref())?;
                write_word(f, text)?;
                f.write_char('*')
            }
            Self::Fuzzy { field, text, max_edits } => {
                write_field(f, field.as_ref())?;
                write_word(f, text)?;
                write!(f, "~{max_edits}")
            }
            Self::Phrase { field, text, slop } => {
                write_field(f, field.as_ref())?;
                write_quoted(f, text)?;
                if *slop > 0 { write!(f, "~{slop}") } else { Ok(()) }
            }
            Self::Range { field, low, high } => {
                write_field(f, field.as_ref())?;
                write_range(f, low, high)
            }
            Self::Boolean(clauses) => write_clauses(f, clauses),
            Self::Boost(query, boost) => {
                write_operand(f, query)?;
                write!(f, "^{boost}")
            }
        }
    }
}

fn write_field(f: &mut Formatter<'_>, field: Option<&String>) -> fmt::Result {
    let Some(field) = field else { return Ok(()) };
    write_word(f, field)?;
    // Before a separator, `c:` would be a drive.
    f.write_char(if field.len() == 1 || is_url_scheme(field) { '=' } else { ':' })
}

fn write_word(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| write_escaped(f, c))
}

fn write_pattern(f: &mut Formatter<'_>, pattern: &WildcardPattern) -> fmt::Result {
    pattern.chars().iter().try_for_each(|c| match c {
        PatternChar::Literal(c) => write_escaped(f, *c),
        PatternChar::AnyChars => f.write_char('*'),
        PatternChar::AnyChar => f.write_char('?'),
    })
}

fn write_escaped(f: &mut Formatter<'_>, c: char) -> fmt::Result {
    if is_escapable(c) && c != '/' {
        f.write_char('\\')?;
    }
    f.write_char(c)
}

fn write_quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

fn write_range(f: &mut Formatter<'_>, low: &Bound<String>, high: &Bound<String>) -> fmt::Result {
    f.write_char(if matches!(low, Bound::Excluded(_)) { '{' } else { '[' })?;
    write_bound(f, low)?;
    f.write_str(" TO ")?;
    write_bound(f, high)?;
    f.write_char(if matches!(high, Bound::Excluded(_)) { '}' } else { ']' })
}

fn write_bound(f: &mut Formatter<'_>, bound: &Bound<String>) -> fmt::Result {
    match bound {
        Bound::Unbounded => f.write_char('*'),
        Bound::Included(text) | Bound::Excluded(text) => write_quoted(f, text),
    }
}

fn write_clauses(f: &mut Formatter<'_>, clauses: &[Clause]) -> fmt::Result {
    for (i, clause) in clauses.iter().enumerate() {
        if i > 0 {
            f.write_char(' ')?;
        }
        f.write_str(match clause.occur {
            Occur::Must => "+",
            Occur::Should => "",
            Occur::MustNot => "-",
        })?;
        match &clause.query {
            Query::Boolean(inner) => {
                f.write_char('(')?;
                write_clauses(f, inner)?;
                f.write_char(')')?;
            }
            query => query.fmt(f)?,
        }
    }
    Ok(())
}

/// A query before `^`.
fn write_operand(f: &mut Formatter<'_>, query: &Query) -> fmt::Result {
    match query {
        Query::Boolean(_) | Query::Boost(..) => write!(f, "({query})"),
        _ => query.fmt(f),
    }
}
