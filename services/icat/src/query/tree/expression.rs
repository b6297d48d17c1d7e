//! Expressions.

use icat_client::schema::ToMany;

use super::{ColumnKind, Condition, Path, SelectBody};

#[derive(Debug, Clone)]
pub enum Expr {
    Path(Path),
    Aggregate {
        function: Aggregate,
        distinct: bool,
        argument: Box<Expr>,
        /// The kind of the argument.
        argument_kind: ColumnKind,
    },
    Call {
        function: Function,
        arguments: Vec<Expr>,
    },
    Arithmetic {
        left: Box<Expr>,
        operator: ArithmeticOperator,
        right: Box<Expr>,
        /// Whether both sides consist of integers only. Their quotient has decimals in comparisons, and none if it is
        /// selected.
        is_whole: bool,
        kind: ColumnKind,
    },
    Negative(Box<Expr>, ColumnKind),
    /// The number of rows that a to-many relation leads to.
    Size {
        parent: Path,
        many: &'static ToMany,
    },
    Case {
        branches: Vec<(Condition, Expr)>,
        otherwise: Box<Expr>,
    },
    /// The value of a scalar sub-select; NULL if it has no row.
    Select(Box<SelectBody>),
    Literal(Literal),
    /// `:user`
    User,
    /// `CURRENT_TIMESTAMP`
    Now,
    /// `CURRENT_DATE`: the start of the facility's day.
    Today,
}

impl Expr {
    /// Visits every path of this expression, without conditions and sub-selects. `within` says whether the path is inside an
    /// aggregate.
    pub fn visit_paths<'e>(&'e self, visit: &mut impl FnMut(&'e Path, bool), within: bool) {
        match self {
            Self::Path(path) => visit(path, within),
            Self::Aggregate { argument, .. } => argument.visit_paths(visit, true),
            Self::Call { arguments, .. } => {
                for argument in arguments {
                    argument.visit_paths(visit, within);
                }
            }
            Self::Arithmetic { left, right, .. } => {
                left.visit_paths(visit, within);
                right.visit_paths(visit, within);
            }
            Self::Negative(inner, _) => inner.visit_paths(visit, within),
            Self::Case { branches, otherwise } => {
                for (_, value) in branches {
                    value.visit_paths(visit, within);
                }
                otherwise.visit_paths(visit, within);
            }
            Self::Size { .. } | Self::Select(_) | Self::Literal(_) | Self::User | Self::Now | Self::Today => {}
        }
    }

    /// Visits every path; stops with `None` at a sub-select, whose paths may lead anywhere.
    pub fn visit_paths_mut(&mut self, visit: &mut impl FnMut(&mut Path)) -> Option<()> {
        match self {
            Self::Path(path) => visit(path),
            Self::Size { parent, .. } => visit(parent),
            Self::Aggregate { argument, .. } => argument.visit_paths_mut(visit)?,
            Self::Call { arguments, .. } => {
                arguments.iter_mut().try_for_each(|argument| argument.visit_paths_mut(visit))?;
            }
            Self::Arithmetic { left, right, .. } => {
                left.visit_paths_mut(visit)?;
                right.visit_paths_mut(visit)?;
            }
            Self::Negative(inner, _) => inner.visit_paths_mut(visit)?,
            Self::Case { branches, otherwise } => {
                for (cond, value) in branches {
                    cond.visit_paths_mut(visit)?;
                    value.visit_paths_mut(visit)?;
                }
                otherwise.visit_paths_mut(visit)?;
            }
            Self::Select(_) => return None,
            Self::Literal(_) | Self::User | Self::Now | Self::Today => {}
        }
        Some(())
    }

    /// Whether it has the same value for every row.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Literal(_) | Self::User | Self::Now | Self::Today => true,
            Self::Path(_) | Self::Aggregate { .. } | Self::Size { .. } | Self::Select(_) | Self::Case { .. } => false,
            Self::Call { arguments, .. } => arguments.iter().all(Self::is_constant),
            Self::Arithmetic { left, right, .. } => left.is_constant() && right.is_constant(),
            Self::Negative(inner, _) => inner.is_constant(),
        }
    }

    pub fn has_sub_select(&self) -> bool {
        match self {
            Self::Select(_) => true,
            Self::Call { arguments, .. } => arguments.iter().any(Self::has_sub_select),
            Self::Arithmetic { left, right, .. } => left.has_sub_select() || right.has_sub_select(),
            Self::Negative(inner, _) | Self::Aggregate { argument: inner, .. } => inner.has_sub_select(),
            _ => false,
        }
    }

    pub fn has_aggregate(&self) -> bool {
        match self {
            Self::Aggregate { .. } => true,
            Self::Call { arguments, .. } => arguments.iter().any(Self::has_aggregate),
            Self::Arithmetic { left, right, .. } => left.has_aggregate() || right.has_aggregate(),
            Self::Negative(inner, _) => inner.has_aggregate(),
            Self::Case { branches, otherwise } => {
                otherwise.has_aggregate() || branches.iter().any(|(_, value)| value.has_aggregate())
            }
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    Min,
    Max,
    Sum,
    Avg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Lower,
    Upper,
    Length,
    Concat,
    /// String, first position counted from 1, number of characters.
    Substring,
    Trim(TrimSide),
    /// Substring, string, and first position.
    Locate,
    Abs,
    Sqrt,
    Mod,
    Coalesce,
    NullIf,
    /// A number as a string.
    Text,
    /// The number that a string begins with, else 0.
    Number,
    /// The quotient of two integers without its decimals.
    WholeQuotient,
    /// The quotient of an integer and a decimal number, rounded to four decimals.
    RoundedQuotient,
    /// A number without its decimals.
    Truncate,
}

impl Function {
    /// Whether an engine fails for some arguments, such as numbers out of range or texts that become too long.
    pub fn can_fail(self) -> bool {
        match self {
            Self::Lower
            | Self::Upper
            | Self::Length
            | Self::Substring
            | Self::Trim(_)
            | Self::Locate
            | Self::Coalesce
            | Self::NullIf
            | Self::Text => false,
            Self::Concat
            | Self::Abs
            | Self::Sqrt
            | Self::Mod
            | Self::Number
            | Self::WholeQuotient
            | Self::RoundedQuotient
            | Self::Truncate => true,
        }
    }
}

/// The ends of a string that TRIM trims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrimSide {
    Both,
    Leading,
    Trailing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArithmeticOperator {
    Add,
    Subtract,
    Multiply,
    /// Always yields a decimal number; NULL if the divisor is 0.
    Divide,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    I64(i64),
    F64(f64),
    Text(String),
    Null,
}
