//! What is true, false or unknown.

use icat_client::schema::ToMany;

use super::{Body, Expr, Path};

#[derive(Debug, Clone)]
pub enum Cond {
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Not(Box<Cond>),
    Compare {
        left: Expr,
        operator: Operator,
        right: Expr,
    },
    Like {
        left: Expr,
        pattern: Pattern,
        negated: bool,
    },
    Between {
        value: Expr,
        low: Expr,
        high: Expr,
        negated: bool,
    },
    In {
        value: Expr,
        list: Vec<Expr>,
        negated: bool,
    },
    InSelect {
        value: Expr,
        select: Box<Body>,
        negated: bool,
    },
    IsNull {
        value: Expr,
        negated: bool,
    },
    IsEmpty {
        parent: Path,
        many: &'static ToMany,
        negated: bool,
    },
    Exists {
        select: Box<Body>,
    },
    /// `value = ANY (SELECT …)`, `value > ALL (SELECT …)`
    Quantified {
        value: Expr,
        operator: Operator,
        all: bool,
        select: Box<Body>,
    },
    MemberOf {
        value: Expr,
        parent: Path,
        many: &'static ToMany,
        negated: bool,
    },
}

impl Cond {
    /// Visits the expressions that this condition compares, but for those of sub-selects.
    pub fn operands<'c>(&'c self, visit: &mut impl FnMut(&'c Expr)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.operands(visit);
                }
            }
            Self::Not(inner) => inner.operands(visit),
            Self::Compare { left, right, .. } => [left, right].into_iter().for_each(visit),
            Self::Like { left, pattern, .. } => {
                visit(left);
                if let Pattern::Computed(pattern, _) = pattern {
                    visit(pattern);
                }
            }
            Self::Between { value, low, high, .. } => [value, low, high].into_iter().for_each(visit),
            Self::In { value, list, .. } => [value].into_iter().chain(list).for_each(visit),
            Self::InSelect { value, .. }
            | Self::IsNull { value, .. }
            | Self::Quantified { value, .. }
            | Self::MemberOf { value, .. } => visit(value),
            Self::IsEmpty { .. } | Self::Exists { .. } => {}
        }
    }
}

impl Cond {
    /// Visits every path; `None` if there is a sub-select, whose paths may lead anywhere.
    pub fn each_path(&mut self, visit: &mut impl FnMut(&mut Path)) -> Option<()> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().try_for_each(|part| part.each_path(visit)),
            Self::Not(inner) => inner.each_path(visit),
            Self::Compare { left, right, .. } => {
                left.each_path(visit)?;
                right.each_path(visit)
            }
            Self::Like { left, pattern, .. } => {
                left.each_path(visit)?;
                match pattern {
                    Pattern::Text(_) => Some(()),
                    Pattern::Computed(pattern, _) => pattern.each_path(visit),
                }
            }
            Self::Between { value, low, high, .. } => {
                value.each_path(visit)?;
                low.each_path(visit)?;
                high.each_path(visit)
            }
            Self::In { value, list, .. } => {
                value.each_path(visit)?;
                list.iter_mut().try_for_each(|item| item.each_path(visit))
            }
            Self::IsNull { value, .. } => value.each_path(visit),
            Self::IsEmpty { parent, .. } => {
                visit(parent);
                Some(())
            }
            Self::MemberOf { value, parent, .. } => {
                visit(parent);
                value.each_path(visit)
            }
            Self::InSelect { .. } | Self::Exists { .. } | Self::Quantified { .. } => None,
        }
    }
}

#[derive(Debug, Clone)]
pub enum Pattern {
    /// Its escape character is the backslash, whatever the query's was.
    Text(String),
    /// Known only in the database, with its escape character.
    Computed(Expr, char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "=" => Self::Equal,
            "<>" | "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    pub fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}
