//! The typed tree: every name resolved against the schema, every literal of its attribute's kind.

use icat_client::schema::{Entity, EnumDef, Field, FieldKind, ToMany, ToOne};

use super::include::Include;

/// A variable of the FROM clause, unique within a whole query.
pub type Var = usize;

/// A search, ready to be compiled for any user.
#[derive(Debug, Clone)]
pub struct Search {
    pub columns: Vec<Column>,
    pub includes: Vec<Include>,
    pub(super) body: Body,
}

/// One selected expression.
#[derive(Debug, Clone)]
pub struct Column {
    pub kind: ColumnKind,
    pub(super) expr: Expr,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// The id of a row of this kind.
    Entity(&'static Entity),
    I64,
    F64,
    Text,
    Bool,
    Date,
    Enum(&'static EnumDef),
}

impl ColumnKind {
    pub fn of(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Long | FieldKind::Integer => Self::I64,
            FieldKind::Double => Self::F64,
            FieldKind::String => Self::Text,
            FieldKind::Boolean => Self::Bool,
            FieldKind::Date => Self::Date,
            FieldKind::Enum(def) => Self::Enum(def),
        }
    }
}

impl Column {
    /// The variable and attribute of a column that a rule may select.
    pub(super) fn rule_target(&self) -> Option<(Var, Option<String>)> {
        let Expr::Path(path) = &self.expr else { return None };
        if !path.steps.is_empty() {
            return None;
        }
        Some((path.var, path.field.map(|f| f.name.to_owned())))
    }
}

/// Everything of a (sub-)select but its SELECT list.
#[derive(Debug, Clone, Default)]
pub struct Body {
    pub distinct: bool,
    pub sources: Vec<Source>,
    pub filter: Option<Cond>,
    pub group_by: Vec<Expr>,
    pub having: Option<Cond>,
    /// Expression and whether it is descending.
    pub order_by: Vec<(Expr, bool)>,
    /// First row, and how many.
    pub limit: Option<(u64, Option<u64>)>,
    /// What a sub-select or rule yields.
    pub selected: Vec<Expr>,
}

impl Body {
    pub fn entity(&self, var: Var) -> &'static Entity {
        // Variables are made with their source, so the first one is never the answer to a miss.
        let source = self.sources.iter().find(|s| s.var == var).or(self.sources.first());
        source.map_or_else(|| unreachable!("a select has a source"), |s| s.entity)
    }

    /// The same select, yielding the ids of a variable.
    pub fn selecting(mut self, var: Var) -> Self {
        self.selected = vec![Expr::Path(Path { var, steps: Vec::new(), field: None })];
        self
    }
}

/// One variable and where its rows come from.
#[derive(Debug, Clone)]
pub struct Source {
    pub var: Var,
    pub entity: &'static Entity,
    pub origin: Origin,
}

#[derive(Debug, Clone)]
pub enum Origin {
    /// All rows of the entity.
    Root,
    /// Rows reached from another variable; `left` keeps those that reach none.
    Join { from: Var, steps: Vec<Step>, left: bool },
}

/// One relation followed.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    One(&'static ToOne),
    Many(&'static ToMany),
}

impl Step {
    pub fn target(self) -> &'static Entity {
        match self {
            Self::One(one) => one.target(),
            Self::Many(many) => many.target(),
        }
    }
}

/// To-one relations from a variable, and the attribute at the end (`None`: the row itself, as its id).
#[derive(Debug, Clone)]
pub struct Path {
    pub var: Var,
    pub steps: Vec<&'static ToOne>,
    pub field: Option<&'static Field>,
}

impl Path {
    /// Whether both lead to the same value.
    pub(super) fn is(&self, other: &Self) -> bool {
        let names = |path: &Self| path.steps.iter().map(|one| one.name).collect::<Vec<_>>();
        self.var == other.var && names(self) == names(other) && self.attribute() == other.attribute()
    }

    /// The row itself is its id.
    fn attribute(&self) -> &'static str {
        self.field.map_or("id", |field| field.name)
    }
}

#[derive(Debug, Clone)]
pub enum Expr {
    Path(Path),
    Aggregate {
        function: Aggregate,
        distinct: bool,
        argument: Box<Expr>,
        kind: ColumnKind,
    },
    Call {
        function: Function,
        arguments: Vec<Expr>,
    },
    Arithmetic {
        left: Box<Expr>,
        operator: Arithmetic,
        right: Box<Expr>,
    },
    Negative(Box<Expr>),
    /// How many rows a to-many relation leads to.
    Size {
        parent: Path,
        many: &'static ToMany,
    },
    Case {
        branches: Vec<(Cond, Expr)>,
        otherwise: Box<Expr>,
    },
    /// The one value of a sub-select; NULL if it has no row.
    Select(Box<Body>),
    Literal(Literal),
    /// `:user`
    User,
    /// `CURRENT_TIMESTAMP`
    Now,
    /// `CURRENT_DATE`: the first moment of the facility's day.
    Today,
}

impl Expr {
    /// Visits every path of this expression; what stands within conditions and sub-selects is none of it. `within` says
    /// whether the path stands in an aggregate.
    pub(super) fn paths<'e>(&'e self, visit: &mut impl FnMut(&'e Path, bool), within: bool) {
        match self {
            Self::Path(path) => visit(path, within),
            Self::Aggregate { argument, .. } => argument.paths(visit, true),
            Self::Call { arguments, .. } => {
                for argument in arguments {
                    argument.paths(visit, within);
                }
            }
            Self::Arithmetic { left, right, .. } => {
                left.paths(visit, within);
                right.paths(visit, within);
            }
            Self::Negative(inner) => inner.paths(visit, within),
            Self::Case { branches, otherwise } => {
                for (_, value) in branches {
                    value.paths(visit, within);
                }
                otherwise.paths(visit, within);
            }
            Self::Size { .. } | Self::Select(_) | Self::Literal(_) | Self::User | Self::Now | Self::Today => {}
        }
    }

    pub(super) fn has_aggregate(&self) -> bool {
        match self {
            Self::Aggregate { .. } => true,
            Self::Call { arguments, .. } => arguments.iter().any(Self::has_aggregate),
            Self::Arithmetic { left, right, .. } => left.has_aggregate() || right.has_aggregate(),
            Self::Negative(inner) => inner.has_aggregate(),
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
    /// String, first place from 1, and how many characters.
    Substring,
    Trim(Side),
    /// What is looked for, where, and from which place on.
    Locate,
    Abs,
    Sqrt,
    Mod,
    Coalesce,
    NullIf,
}

/// Which end of a string TRIM is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Both,
    Leading,
    Trailing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    /// Always a number with decimals, NULL when the divisor is 0.
    Divide,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    I64(i64),
    F64(f64),
    Text(String),
}

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
    pub(super) fn operands<'c>(&'c self, visit: &mut impl FnMut(&'c Expr)) {
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

#[derive(Debug, Clone)]
pub enum Pattern {
    /// Its escape character is the backslash, whatever the query's was.
    Text(String),
    /// Known only in the database, with the escape character that the query names.
    Computed(Expr, Option<char>),
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
