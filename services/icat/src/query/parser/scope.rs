//! Resolves names and literals at a position in a query.

use std::cell::Cell;

use super::lexer::Token;
use super::literals;
use crate::query::environment::ParseContext;
use crate::query::error::QueryError;
use crate::query::tree::{ColumnKind, Expr, Literal, Path, RULE_RESTRICTED, Var};
use icat_client::schema::{Entity, Member, ToMany};

/// The variables in scope: those of this select, then those of the outer selects.
pub struct Scope<'p> {
    parent: Option<&'p Scope<'p>>,
    vars: Vec<(String, Var, &'static Entity)>,
    /// The next variable number, shared by all selects of a query.
    counter: &'p Cell<Var>,
    pub ctx: &'p ParseContext,
    /// Whether aggregates are allowed at the current position.
    aggregates: Cell<bool>,
}

/// What a dotted path leads to.
pub enum ResolvedPath {
    /// A row or an attribute, and its kind.
    Value(Path, ColumnKind),
    /// A to-many relation of the row at the path.
    Many(Path, &'static ToMany),
}

/// One side of a comparison: a typed expression, or a literal that takes the kind of the other side.
pub enum Operand {
    Typed(Expr, ColumnKind),
    Literal(Token),
}

impl<'p> Scope<'p> {
    pub fn new(counter: &'p Cell<Var>, ctx: &'p ParseContext) -> Self {
        Self { parent: None, vars: Vec::new(), counter, ctx, aggregates: Cell::new(false) }
    }

    /// Whether this is the outermost select.
    pub fn is_outermost(&self) -> bool {
        self.parent.is_none()
    }

    pub fn child_scope(&self) -> Scope<'_> {
        let aggregates = Cell::new(false);
        Scope { parent: Some(self), vars: Vec::new(), counter: self.counter, ctx: self.ctx, aggregates }
    }

    /// Runs `read` with aggregates allowed or not.
    pub fn with_aggregates<T>(&self, allowed: bool, read: impl FnOnce() -> T) -> T {
        let before = self.aggregates.replace(allowed);
        let outcome = read();
        self.aggregates.set(before);
        outcome
    }

    pub fn allows_aggregates(&self) -> bool {
        self.aggregates.get()
    }

    /// Declares a variable; names are case-insensitive.
    pub fn declare_variable(&mut self, name: &str, entity: &'static Entity) -> Result<Var, QueryError> {
        if name.contains('.') {
            return Err(QueryError::bad_parameter(format!("{name} is not a name for a variable")));
        }
        let name = name.to_uppercase();
        if self.vars.iter().any(|(known, ..)| *known == name) {
            return Err(QueryError::bad_parameter(format!(
                "JPQL indentification variable {}has already been defined in the FROM clause",
                name.to_lowercase()
            )));
        }
        let var = self.counter.get();
        self.counter.set(var + 1);
        self.vars.push((name, var, entity));
        Ok(var)
    }

    /// Declares a variable without a name.
    pub fn declare_anonymous(&mut self, entity: &'static Entity) -> Var {
        let var = self.counter.get();
        self.counter.set(var + 1);
        self.vars.push((String::new(), var, entity));
        var
    }

    pub fn find_variable(&self, name: &str) -> Option<(Var, &'static Entity)> {
        let upper = name.to_uppercase();
        let here = self.vars.iter().find(|(known, ..)| *known == upper).map(|(_, var, entity)| (*var, *entity));
        here.or_else(|| self.parent?.find_variable(name))
    }

    /// Resolves `var`, `var.field`, `var.relation.field`….
    pub fn resolve_path(&self, text: &str) -> Result<ResolvedPath, QueryError> {
        let mut parts = text.split('.');
        let head = parts.next().unwrap_or_default();
        let (var, entity) = self
            .find_variable(head)
            .ok_or_else(|| QueryError::bad_parameter(format!("identification variable '{head}' is not defined")))?;
        resolve_path_from(var, entity, parts)
    }

    /// Resolves a path that must lead to a row or an attribute.
    pub fn resolve_value(&self, text: &str) -> Result<(Path, ColumnKind), QueryError> {
        match self.resolve_path(text)? {
            ResolvedPath::Value(path, kind) => Ok((path, kind)),
            ResolvedPath::Many(_, many) => Err(QueryError::bad_parameter(format!(
                "{} leads to many rows: use JOIN, IS EMPTY or a sub-select",
                many.name
            ))),
        }
    }

    /// Converts a literal to the kind that it is compared with: a quoted number becomes a number, a number compared with
    /// strings becomes a string.
    pub fn bind_literal(&self, token: &Token, kind: ColumnKind) -> Result<Expr, QueryError> {
        if is_null(token) {
            return Ok(Expr::Literal(Literal::Null));
        }
        let literal = match kind {
            ColumnKind::I64 => literals::bind_number(token, true),
            ColumnKind::F64 => literals::bind_number(token, false),
            ColumnKind::Text => literals::bind_text(token),
            ColumnKind::Bool => literals::bind_boolean(token),
            ColumnKind::Date => return literals::bind_timestamp(token, &self.ctx.time_zone).map(Expr::Literal),
            ColumnKind::Enum(def) => return literals::bind_enum(token, def).map(Expr::Literal),
            ColumnKind::Entity(_) => None,
        };
        literal.map(Expr::Literal).ok_or_else(|| {
            let hint = if matches!(kind, ColumnKind::Entity(_)) { ": compare its id, as in x.id = 5" } else { "" };
            QueryError::bad_parameter(format!("{token} cannot be compared with {}{hint}", describe_kind(kind)))
        })
    }

    /// Converts both sides to one kind.
    pub fn unify_kinds(&self, left: Operand, right: Operand) -> Result<(Expr, Expr), QueryError> {
        match (left, right) {
            (Operand::Typed(left, kind), Operand::Literal(token)) => Ok((left, self.bind_literal(&token, kind)?)),
            (Operand::Literal(token), Operand::Typed(right, kind)) => Ok((self.bind_literal(&token, kind)?, right)),
            (Operand::Typed(left, a), Operand::Typed(right, b)) => {
                if is_comparable(a, b) {
                    Ok((left, right))
                } else {
                    Err(QueryError::bad_parameter(format!(
                        "{} cannot be compared with {}",
                        describe_kind(a),
                        describe_kind(b)
                    )))
                }
            }
            (Operand::Literal(a), Operand::Literal(b)) => {
                let (left, kind) = infer_literal_kind(&a)?;
                Ok((left, self.bind_literal(&b, kind)?))
            }
        }
    }

    /// The kind of an operand on its own; a literal has the kind that it looks like.
    pub fn infer_kind(operand: Operand) -> Result<(Expr, ColumnKind), QueryError> {
        match operand {
            Operand::Typed(expr, kind) => Ok((expr, kind)),
            Operand::Literal(token) => infer_literal_kind(&token),
        }
    }
}

/// Resolves the rest of a path from a variable.
pub fn resolve_path_from<'s>(
    var: Var,
    entity: &'static Entity,
    parts: impl Iterator<Item = &'s str>,
) -> Result<ResolvedPath, QueryError> {
    let mut path = Path { var, steps: Vec::new(), field: None };
    let mut here = entity;
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        match here.find_member(part) {
            Some(Member::One(one)) => {
                path.steps.push(one);
                here = one.target();
            }
            None if here.name == "Rule" && part == RULE_RESTRICTED.name && parts.peek().is_none() => {
                path.field = Some(&RULE_RESTRICTED);
                return Ok(ResolvedPath::Value(path, ColumnKind::Bool));
            }
            Some(Member::Field(field)) if parts.peek().is_none() => {
                path.field = Some(field);
                return Ok(ResolvedPath::Value(path, ColumnKind::from_field_kind(field.kind)));
            }
            Some(Member::Many(many)) if parts.peek().is_none() => return Ok(ResolvedPath::Many(path, many)),
            Some(Member::Many(many)) => {
                return Err(QueryError::bad_parameter(format!(
                    "{} leads to many rows: use JOIN to go on from there",
                    many.name
                )));
            }
            _ => return Err(QueryError::bad_parameter(format!("{} has no field {part}", here.name))),
        }
    }
    Ok(ResolvedPath::Value(path, ColumnKind::Entity(here)))
}

/// Whether a token is the word NULL.
pub fn is_null(token: &Token) -> bool {
    matches!(token, Token::Name(word) if word.eq_ignore_ascii_case("NULL"))
}

fn infer_literal_kind(token: &Token) -> Result<(Expr, ColumnKind), QueryError> {
    let (literal, kind) = match token {
        token if is_null(token) => (Literal::Null, ColumnKind::Text),
        Token::Integer(n) => (Literal::I64(*n), ColumnKind::I64),
        Token::Real(n) => (Literal::F64(*n), ColumnKind::F64),
        Token::Text(text) => (Literal::Text(text.clone()), ColumnKind::Text),
        Token::Name(word) if word.eq_ignore_ascii_case("TRUE") => (Literal::I64(1), ColumnKind::Bool),
        Token::Name(word) if word.eq_ignore_ascii_case("FALSE") => (Literal::I64(0), ColumnKind::Bool),
        other => {
            return Err(QueryError::bad_parameter(format!(
                "the type of {other} cannot be told from what stands beside it"
            )));
        }
    };
    Ok((Expr::Literal(literal), kind))
}

pub fn is_comparable(a: ColumnKind, b: ColumnKind) -> bool {
    let number = |kind| matches!(kind, ColumnKind::I64 | ColumnKind::F64);
    match (a, b) {
        (ColumnKind::Entity(a), ColumnKind::Entity(b)) => a.name == b.name,
        (a, b) => a == b || (number(a) && number(b)),
    }
}

pub fn describe_kind(kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Entity(entity) => format!("a {}", entity.name),
        ColumnKind::I64 | ColumnKind::F64 => "a number".to_owned(),
        ColumnKind::Text => "a string".to_owned(),
        ColumnKind::Bool => "TRUE or FALSE".to_owned(),
        ColumnKind::Date => "a time".to_owned(),
        ColumnKind::Enum(def) => format!("a {}", def.name),
    }
}
