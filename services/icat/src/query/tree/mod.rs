//! The typed tree: every name resolved against the schema, every literal of its attribute's kind.

mod condition;
mod expression;

use icat_client::schema::{Entity, EnumDef, Field, FieldKind, ToMany, ToOne};

pub use self::condition::{ComparisonOperator, Condition, LikePattern};
pub use self::expression::{Aggregate, ArithmeticOperator, Expr, Function, Literal, TrimSide};

/// A variable of the FROM clause, unique within a whole query.
pub type Var = usize;

/// A search, ready to be compiled for any user.
#[derive(Debug, Clone)]
pub struct SearchQuery {
    pub columns: Vec<Column>,
    pub includes: Vec<Include>,
    pub(super) body: SelectBody,
}

/// The query of a single row: its kind and what to include.
#[derive(Debug, Clone)]
pub struct GetQuery {
    pub entity: &'static Entity,
    pub includes: Vec<Include>,
}

/// A relation to follow, and those to follow from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    pub relation: &'static str,
    pub target: &'static Entity,
    pub children: Vec<Include>,
}

impl Include {
    pub(super) fn new(relation: &'static str, target: &'static Entity) -> Self {
        Self { relation, target, children: Vec::new() }
    }
}

/// One selected expression.
#[derive(Debug, Clone)]
pub struct Column {
    pub kind: ColumnKind,
    pub(super) expr: Expr,
}

/// Whether a rule has a condition: an attribute that queries can name, and that is no column but follows from `what`.
pub static RULE_RESTRICTED: Field =
    Field { name: "restricted", column: "restricted", kind: FieldKind::Boolean, length: 0, nullable: false };

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
    pub fn from_field_kind(kind: FieldKind) -> Self {
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
pub struct SelectBody {
    pub distinct: bool,
    pub sources: Vec<Source>,
    pub filter: Option<Condition>,
    pub group_by: Vec<Expr>,
    pub having: Option<Condition>,
    /// Expression and whether it is descending.
    pub order_by: Vec<(Expr, bool)>,
    /// First row, and how many.
    pub limit: Option<(u64, Option<u64>)>,
    /// What a sub-select or rule yields.
    pub selected: Vec<Expr>,
}

impl SelectBody {
    pub fn entity_of(&self, var: Var) -> &'static Entity {
        // Variables are made with their source, so the first one is never the answer to a miss.
        let source = self.sources.iter().find(|s| s.var == var).or(self.sources.first());
        source.map_or_else(|| unreachable!("a select has a source"), |s| s.entity)
    }

    /// The same select, yielding the ids of a variable.
    pub fn select_variable(mut self, var: Var) -> Self {
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
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let names = |path: &Self| path.steps.iter().map(|one| one.name).collect::<Vec<_>>();
        self.var == other.var && names(self) == names(other) && self.attribute_name() == other.attribute_name()
    }

    /// The row itself is its id.
    fn attribute_name(&self) -> &'static str {
        self.field.map_or("id", |field| field.name)
    }
}
