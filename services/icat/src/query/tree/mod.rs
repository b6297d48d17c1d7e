//! The typed tree: names are resolved against the schema, literals have the kind of what they are compared with.

mod condition;
mod expression;
mod read_entities;

use icat_client::schema::{Entity, EnumDef, Field, FieldKind, ToMany, ToOne};

pub use self::condition::{ComparisonOperator, Condition, LikePattern};
pub use self::expression::{Aggregate, ArithmeticOperator, Expr, Function, Literal, TrimSide};

/// A variable of the FROM clause, unique within a whole query.
pub type Var = usize;

/// A parsed search, which can be compiled for any user.
#[derive(Debug, Clone)]
pub struct SearchQuery {
    pub columns: Vec<Column>,
    pub includes: Vec<Include>,
    pub(super) body: SelectBody,
}

/// A parsed query of a single row: its entity type and includes.
#[derive(Debug, Clone)]
pub struct GetQuery {
    pub entity: &'static Entity,
    pub includes: Vec<Include>,
}

/// A relation to include, and the relations to include below it.
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

/// An attribute of rules that is no column but computed from `what`: whether the rule has a condition.
pub static RULE_RESTRICTED: Field =
    Field { name: "restricted", column: "restricted", kind: FieldKind::Boolean, length: 0, nullable: false };

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// The id of a row of this entity type.
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

/// A select or sub-select without its SELECT list.
#[derive(Debug, Clone, Default)]
pub struct SelectBody {
    pub distinct: bool,
    pub sources: Vec<Source>,
    pub filter: Option<Condition>,
    pub group_by: Vec<Expr>,
    pub having: Option<Condition>,
    /// Expressions, and whether they are descending.
    pub order_by: Vec<(Expr, bool)>,
    /// Offset and number of rows.
    pub limit: Option<(u64, Option<u64>)>,
    /// What a sub-select or a rule selects.
    pub selected: Vec<Expr>,
}

impl SelectBody {
    pub fn entity_of(&self, var: Var) -> &'static Entity {
        // A variable is created with its source, so the fallback is never used.
        let source = self.sources.iter().find(|s| s.var == var).or(self.sources.first());
        source.map_or_else(|| unreachable!("a select has a source"), |s| s.entity)
    }

    /// The same select, selecting the ids of a variable.
    pub fn select_variable(mut self, var: Var) -> Self {
        self.selected = vec![Expr::Path(Path { var, steps: Vec::new(), field: None })];
        self
    }
}

/// A variable and where its rows come from.
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
    /// Rows reached from another variable; `left` is a LEFT JOIN.
    Join { from: Var, steps: Vec<Step>, left: bool },
}

/// A relation to follow.
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

/// A path: to-one relations from a variable, and the attribute at the end; `None` is the row itself, as its id.
#[derive(Debug, Clone)]
pub struct Path {
    pub var: Var,
    pub steps: Vec<&'static ToOne>,
    pub field: Option<&'static Field>,
}

impl Path {
    /// Whether both paths lead to the same value.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let names = |path: &Self| path.steps.iter().map(|one| one.name).collect::<Vec<_>>();
        self.var == other.var && names(self) == names(other) && self.attribute_name() == other.attribute_name()
    }

    /// The name of the attribute; a row itself is its id.
    fn attribute_name(&self) -> &'static str {
        self.field.map_or("id", |field| field.name)
    }
}
