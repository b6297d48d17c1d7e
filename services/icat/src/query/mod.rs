//! ICAT's query language (icat.server 6.2), compiled from text to SQL with bound parameters.
//!
//! `parser` turns both forms of the language, the JPQL-like `SELECT …` and the classic
//! `Dataset <-> Investigation [name = 'A']`, into the same typed `tree`; `sql` lowers the tree to SQL. Text of the query
//! enters the SQL only as bound parameters.
//!
//! Differences from icat.server: any white space separates words; literals mean the same in every clause; in the strict
//! form, rows that the user may not read count as absent in every clause; a rule that restricts by joins alone restricts.

mod counted_search;
pub mod deciding_rows;
pub mod environment;
pub mod error;
pub mod grant_select;
mod parent_rewrite;
mod parser;
pub mod rule;
mod sql;
pub mod statement;
mod tree;
mod whole_rows;

#[cfg(test)]
mod tests;

pub use self::deciding_rows::{DecidingSelect, DecidingSelects};
pub use self::environment::{ParseContext, QueryEnvironment};
pub use self::error::QueryError;
pub use self::grant_select::{GrantSelect, SourceTable};
pub use self::parser::{parse_get, parse_search};
pub use self::rule::{Access, GrantSet, Rule, parse_rule};
pub use self::sql::{compile_deciding_selects, compile_filter, compile_grant, compile_search};
pub use self::statement::{FirstRows, Param, Plan, Statement};
pub use self::tree::{Column, ColumnKind, GetQuery, Include, SearchQuery};
pub use self::whole_rows::WholeRows;
