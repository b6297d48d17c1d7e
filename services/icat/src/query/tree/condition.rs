//! Conditions: true, false or unknown.

use icat_client::schema::ToMany;

use super::{Expr, Path, SelectBody};

#[derive(Debug, Clone)]
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Expr,
        operator: ComparisonOperator,
        right: Expr,
    },
    Like {
        left: Expr,
        pattern: LikePattern,
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
        select: Box<SelectBody>,
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
        select: Box<SelectBody>,
    },
    /// `value = ANY (SELECT …)`, `value > ALL (SELECT …)`
    Quantified {
        value: Expr,
        operator: ComparisonOperator,
        all: bool,
        select: Box<SelectBody>,
    },
    MemberOf {
        value: Expr,
        parent: Path,
        many: &'static ToMany,
        negated: bool,
    },
}

impl Condition {
    /// Visits the expressions that this condition compares, without those of sub-selects.
    pub fn visit_operands<'c>(&'c self, visit: &mut impl FnMut(&'c Expr)) {
        match self {
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.visit_operands(visit);
                }
            }
            Self::Not(inner) => inner.visit_operands(visit),
            Self::Compare { left, right, .. } => [left, right].into_iter().for_each(visit),
            Self::Like { left, pattern, .. } => {
                visit(left);
                if let LikePattern::Computed(pattern, _) = pattern {
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

impl Condition {
    /// Visits every path; stops with `None` at a sub-select, whose paths may lead anywhere.
    pub fn visit_paths_mut(&mut self, visit: &mut impl FnMut(&mut Path)) -> Option<()> {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter_mut().try_for_each(|part| part.visit_paths_mut(visit)),
            Self::Not(inner) => inner.visit_paths_mut(visit),
            Self::Compare { left, right, .. } => {
                left.visit_paths_mut(visit)?;
                right.visit_paths_mut(visit)
            }
            Self::Like { left, pattern, .. } => {
                left.visit_paths_mut(visit)?;
                match pattern {
                    LikePattern::Text(_) => Some(()),
                    LikePattern::Computed(pattern, _) => pattern.visit_paths_mut(visit),
                }
            }
            Self::Between { value, low, high, .. } => {
                value.visit_paths_mut(visit)?;
                low.visit_paths_mut(visit)?;
                high.visit_paths_mut(visit)
            }
            Self::In { value, list, .. } => {
                value.visit_paths_mut(visit)?;
                list.iter_mut().try_for_each(|item| item.visit_paths_mut(visit))
            }
            Self::IsNull { value, .. } => value.visit_paths_mut(visit),
            Self::IsEmpty { parent, .. } => {
                visit(parent);
                Some(())
            }
            Self::MemberOf { value, parent, .. } => {
                visit(parent);
                value.visit_paths_mut(visit)
            }
            Self::InSelect { .. } | Self::Exists { .. } | Self::Quantified { .. } => None,
        }
    }
}

#[derive(Debug, Clone)]
pub enum LikePattern {
    /// Uses the backslash as its escape character, whatever the query used.
    Text(String),
    /// Computed in the database; with its escape character.
    Computed(Expr, char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparisonOperator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl ComparisonOperator {
    pub fn from_sign(sign: &str) -> Option<Self> {
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

    pub fn as_sql(self) -> &'static str {
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
