//! From text to the typed tree: a lexer, and a recursive descent parser for each form of the language.

mod aggregates;
mod classic;
mod conditions;
mod expressions;
mod functions;
mod grouping;
mod includes;
mod jpql;
mod lexer;
mod literals;
mod scope;
mod select_list;
mod token_cursor;

use super::environment::ParseContext;
use super::error::QueryError;
use super::tree::{GetQuery, SearchQuery};

/// Parses a search in either form.
pub fn parse_search(text: &str, ctx: &ParseContext) -> Result<SearchQuery, QueryError> {
    if is_select(text) { jpql::parse_search(text, ctx) } else { classic::parse_search(text, ctx) }
}

/// Parses `Entity`, `Entity INCLUDE …` in the classic form, or `Entity [AS] x INCLUDE x.relation, …`.
pub fn parse_get(text: &str) -> Result<GetQuery, QueryError> {
    let second = text.split_whitespace().nth(1);
    if second.is_none_or(|word| word.eq_ignore_ascii_case("INCLUDE")) {
        classic::parse_get(text)
    } else {
        jpql::parse_get(text)
    }
}

fn is_select(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
}
