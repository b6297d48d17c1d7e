//! What the compiler produces: SQL with bound values.

pub use crate::domain::granted::Param;

/// SQL and the values bound to its `$1`, `$2`…
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Param>,
}

/// How to answer a search.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    Run(Statement),
    /// `[]`: the user may read nothing of what is selected.
    Empty,
    /// `[0]`: the same for a single COUNT.
    Zero,
}
