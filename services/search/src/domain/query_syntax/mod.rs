//! The query syntax of icat.lucene: the standard syntax of Lucene's flexible query parser, without regular expressions.
//!
//! The parser knows no fields and no types: it keeps names, words and bounds as they were written. Lower-casing, analysis and
//! the choice of fields are up to the caller. It differs from Lucene where its answer would surprise:
//!
//! - A query, or a group, that only excludes matches everything else.
//! - An unquoted word that contains `/` or `\` is one [`Query::Path`].
//! - A backslash is an escape only before a character that has a meaning in the syntax. Windows paths can therefore be
//!   pasted: `\\server\share$\run.nxs`. For the same reason there are no `\u` escapes. Where it separates the parts of paths, it is
//!   no escape before a wildcard or another backslash either: `C:\**\*.nxs` ([`PathSyntax`]).
//! - Drive letters (`C:\data`), URL schemes of storages (`s3://bucket`) and times (`2024-01-01T12:00`) need no escape for
//!   their colon.
//! - Comparisons may follow the colon of a field: `fileSize:>10`; and values may be negative numbers: `temperature:-5`.

mod error;
mod lexer;
mod parser;
mod render;
mod wildcard_pattern;
mod words;

#[cfg(test)]
mod tests;

use std::ops::Bound;

pub use self::error::{SyntaxError, SyntaxErrorReason};
pub use self::parser::{MAX_CLAUSES, MAX_NESTING, MAX_QUERY_BYTES, PathSyntax, parse_query, parse_query_with_paths};
pub use self::wildcard_pattern::{PatternChar, WildcardPattern};

/// A parsed query. `field` is `None` where the default fields are searched.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Everything: `*:*` or `*`.
    All,
    /// An unquoted word, which analysis may still split.
    Word { field: Option<String>, text: String },
    /// An unquoted word that contains `/` or `\`, with its wildcards.
    Path { field: Option<String>, pattern: WildcardPattern },
    /// Quoted text. It has no wildcards. `slop` is the number of positions that words may be moved.
    Phrase { field: Option<String>, text: String, slop: u32 },
    /// A word whose only wildcard is `*` at its end; `text` is the part before.
    Prefix { field: Option<String>, text: String },
    /// A word with other wildcards.
    Wildcard { field: Option<String>, pattern: WildcardPattern },
    /// Words within a distance of 0 to 2 edits.
    Fuzzy { field: Option<String>, text: String, max_edits: u8 },
    /// A range or comparison. The bounds are the texts of the query.
    Range { field: Option<String>, low: Bound<String>, high: Bound<String> },
    /// At least two clauses, of which at least one does not exclude.
    Boolean(Vec<Clause>),
    /// A query whose score is multiplied.
    Boost(Box<Query>, f32),
}

/// A part of a boolean query.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    pub occur: Occur,
    pub query: Query,
}

/// Whether a clause must, may or must not match. If no clause must match, at least one `Should` clause has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occur {
    Must,
    Should,
    MustNot,
}
