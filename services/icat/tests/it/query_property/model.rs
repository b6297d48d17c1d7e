//! Queries, rules and data as the naive evaluator sees them.

use std::collections::{BTreeMap, HashMap};

use icat_client::schema::{Entity, ToMany, ToOne};

/// A value; booleans and times are integers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Int(i64),
    Text(String),
    Null,
}

/// Rows by entity type and id, values by member; the value of a to-one relation is an id.
#[derive(Debug, Default)]
pub struct Data(pub BTreeMap<&'static str, BTreeMap<i64, HashMap<&'static str, Value>>>);

#[derive(Debug, Clone)]
pub struct Path {
    pub var: usize,
    pub steps: Vec<&'static ToOne>,
    /// `None`: the row itself.
    pub field: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub enum Source {
    Root(&'static Entity),
    One { from: usize, relation: &'static ToOne, left: bool },
    Many { from: usize, relation: &'static ToMany, left: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
}

#[derive(Debug, Clone)]
pub enum Selected {
    Path(Path),
    Aggregate(Aggregate, Path),
}

#[derive(Debug, Clone)]
pub enum Operand {
    Path(Path),
    Literal(Value),
    User,
    Now,
}

#[derive(Debug, Clone)]
pub enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Path, &'static str, Operand),
    IsNull(Path, bool),
    In(Path, Vec<Value>, bool),
    Between(Path, Value, Value),
    /// Pattern of plain characters, `%` and `_`.
    Like(Path, String, bool),
    IsEmpty(usize, &'static ToMany, bool),
    /// Whether a child of the variable's row satisfies a comparison of one attribute.
    Exists(usize, &'static ToMany, &'static str, &'static str, Value),
    /// Compares a path with all (or any) values of an attribute of the variable's children.
    Quantified(Path, &'static str, bool, usize, &'static ToMany, &'static str),
    /// Whether the first variable's row is a child of the second's.
    Member(usize, usize, &'static ToMany, bool),
    Terms(Term, &'static str, Term),
}

/// A computed expression.
#[derive(Debug, Clone)]
pub enum Term {
    Path(Path),
    Literal(Value),
    Add(Box<Term>, Box<Term>),
    Subtract(Box<Term>, Box<Term>),
    Multiply(Box<Term>, Box<Term>),
    Negative(Box<Term>),
    Abs(Box<Term>),
    /// The divisor; 0 gives NULL.
    Mod(Box<Term>, i64),
    Length(Box<Term>),
    Upper(Box<Term>),
    Lower(Box<Term>),
    Concat(Box<Term>, Box<Term>),
    /// Position of the first character, counted from 1, and number of characters.
    Substring(Box<Term>, i64, i64),
    /// The ends to trim (leading, trailing) and the character.
    Trim(bool, bool, char, Box<Term>),
    Locate(&'static str, Box<Term>),
    Coalesce(Box<Term>, Box<Term>),
    NullIf(Box<Term>, Box<Term>),
    Size(usize, &'static ToMany),
    /// The largest value of an attribute of the variable's children.
    MaxOf(usize, &'static ToMany, &'static str),
    Case(Box<Condition>, Box<Term>, Box<Term>),
}

#[derive(Debug, Clone)]
pub struct Query {
    pub distinct: bool,
    pub select: Vec<Selected>,
    pub from: Vec<Source>,
    pub cond: Option<Condition>,
    /// Paths to group by; they are selected first.
    pub group: Vec<Path>,
    /// A condition on the COUNT of the first variable.
    pub having: Option<(&'static str, i64)>,
    /// Attributes of the first variable, followed by its id.
    pub order: Vec<(Path, bool)>,
    pub limit: Option<(usize, usize)>,
}

impl Query {
    pub fn entity_of(&self, var: usize) -> &'static Entity {
        match &self.from[var] {
            Source::Root(entity) => entity,
            Source::One { relation, .. } => relation.target(),
            Source::Many { relation, .. } => relation.target(),
        }
    }

    /// The entity that the user must be allowed to read for a selected path.
    pub fn entity_to_authorize(&self, path: &Path) -> &'static Entity {
        path.steps.last().map_or_else(|| self.entity_of(path.var), |one| one.target())
    }

    pub fn collect_paths(&self) -> Vec<&Path> {
        let selected = self.select.iter().map(|s| match s {
            Selected::Path(path) | Selected::Aggregate(_, path) => path,
        });
        let mut paths: Vec<&Path> = selected.chain(self.order.iter().map(|(path, _)| path)).collect();
        if let Some(cond) = &self.cond {
            cond.collect_paths(&mut paths);
        }
        paths
    }
}

impl Condition {
    fn collect_paths<'c>(&'c self, paths: &mut Vec<&'c Path>) {
        match self {
            Self::And(a, b) | Self::Or(a, b) => {
                a.collect_paths(paths);
                b.collect_paths(paths);
            }
            Self::Not(a) => a.collect_paths(paths),
            Self::Compare(path, _, Operand::Path(other)) => paths.extend([path, other]),
            Self::Terms(left, _, right) => {
                left.collect_paths(paths);
                right.collect_paths(paths);
            }
            Self::Compare(path, ..)
            | Self::IsNull(path, _)
            | Self::In(path, ..)
            | Self::Between(path, ..)
            | Self::Like(path, ..)
            | Self::Quantified(path, ..) => paths.push(path),
            Self::IsEmpty(..) | Self::Exists(..) | Self::Member(..) => {}
        }
    }
}

impl Term {
    fn collect_paths<'t>(&'t self, paths: &mut Vec<&'t Path>) {
        match self {
            Self::Path(path) => paths.push(path),
            Self::Add(a, b)
            | Self::Subtract(a, b)
            | Self::Multiply(a, b)
            | Self::Concat(a, b)
            | Self::Coalesce(a, b)
            | Self::NullIf(a, b) => {
                a.collect_paths(paths);
                b.collect_paths(paths);
            }
            Self::Negative(a)
            | Self::Abs(a)
            | Self::Mod(a, _)
            | Self::Length(a)
            | Self::Upper(a)
            | Self::Lower(a)
            | Self::Substring(a, ..)
            | Self::Trim(.., a)
            | Self::Locate(_, a) => a.collect_paths(paths),
            Self::Case(cond, a, b) => {
                cond.collect_paths(paths);
                a.collect_paths(paths);
                b.collect_paths(paths);
            }
            Self::Literal(_) | Self::Size(..) | Self::MaxOf(..) => {}
        }
    }
}
