//! What has a value: paths, literals, functions, arithmetic, CASE, aggregates and scalar sub-selects.

use super::QueryError;
use super::condition::{condition, is_sub_select, sub_select};
use super::cursor::Cursor;
use super::lexer::Token;
use super::literals;
use super::scope::{Operand, Resolved, Scope, comparable, is_null, words};
use super::tree::{Aggregate, Arithmetic, ColumnKind, Expr, Function, Literal, Side};

/// How many numbers one sum or product may have.
const MOST_TERMS: usize = 200;

type Typed = (Expr, ColumnKind);

/// `a + b - c`
pub fn operand(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut left = product(cursor, scope)?;
    for _ in 0..MOST_TERMS {
        let operator = match cursor.peek() {
            Some(Token::Sign("+")) => Arithmetic::Add,
            Some(Token::Sign("-")) => Arithmetic::Subtract,
            // The sign of a number sticks to it: `a -1`.
            Some(Token::Integer(n)) if *n < 0 => Arithmetic::Add,
            Some(Token::Real(n)) if *n < 0.0 => Arithmetic::Add,
            _ => return Ok(left),
        };
        cursor.at += usize::from(matches!(cursor.peek(), Some(Token::Sign(_))));
        let right = product(cursor, scope)?;
        left = arithmetic(left, operator, right)?;
    }
    Err(QueryError::bad("too many numbers in one sum"))
}

/// `a * b / c`
fn product(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut left = signed(cursor, scope)?;
    for _ in 0..MOST_TERMS {
        let operator = match cursor.peek() {
            Some(Token::Sign("*")) => Arithmetic::Multiply,
            Some(Token::Sign("/")) => Arithmetic::Divide,
            _ => return Ok(left),
        };
        cursor.at += 1;
        let right = signed(cursor, scope)?;
        left = arithmetic(left, operator, right)?;
    }
    Err(QueryError::bad("too many numbers in one product"))
}

fn signed(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    cursor.nested(|cursor| {
        if cursor.sign("+") {
            return signed(cursor, scope);
        }
        if cursor.sign("-") {
            let (inner, kind) = number(signed(cursor, scope)?)?;
            return Ok(Operand::Typed(Expr::Negative(Box::new(inner), kind), kind));
        }
        primary(cursor, scope)
    })
}

fn arithmetic(left: Operand, operator: Arithmetic, right: Operand) -> Result<Operand, QueryError> {
    let ((left, a), (right, b)) = (number(left)?, number(right)?);
    let is_whole = is_whole(&left, a) && is_whole(&right, b);
    let has_decimals = operator == Arithmetic::Divide || a == ColumnKind::F64 || b == ColumnKind::F64;
    let kind = if has_decimals { ColumnKind::F64 } else { ColumnKind::I64 };
    Ok(Operand::Typed(
        Expr::Arithmetic { left: Box::new(left), operator, right: Box::new(right), is_whole, kind },
        kind,
    ))
}

fn is_whole(expr: &Expr, kind: ColumnKind) -> bool {
    kind == ColumnKind::I64 || matches!(expr, Expr::Arithmetic { is_whole: true, .. })
}

/// A number; a string counts as the number that it begins with.
fn number(operand: Operand) -> Result<Typed, QueryError> {
    let (expr, kind) = Scope::typed(operand)?;
    match kind {
        ColumnKind::I64 | ColumnKind::F64 => Ok((expr, kind)),
        ColumnKind::Text => Ok((called(Function::Number, expr), ColumnKind::F64)),
        _ => Err(QueryError::bad(format!("arithmetic takes numbers, not {}", words(kind)))),
    }
}

fn called(function: Function, argument: Expr) -> Expr {
    Expr::Call { function, arguments: vec![argument] }
}

/// A string, or a whole number as one.
pub fn string(operand: Operand, place: &str) -> Result<Expr, QueryError> {
    let refused = |what: String| QueryError::bad(format!("{place} takes strings and whole numbers, not {what}"));
    match operand {
        Operand::Typed(expr, ColumnKind::Text) => Ok(expr),
        Operand::Typed(expr, ColumnKind::I64) => Ok(called(Function::Text, expr)),
        Operand::Typed(_, ColumnKind::Date) => {
            Err(QueryError::bad(format!("{place} takes no times: compare them with BETWEEN, < or >")))
        }
        Operand::Typed(_, kind) => Err(refused(words(kind))),
        Operand::Literal(token) => {
            let literal = if is_null(&token) { Some(Literal::Null) } else { literals::text(&token) };
            literal.map(Expr::Literal).ok_or_else(|| refused(token.to_string()))
        }
    }
}

/// A selected expression has the type that icat.server gives it: what is made of whole numbers is whole, and a whole number
/// divided by one with decimals has four of them.
pub fn selected((expr, kind): Typed) -> Typed {
    match expr {
        Expr::Arithmetic { left, operator: Arithmetic::Divide, right, is_whole: true, .. }
            if is_plain(&left, &right) =>
        {
            (Expr::Call { function: Function::WholeQuotient, arguments: vec![*left, *right] }, ColumnKind::I64)
        }
        Expr::Arithmetic { is_whole: true, .. } if kind == ColumnKind::F64 => {
            (called(Function::Truncate, expr), ColumnKind::I64)
        }
        Expr::Arithmetic { left, operator: Arithmetic::Divide, right, .. } if is_quotient(&left, &right) => {
            (Expr::Call { function: Function::RoundedQuotient, arguments: vec![*left, *right] }, ColumnKind::F64)
        }
        other => (other, kind),
    }
}

/// Whether no quotient is in the way of dividing as whole numbers.
fn is_plain(left: &Expr, right: &Expr) -> bool {
    [left, right].iter().all(|side| !matches!(side, Expr::Arithmetic { .. } | Expr::Negative(..)))
}

fn is_quotient(left: &Expr, right: &Expr) -> bool {
    let is_attribute = |expr: &Expr| match expr {
        Expr::Path(path) => path.field.is_some_and(|field| ColumnKind::of(field.kind) == ColumnKind::I64),
        _ => false,
    };
    is_attribute(left) && matches!(right, Expr::Literal(Literal::F64(_)))
}

fn of_kind(operand: Operand, complaint: &str, fits: impl Fn(ColumnKind) -> bool) -> Result<Typed, QueryError> {
    let (expr, kind) = Scope::typed(operand)?;
    if fits(kind) { Ok((expr, kind)) } else { Err(QueryError::bad(format!("{complaint}, not {}", words(kind)))) }
}

fn primary(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    if is_sub_select(cursor) {
        let (select, kind) = sub_select(cursor, scope)?;
        return Ok(Operand::Typed(Expr::Select(Box::new(select)), kind));
    }
    if cursor.sign("(") {
        let inner = operand(cursor, scope)?;
        cursor.expect_sign(")")?;
        return Ok(inner);
    }
    match cursor.next()? {
        Token::Parameter(name) => parameter(name),
        Token::Name(name) => named(cursor, scope, name),
        Token::Sign(_) => {
            cursor.at -= 1;
            Err(cursor.expected("NAME, STRING, NUMBER, PARAMETER"))
        }
        literal => Ok(Operand::Literal(literal.clone())),
    }
}

/// `:user`, the only parameter there is.
pub fn parameter(name: &str) -> Result<Operand, QueryError> {
    if name == "user" {
        return Ok(Operand::Typed(Expr::User, ColumnKind::Text));
    }
    Err(QueryError::bad(format!("there is no parameter :{name}; only :user can be named")))
}

fn named(cursor: &mut Cursor<'_>, scope: &Scope<'_>, name: &str) -> Result<Operand, QueryError> {
    let upper = name.to_uppercase();
    if cursor.is_sign("(") {
        let (expr, kind) = match aggregate_of(&upper) {
            Some(function) => aggregate(cursor, scope, function)?,
            None => call(cursor, scope, &upper)?,
        };
        return Ok(Operand::Typed(expr, kind));
    }
    match upper.as_str() {
        "TRUE" | "FALSE" | "NULL" => return Ok(Operand::Literal(Token::Name(upper))),
        "CURRENT_TIMESTAMP" => return Ok(Operand::Typed(Expr::Now, ColumnKind::Date)),
        "CURRENT_DATE" => return Ok(Operand::Typed(Expr::Today, ColumnKind::Date)),
        "CURRENT_TIME" => return Err(QueryError::bad("CURRENT_TIME is a time of day, and no attribute is one")),
        "CASE" if scope.variable(name).is_none() => return cursor.nested(|cursor| case(cursor, scope)),
        _ => {}
    }
    if name.starts_with("org.icatproject.") && scope.variable("org").is_none() {
        return Ok(Operand::Literal(Token::Name(name.to_owned())));
    }
    let (path, kind) = scope.value(name)?;
    Ok(Operand::Typed(Expr::Path(path), kind))
}

/// `CASE WHEN cond THEN a [WHEN …] ELSE b END`; all values are of one kind.
fn case(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    while cursor.word("WHEN") {
        conditions.push(condition(cursor, scope)?);
        cursor.expect_word("THEN")?;
        values.push(operand(cursor, scope)?);
    }
    if conditions.is_empty() {
        return Err(cursor.expected("WHEN"));
    }
    cursor.expect_word("ELSE")?;
    values.push(operand(cursor, scope)?);
    cursor.expect_word("END")?;
    let (mut values, kind) = one_kind(scope, values)?;
    let otherwise = Box::new(values.pop().ok_or_else(|| QueryError::bad("CASE without ELSE"))?);
    let branches = conditions.into_iter().zip(values).collect();
    Ok(Operand::Typed(Expr::Case { branches, otherwise }, kind))
}

/// Gives all values the kind of the first that has one; whole numbers beside others become numbers with decimals.
fn one_kind(scope: &Scope<'_>, values: Vec<Operand>) -> Result<(Vec<Expr>, ColumnKind), QueryError> {
    let given = values.iter().find_map(|value| match value {
        Operand::Typed(_, kind) => Some(*kind),
        Operand::Literal(_) => None,
    });
    let mut kind = given;
    let mut exprs = Vec::with_capacity(values.len());
    for value in values {
        let (expr, its) = match (value, kind) {
            (Operand::Literal(token), Some(kind)) => match (&token, kind) {
                (Token::Real(_), ColumnKind::I64) => Scope::typed(Operand::Literal(token))?,
                _ => (scope.literal(&token, kind)?, kind),
            },
            (operand, _) => Scope::typed(operand)?,
        };
        kind = match kind {
            None => Some(its),
            Some(kind) if !comparable(kind, its) => {
                return Err(QueryError::bad(format!("{} and {} are not of one kind", words(kind), words(its))));
            }
            Some(ColumnKind::I64) if its == ColumnKind::F64 => Some(its),
            known => known,
        };
        exprs.push(expr);
    }
    kind.map(|kind| (exprs, kind)).ok_or_else(|| QueryError::bad("a list of values is empty"))
}

fn call(cursor: &mut Cursor<'_>, scope: &Scope<'_>, name: &str) -> Result<Typed, QueryError> {
    cursor.expect_sign("(")?;
    let typed = match name {
        "SIZE" => size(cursor, scope)?,
        "TRIM" => trim(cursor, scope)?,
        "FUNCTION" => {
            let Token::Text(name) = cursor.next()? else {
                cursor.at -= 1;
                return Err(cursor.expected("STRING"));
            };
            let mut arguments = Vec::new();
            while cursor.sign(",") {
                arguments.push(operand(cursor, scope)?);
            }
            function(scope, &name.to_uppercase(), arguments)?
        }
        _ => {
            let mut arguments = vec![operand(cursor, scope)?];
            while cursor.sign(",") {
                arguments.push(operand(cursor, scope)?);
            }
            function(scope, name, arguments)?
        }
    };
    cursor.expect_sign(")")?;
    Ok(typed)
}

fn function(scope: &Scope<'_>, name: &str, arguments: Vec<Operand>) -> Result<Typed, QueryError> {
    let count = arguments.len();
    let (function, counts, kind) = match name {
        "LOWER" => (Function::Lower, 1..=1, ColumnKind::Text),
        "UPPER" => (Function::Upper, 1..=1, ColumnKind::Text),
        "LENGTH" => (Function::Length, 1..=1, ColumnKind::I64),
        "CONCAT" => (Function::Concat, 2..=20, ColumnKind::Text),
        "SUBSTRING" => (Function::Substring, 2..=3, ColumnKind::Text),
        "LOCATE" => (Function::Locate, 2..=3, ColumnKind::I64),
        "ABS" => (Function::Abs, 1..=1, ColumnKind::I64),
        "SQRT" => (Function::Sqrt, 1..=1, ColumnKind::F64),
        "MOD" => (Function::Mod, 2..=2, ColumnKind::I64),
        "COALESCE" => (Function::Coalesce, 2..=20, ColumnKind::I64),
        "NULLIF" => (Function::NullIf, 2..=2, ColumnKind::I64),
        other => return Err(QueryError::bad(format!("there is no function {other}"))),
    };
    if !counts.contains(&count) {
        return Err(QueryError::bad(format!("{name} does not take {count} arguments")));
    }
    if matches!(function, Function::Coalesce | Function::NullIf) {
        let (arguments, kind) = one_kind(scope, arguments)?;
        return Ok((Expr::Call { function, arguments }, kind));
    }
    let mut first = None;
    let mut exprs = Vec::with_capacity(count);
    for (place, argument) in arguments.into_iter().enumerate() {
        let texts = match function {
            Function::Substring => 1,
            Function::Locate => 2,
            Function::Abs | Function::Sqrt | Function::Mod => 0,
            _ => count,
        };
        let (expr, its) = if place < texts {
            (string(argument, name)?, ColumnKind::Text)
        } else if matches!(function, Function::Abs | Function::Sqrt) {
            number(argument)?
        } else {
            of_kind(argument, &format!("{name} takes whole numbers"), |kind| kind == ColumnKind::I64)?
        };
        first.get_or_insert(its);
        exprs.push(expr);
    }
    let kind = if function == Function::Abs { first.unwrap_or(kind) } else { kind };
    Ok((Expr::Call { function, arguments: exprs }, kind))
}

/// `SIZE(f.datafiles)`
fn size(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Typed, QueryError> {
    let name = cursor.name()?;
    match scope.resolve(name)? {
        Resolved::Many(parent, many) => Ok((Expr::Size { parent, many }, ColumnKind::I64)),
        Resolved::Value(..) => Err(QueryError::bad(format!("SIZE takes what leads to many rows, not {name}"))),
    }
}

/// `TRIM([LEADING | TRAILING | BOTH] ['c'] [FROM] string)`
fn trim(cursor: &mut Cursor<'_>, scope: &Scope<'_>) -> Result<Typed, QueryError> {
    let sides = [("LEADING", Side::Leading), ("TRAILING", Side::Trailing), ("BOTH", Side::Both)];
    let side = sides.into_iter().find(|(word, _)| cursor.word(word)).map(|(_, side)| side);
    let mut what = None;
    if !cursor.word("FROM") {
        let first = operand(cursor, scope)?;
        if cursor.word("FROM") {
            what = Some(string(first, "TRIM")?);
        } else {
            let function = Function::Trim(side.unwrap_or(Side::Both));
            return Ok((called(function, string(first, "TRIM")?), ColumnKind::Text));
        }
    }
    let arguments = [string(operand(cursor, scope)?, "TRIM")?].into_iter().chain(what).collect();
    Ok((Expr::Call { function: Function::Trim(side.unwrap_or(Side::Both)), arguments }, ColumnKind::Text))
}

pub fn aggregate_of(word: &str) -> Option<Aggregate> {
    Some(match word.to_uppercase().as_str() {
        "COUNT" => Aggregate::Count,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        "SUM" => Aggregate::Sum,
        "AVG" => Aggregate::Avg,
        _ => return None,
    })
}

/// `(x)`, `(DISTINCT x)`, `(DISTINCT(x))` after the name of an aggregate.
fn aggregate(cursor: &mut Cursor<'_>, scope: &Scope<'_>, function: Aggregate) -> Result<Typed, QueryError> {
    if !scope.may_aggregate() {
        return Err(QueryError::bad(format!("{function:?} is only allowed in SELECT, HAVING and ORDER BY")));
    }
    cursor.expect_sign("(")?;
    let distinct = cursor.word("DISTINCT");
    let argument = scope.aggregating(false, || operand(cursor, scope))?;
    cursor.expect_sign(")")?;
    aggregated(function, distinct, Scope::typed(argument)?)
}

pub fn aggregated(function: Aggregate, distinct: bool, argument: Typed) -> Result<Typed, QueryError> {
    let (argument, of) = match argument {
        (text, ColumnKind::Text) if matches!(function, Aggregate::Sum | Aggregate::Avg) => {
            (called(Function::Number, text), ColumnKind::F64)
        }
        other => other,
    };
    let kind = aggregate_kind(function, of)?;
    Ok((Expr::Aggregate { function, distinct, argument: Box::new(argument), of }, kind))
}

fn aggregate_kind(function: Aggregate, of: ColumnKind) -> Result<ColumnKind, QueryError> {
    match (function, of) {
        (Aggregate::Count, _) => Ok(ColumnKind::I64),
        (Aggregate::Avg, ColumnKind::I64 | ColumnKind::F64) => Ok(ColumnKind::F64),
        (Aggregate::Sum, ColumnKind::I64 | ColumnKind::F64) => Ok(of),
        (Aggregate::Min | Aggregate::Max, kind) if !matches!(kind, ColumnKind::Entity(_) | ColumnKind::Bool) => {
            Ok(kind)
        }
        _ => Err(QueryError::bad(format!("{function:?} of {} has no meaning", words(of)))),
    }
}
