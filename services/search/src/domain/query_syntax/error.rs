use super::parser::{MAX_CLAUSES, MAX_NESTING, MAX_QUERY_BYTES};

/// Why a query text was refused. `Display` gives the texts of icat.lucene, on which clients depend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// `position` counts characters from 0; it is the length of the text if something is missing at the end.
    #[error("{}", render_message(*reason))]
    Unparsable { position: usize, reason: SyntaxErrorReason },
    #[error("Too many boolean clauses, the maximum supported is 1,024")]
    TooManyClauses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxErrorReason {
    #[error("a word, a quoted phrase, a range or a group in parentheses is expected here")]
    ClauseExpected,
    #[error("a value is expected after the field name")]
    ValueExpected,
    #[error("this character has a meaning in the query syntax; put \\ before it to search for it")]
    UnexpectedCharacter,
    #[error("this quotation mark is not closed")]
    UnclosedQuote,
    #[error("this parenthesis is not closed")]
    UnclosedParenthesis,
    #[error("a range has the form [low TO high] or {{low TO high}}")]
    MalformedRange,
    #[error("a number is expected after ^")]
    BoostExpected,
    #[error("the number after ~ must be below 1 or whole")]
    MalformedFuzziness,
    #[error("\\ must be followed by the character that it escapes")]
    NothingEscaped,
    #[error("more than {MAX_NESTING} nested parentheses")]
    TooDeep,
    #[error("the query is longer than {MAX_QUERY_BYTES} bytes")]
    TooLong,
}

/// Limits that icat.lucene does not have are named.
fn render_message(reason: SyntaxErrorReason) -> String {
    match reason {
        SyntaxErrorReason::TooDeep | SyntaxErrorReason::TooLong => format!("Search term could not be parsed: {reason}"),
        _ => "Search term could not be parsed due to syntax errors".to_owned(),
    }
}

impl SyntaxError {
    /// What is wrong, and where, for people.
    pub fn explain(&self) -> String {
        match self {
            Self::Unparsable { position, reason } => format!("at character {}: {reason}", position + 1),
            Self::TooManyClauses => format!("the query has more than {MAX_CLAUSES} clauses"),
        }
    }
}
