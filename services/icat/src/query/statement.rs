//! What the compiler produces: SQL with bound values.

use service_kit::Val;

/// A bound value.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    I64(i64),
    F64(f64),
    Text(String),
}

impl From<Param> for Val {
    fn from(param: Param) -> Self {
        match param {
            Param::I64(v) => v.into(),
            Param::F64(v) => v.into(),
            Param::Text(v) => v.into(),
        }
    }
}

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
