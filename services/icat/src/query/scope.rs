//! What names and literals mean at a place in a query.

use std::cell::Cell;

use icat_client::schema::{Entity, Member, ToMany};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::lexer::Token;
use super::tree::{ColumnKind, Expr, Literal, Path, Var};
use super::{ParseContext, QueryError};
use crate::values::read_date;

/// The variables that can be named here: those of this select, then those of the selects around it.
pub struct Scope<'p> {
    parent: Option<&'p Scope<'p>>,
    vars: Vec<(String, Var, &'static Entity)>,
    /// Shared by all selects of a query, so that each variable has a number of its own.
    counter: &'p Cell<Var>,
    pub ctx: &'p ParseContext,
    /// Whether COUNT, SUM and the like have a meaning at the place that is being read.
    aggregates: Cell<bool>,
}

/// Where a dotted path ends.
pub enum Resolved {
    /// A row or an attribute, and what it holds.
    Value(Path, ColumnKind),
    /// A to-many relation of the row at the path.
    Many(Path, &'static ToMany),
}

/// One side of a comparison: something with a kind, or a literal that takes the other side's.
pub enum Operand {
    Typed(Expr, ColumnKind),
    Literal(Token),
}

impl<'p> Scope<'p> {
    pub fn new(counter: &'p Cell<Var>, ctx: &'p ParseContext) -> Self {
        Self { parent: None, vars: Vec::new(), counter, ctx, aggregates: Cell::new(false) }
    }

    pub fn inner(&self) -> Scope<'_> {
        let aggregates = Cell::new(false);
        Scope { parent: Some(self), vars: Vec::new(), counter: self.counter, ctx: self.ctx, aggregates }
    }

    /// Reads something in which aggregates have, or have not, a meaning.
    pub fn aggregating<T>(&self, allowed: bool, read: impl FnOnce() -> T) -> T {
        let before = self.aggregates.replace(allowed);
        let outcome = read();
        self.aggregates.set(before);
        outcome
    }

    pub fn may_aggregate(&self) -> bool {
        self.aggregates.get()
    }

    /// Declares a variable; names of variables have no case.
    pub fn declare(&mut self, name: &str, entity: &'static Entity) -> Result<Var, QueryError> {
        if name.contains('.') {
            return Err(QueryError::bad(format!("{name} is not a name for a variable")));
        }
        let name = name.to_uppercase();
        if self.vars.iter().any(|(known, ..)| *known == name) {
            return Err(QueryError::bad(format!(
                "JPQL indentification variable {}has already been defined in the FROM clause",
                name.to_lowercase()
            )));
        }
        let var = self.counter.get();
        self.counter.set(var + 1);
        self.vars.push((name, var, entity));
        Ok(var)
    }

    /// A variable nobody can name.
    pub fn declare_hidden(&mut self, entity: &'static Entity) -> Var {
        let var = self.counter.get();
        self.counter.set(var + 1);
        self.vars.push((String::new(), var, entity));
        var
    }

    pub fn variable(&self, name: &str) -> Option<(Var, &'static Entity)> {
        let upper = name.to_uppercase();
        let here = self.vars.iter().find(|(known, ..)| *known == upper).map(|(_, var, entity)| (*var, *entity));
        here.or_else(|| self.parent?.variable(name))
    }

    /// Resolves `var`, `var.field`, `var.relation.field`….
    pub fn resolve(&self, text: &str) -> Result<Resolved, QueryError> {
        let mut parts = text.split('.');
        let head = parts.next().unwrap_or_default();
        let (var, entity) = self
            .variable(head)
            .ok_or_else(|| QueryError::bad(format!("identification variable '{head}' is not defined")))?;
        resolve_from(var, entity, parts)
    }

    /// A path that must end in a row or an attribute.
    pub fn value(&self, text: &str) -> Result<(Path, ColumnKind), QueryError> {
        match self.resolve(text)? {
            Resolved::Value(path, kind) => Ok((path, kind)),
            Resolved::Many(_, many) => {
                Err(QueryError::bad(format!("{} leads to many rows: use JOIN, IS EMPTY or a sub-select", many.name)))
            }
        }
    }

    /// A literal as a value of the kind that it is compared with.
    pub fn literal(&self, token: &Token, kind: ColumnKind) -> Result<Expr, QueryError> {
        let fits = match (kind, token) {
            (ColumnKind::I64 | ColumnKind::F64 | ColumnKind::Entity(_), Token::Integer(n)) => Some(Literal::I64(*n)),
            (ColumnKind::I64 | ColumnKind::F64, Token::Real(n)) => Some(Literal::F64(*n)),
            (ColumnKind::Text, Token::Text(text)) => Some(Literal::Text(text.clone())),
            (ColumnKind::Bool, Token::Name(word)) if word.eq_ignore_ascii_case("TRUE") => Some(Literal::I64(1)),
            (ColumnKind::Bool, Token::Name(word)) if word.eq_ignore_ascii_case("FALSE") => Some(Literal::I64(0)),
            (ColumnKind::Date, Token::Text(text) | Token::Timestamp(text)) => {
                let micros = date(text, &self.ctx.time_zone);
                return micros
                    .map(|micros| Expr::Literal(Literal::I64(micros)))
                    .ok_or_else(|| QueryError::bad(format!("'{text}' is no time such as '2026-01-12 09:00:00'")));
            }
            (ColumnKind::Enum(def), Token::Name(text) | Token::Text(text)) => {
                let name = text
                    .strip_prefix("org.icatproject.")
                    .map_or(text.as_str(), |path| path.strip_prefix("core.entity.").unwrap_or(path));
                let name = name.strip_prefix(def.name).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
                let place = def.values.iter().position(|value| *value == name);
                place.and_then(|place| i64::try_from(place).ok()).map(Literal::I64)
            }
            _ => None,
        };
        fits.map(Expr::Literal)
            .ok_or_else(|| QueryError::bad(format!("{token} cannot be compared with {}", words(kind))))
    }

    /// Gives both sides one kind.
    pub fn same_kind(&self, left: Operand, right: Operand) -> Result<(Expr, Expr), QueryError> {
        match (left, right) {
            (Operand::Typed(left, kind), Operand::Literal(token)) => Ok((left, self.literal(&token, kind)?)),
            (Operand::Literal(token), Operand::Typed(right, kind)) => Ok((self.literal(&token, kind)?, right)),
            (Operand::Typed(left, a), Operand::Typed(right, b)) => {
                if comparable(a, b) {
                    Ok((left, right))
                } else {
                    Err(QueryError::bad(format!("{} cannot be compared with {}", words(a), words(b))))
                }
            }
            (Operand::Literal(a), Operand::Literal(b)) => {
                let (left, kind) = untyped(&a)?;
                Ok((left, self.literal(&b, kind)?))
            }
        }
    }

    /// An operand by itself: a literal is what it looks like.
    pub fn typed(operand: Operand) -> Result<(Expr, ColumnKind), QueryError> {
        match operand {
            Operand::Typed(expr, kind) => Ok((expr, kind)),
            Operand::Literal(token) => untyped(&token),
        }
    }
}

/// Follows relations from a variable.
pub fn resolve_from<'s>(
    var: Var,
    entity: &'static Entity,
    parts: impl Iterator<Item = &'s str>,
) -> Result<Resolved, QueryError> {
    let mut path = Path { var, steps: Vec::new(), field: None };
    let mut here = entity;
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        match here.member(part) {
            Some(Member::One(one)) => {
                path.steps.push(one);
                here = one.target();
            }
            Some(Member::Field(field)) if parts.peek().is_none() => {
                path.field = Some(field);
                return Ok(Resolved::Value(path, ColumnKind::of(field.kind)));
            }
            Some(Member::Many(many)) if parts.peek().is_none() => return Ok(Resolved::Many(path, many)),
            Some(Member::Many(many)) => {
                return Err(QueryError::bad(format!("{} leads to many rows: use JOIN to go on from there", many.name)));
            }
            _ => return Err(QueryError::bad(format!("{} has no field {part}", here.name))),
        }
    }
    Ok(Resolved::Value(path, ColumnKind::Entity(here)))
}

fn untyped(token: &Token) -> Result<(Expr, ColumnKind), QueryError> {
    let (literal, kind) = match token {
        Token::Integer(n) => (Literal::I64(*n), ColumnKind::I64),
        Token::Real(n) => (Literal::F64(*n), ColumnKind::F64),
        Token::Text(text) => (Literal::Text(text.clone()), ColumnKind::Text),
        Token::Name(word) if word.eq_ignore_ascii_case("TRUE") => (Literal::I64(1), ColumnKind::Bool),
        Token::Name(word) if word.eq_ignore_ascii_case("FALSE") => (Literal::I64(0), ColumnKind::Bool),
        other => return Err(QueryError::bad(format!("{other} has nothing beside it that says what kind it is"))),
    };
    Ok((Expr::Literal(literal), kind))
}

pub fn comparable(a: ColumnKind, b: ColumnKind) -> bool {
    let number = |kind| matches!(kind, ColumnKind::I64 | ColumnKind::F64);
    match (a, b) {
        (ColumnKind::Entity(a), ColumnKind::Entity(b)) => a.name == b.name,
        (a, b) => a == b || (number(a) && number(b)),
    }
}

pub fn words(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Entity(entity) => format!("a {}", entity.name),
        ColumnKind::I64 | ColumnKind::F64 => "a number".to_owned(),
        ColumnKind::Text => "a string".to_owned(),
        ColumnKind::Bool => "TRUE or FALSE".to_owned(),
        ColumnKind::Date => "a time".to_owned(),
        ColumnKind::Enum(def) => format!("a {}", def.name),
    }
}

/// A moment with its own zone, or a local time of the facility; in microseconds UTC.
pub fn date(text: &str, zone: &TimeZone) -> Option<i64> {
    if let Some(micros) = read_date(text) {
        return Some(micros);
    }
    let local: DateTime = text.parse().ok()?;
    zone.to_timestamp(local).ok().map(jiff::Timestamp::as_microsecond)
}
