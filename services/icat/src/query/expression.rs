//! What has a value: paths, literals, functions, arithmetic, CASE, aggregates and scalar sub-selects.

use super::QueryError;
use super::condition::{is_sub_select, parse_condition, parse_sub_select};
use super::cursor::TokenCursor;
use super::lexer::Token;
use super::literals;
use super::scope::{Operand, ResolvedPath, Scope, describe_kind, is_comparable, is_null};
use super::tree::{Aggregate, ArithmeticOperator, ColumnKind, Expr, Function, Literal, TrimSide};

/// How many numbers one sum or product may have.
const MOST_TERMS: usize = 200;

type TypedExpr = (Expr, ColumnKind);

/// `a + b - c`
pub fn parse_operand(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut left = parse_product(cursor, scope)?;
    for _ in 0..MOST_TERMS {
        let operator = match cursor.peek() {
            Some(Token::Sign("+")) => ArithmeticOperator::Add,
            Some(Token::Sign("-")) => ArithmeticOperator::Subtract,
            // The sign of a number sticks to it: `a -1`.
            Some(Token::Integer(n)) if *n < 0 => ArithmeticOperator::Add,
            Some(Token::Real(n)) if *n < 0.0 => ArithmeticOperator::Add,
            _ => return Ok(left),
        };
        cursor.at += usize::from(matches!(cursor.peek(), Some(Token::Sign(_))));
        let right = parse_product(cursor, scope)?;
        left = build_arithmetic(left, operator, right)?;
    }
    Err(QueryError::bad_parameter("too many numbers in one sum"))
}

/// `a * b / c`
fn parse_product(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut left = parse_signed(cursor, scope)?;
    for _ in 0..MOST_TERMS {
        let operator = match cursor.peek() {
            Some(Token::Sign("*")) => ArithmeticOperator::Multiply,
            Some(Token::Sign("/")) => ArithmeticOperator::Divide,
            _ => return Ok(left),
        };
        cursor.at += 1;
        let right = parse_signed(cursor, scope)?;
        left = build_arithmetic(left, operator, right)?;
    }
    Err(QueryError::bad_parameter("too many numbers in one product"))
}

fn parse_signed(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    cursor.parse_nested(|cursor| {
        if cursor.take_sign("+") {
            return parse_signed(cursor, scope);
        }
        if cursor.take_sign("-") {
            let (inner, kind) = to_number(parse_signed(cursor, scope)?)?;
            return Ok(Operand::Typed(Expr::Negative(Box::new(inner), kind), kind));
        }
        parse_primary(cursor, scope)
    })
}

fn build_arithmetic(left: Operand, operator: ArithmeticOperator, right: Operand) -> Result<Operand, QueryError> {
    let ((left, a), (right, b)) = (to_number(left)?, to_number(right)?);
    let is_whole = is_whole(&left, a) && is_whole(&right, b);
    let has_decimals = operator == ArithmeticOperator::Divide || a == ColumnKind::F64 || b == ColumnKind::F64;
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
fn to_number(operand: Operand) -> Result<TypedExpr, QueryError> {
    let (expr, kind) = Scope::infer_kind(operand)?;
    match kind {
        ColumnKind::I64 | ColumnKind::F64 => Ok((expr, kind)),
        ColumnKind::Text => Ok((call_function(Function::Number, expr), ColumnKind::F64)),
        _ => Err(QueryError::bad_parameter(format!("arithmetic takes numbers, not {}", describe_kind(kind)))),
    }
}

fn call_function(function: Function, argument: Expr) -> Expr {
    Expr::Call { function, arguments: vec![argument] }
}

/// A string, or a whole number as one.
pub fn to_string_expr(operand: Operand, place: &str) -> Result<Expr, QueryError> {
    let refused =
        |what: String| QueryError::bad_parameter(format!("{place} takes strings and whole numbers, not {what}"));
    match operand {
        Operand::Typed(expr, ColumnKind::Text) => Ok(expr),
        Operand::Typed(expr, ColumnKind::I64) => Ok(call_function(Function::Text, expr)),
        Operand::Typed(_, ColumnKind::Date) => {
            Err(QueryError::bad_parameter(format!("{place} takes no times: compare them with BETWEEN, < or >")))
        }
        Operand::Typed(_, kind) => Err(refused(describe_kind(kind))),
        Operand::Literal(token) => {
            let literal = if is_null(&token) { Some(Literal::Null) } else { literals::bind_text(&token) };
            literal.map(Expr::Literal).ok_or_else(|| refused(token.to_string()))
        }
    }
}

/// A selected expression has the type that icat.server gives it: what is made of whole numbers is whole, and a whole number
/// divided by one with decimals has four of them.
pub fn infer_selected_type((expr, kind): TypedExpr) -> TypedExpr {
    match expr {
        Expr::Arithmetic { left, operator: ArithmeticOperator::Divide, right, is_whole: true, .. }
            if is_plain_division(&left, &right) =>
        {
            (Expr::Call { function: Function::WholeQuotient, arguments: vec![*left, *right] }, ColumnKind::I64)
        }
        Expr::Arithmetic { is_whole: true, .. } if kind == ColumnKind::F64 => {
            (call_function(Function::Truncate, expr), ColumnKind::I64)
        }
        Expr::Arithmetic { left, operator: ArithmeticOperator::Divide, right, .. }
            if is_rounded_quotient(&left, &right) =>
        {
            (Expr::Call { function: Function::RoundedQuotient, arguments: vec![*left, *right] }, ColumnKind::F64)
        }
        other => (other, kind),
    }
}

/// Whether no quotient is in the way of dividing as whole numbers.
fn is_plain_division(left: &Expr, right: &Expr) -> bool {
    [left, right].iter().all(|side| !matches!(side, Expr::Arithmetic { .. } | Expr::Negative(..)))
}

fn is_rounded_quotient(left: &Expr, right: &Expr) -> bool {
    let is_attribute = |expr: &Expr| match expr {
        Expr::Path(path) => path.field.is_some_and(|field| ColumnKind::from_field_kind(field.kind) == ColumnKind::I64),
        _ => false,
    };
    is_attribute(left) && matches!(right, Expr::Literal(Literal::F64(_)))
}

fn require_kind(operand: Operand, complaint: &str, fits: impl Fn(ColumnKind) -> bool) -> Result<TypedExpr, QueryError> {
    let (expr, kind) = Scope::infer_kind(operand)?;
    if fits(kind) {
        Ok((expr, kind))
    } else {
        Err(QueryError::bad_parameter(format!("{complaint}, not {}", describe_kind(kind))))
    }
}

fn parse_primary(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    if is_sub_select(cursor) {
        let (select, kind) = parse_sub_select(cursor, scope)?;
        return Ok(Operand::Typed(Expr::Select(Box::new(select)), kind));
    }
    if cursor.take_sign("(") {
        let inner = parse_operand(cursor, scope)?;
        cursor.expect_sign(")")?;
        return Ok(inner);
    }
    match cursor.next()? {
        Token::Parameter(name) => resolve_parameter(name),
        Token::Name(name) => parse_named(cursor, scope, name),
        Token::Sign(_) => {
            cursor.at -= 1;
            Err(cursor.expected_error("NAME, STRING, NUMBER, PARAMETER"))
        }
        literal => Ok(Operand::Literal(literal.clone())),
    }
}

/// `:user`, the only parameter there is.
pub fn resolve_parameter(name: &str) -> Result<Operand, QueryError> {
    if name == "user" {
        return Ok(Operand::Typed(Expr::User, ColumnKind::Text));
    }
    Err(QueryError::bad_parameter(format!("there is no parameter :{name}; only :user can be named")))
}

fn parse_named(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>, name: &str) -> Result<Operand, QueryError> {
    let upper = name.to_uppercase();
    if cursor.is_sign("(") {
        let (expr, kind) = match find_aggregate(&upper) {
            Some(function) => parse_aggregate(cursor, scope, function)?,
            None => parse_call(cursor, scope, &upper)?,
        };
        return Ok(Operand::Typed(expr, kind));
    }
    match upper.as_str() {
        "TRUE" | "FALSE" | "NULL" => return Ok(Operand::Literal(Token::Name(upper))),
        "CURRENT_TIMESTAMP" => return Ok(Operand::Typed(Expr::Now, ColumnKind::Date)),
        "CURRENT_DATE" => return Ok(Operand::Typed(Expr::Today, ColumnKind::Date)),
        "CURRENT_TIME" => {
            return Err(QueryError::bad_parameter("CURRENT_TIME is a time of day, and no attribute is one"));
        }
        "CASE" if scope.find_variable(name).is_none() => {
            return cursor.parse_nested(|cursor| parse_case(cursor, scope));
        }
        _ => {}
    }
    if name.starts_with("org.icatproject.") && scope.find_variable("org").is_none() {
        return Ok(Operand::Literal(Token::Name(name.to_owned())));
    }
    let (path, kind) = scope.resolve_value(name)?;
    Ok(Operand::Typed(Expr::Path(path), kind))
}

/// `CASE WHEN cond THEN a [WHEN …] ELSE b END`; all values are of one kind.
fn parse_case(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<Operand, QueryError> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    while cursor.take_word("WHEN") {
        conditions.push(parse_condition(cursor, scope)?);
        cursor.expect_word("THEN")?;
        values.push(parse_operand(cursor, scope)?);
    }
    if conditions.is_empty() {
        return Err(cursor.expected_error("WHEN"));
    }
    cursor.expect_word("ELSE")?;
    values.push(parse_operand(cursor, scope)?);
    cursor.expect_word("END")?;
    let (mut values, kind) = unify_kinds(scope, values)?;
    let otherwise = Box::new(values.pop().ok_or_else(|| QueryError::bad_parameter("CASE without ELSE"))?);
    let branches = conditions.into_iter().zip(values).collect();
    Ok(Operand::Typed(Expr::Case { branches, otherwise }, kind))
}

/// Gives all values the kind of the first that has one; whole numbers beside others become numbers with decimals.
fn unify_kinds(scope: &Scope<'_>, values: Vec<Operand>) -> Result<(Vec<Expr>, ColumnKind), QueryError> {
    let given = values.iter().find_map(|value| match value {
        Operand::Typed(_, kind) => Some(*kind),
        Operand::Literal(_) => None,
    });
    let mut kind = given;
    let mut exprs = Vec::with_capacity(values.len());
    for value in values {
        let (expr, its) = match (value, kind) {
            (Operand::Literal(token), Some(kind)) => match (&token, kind) {
                (Token::Real(_), ColumnKind::I64) => Scope::infer_kind(Operand::Literal(token))?,
                _ => (scope.bind_literal(&token, kind)?, kind),
            },
            (operand, _) => Scope::infer_kind(operand)?,
        };
        kind = match kind {
            None => Some(its),
            Some(kind) if !is_comparable(kind, its) => {
                return Err(QueryError::bad_parameter(format!(
                    "{} and {} are not of one kind",
                    describe_kind(kind),
                    describe_kind(its)
                )));
            }
            Some(ColumnKind::I64) if its == ColumnKind::F64 => Some(its),
            known => known,
        };
        exprs.push(expr);
    }
    kind.map(|kind| (exprs, kind)).ok_or_else(|| QueryError::bad_parameter("a list of values is empty"))
}

fn parse_call(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>, name: &str) -> Result<TypedExpr, QueryError> {
    cursor.expect_sign("(")?;
    let typed = match name {
        "SIZE" => parse_size(cursor, scope)?,
        "TRIM" => parse_trim(cursor, scope)?,
        "FUNCTION" => {
            let Token::Text(name) = cursor.next()? else {
                cursor.at -= 1;
                return Err(cursor.expected_error("STRING"));
            };
            let mut arguments = Vec::new();
            while cursor.take_sign(",") {
                arguments.push(parse_operand(cursor, scope)?);
            }
            bind_function(scope, &name.to_uppercase(), arguments)?
        }
        _ => {
            let mut arguments = vec![parse_operand(cursor, scope)?];
            while cursor.take_sign(",") {
                arguments.push(parse_operand(cursor, scope)?);
            }
            bind_function(scope, name, arguments)?
        }
    };
    cursor.expect_sign(")")?;
    Ok(typed)
}

fn bind_function(scope: &Scope<'_>, name: &str, arguments: Vec<Operand>) -> Result<TypedExpr, QueryError> {
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
        other => return Err(QueryError::bad_parameter(format!("there is no function {other}"))),
    };
    if !counts.contains(&count) {
        return Err(QueryError::bad_parameter(format!("{name} does not take {count} arguments")));
    }
    if matches!(function, Function::Coalesce | Function::NullIf) {
        let (arguments, kind) = unify_kinds(scope, arguments)?;
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
            (to_string_expr(argument, name)?, ColumnKind::Text)
        } else if matches!(function, Function::Abs | Function::Sqrt) {
            to_number(argument)?
        } else {
            require_kind(argument, &format!("{name} takes whole numbers"), |kind| kind == ColumnKind::I64)?
        };
        first.get_or_insert(its);
        exprs.push(expr);
    }
    let kind = if function == Function::Abs { first.unwrap_or(kind) } else { kind };
    Ok((Expr::Call { function, arguments: exprs }, kind))
}

/// `SIZE(f.datafiles)`
fn parse_size(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<TypedExpr, QueryError> {
    let name = cursor.take_name()?;
    match scope.resolve_path(name)? {
        ResolvedPath::Many(parent, many) => Ok((Expr::Size { parent, many }, ColumnKind::I64)),
        ResolvedPath::Value(..) => {
            Err(QueryError::bad_parameter(format!("SIZE takes what leads to many rows, not {name}")))
        }
    }
}

/// `TRIM([LEADING | TRAILING | BOTH] ['c'] [FROM] string)`
fn parse_trim(cursor: &mut TokenCursor<'_>, scope: &Scope<'_>) -> Result<TypedExpr, QueryError> {
    let sides = [("LEADING", TrimSide::Leading), ("TRAILING", TrimSide::Trailing), ("BOTH", TrimSide::Both)];
    let side = sides.into_iter().find(|(word, _)| cursor.take_word(word)).map(|(_, side)| side);
    let mut what = None;
    if !cursor.take_word("FROM") {
        let first = parse_operand(cursor, scope)?;
        if cursor.take_word("FROM") {
            what = Some(to_string_expr(first, "TRIM")?);
        } else {
            let function = Function::Trim(side.unwrap_or(TrimSide::Both));
            return Ok((call_function(function, to_string_expr(first, "TRIM")?), ColumnKind::Text));
        }
    }
    let arguments = [to_string_expr(parse_operand(cursor, scope)?, "TRIM")?].into_iter().chain(what).collect();
    Ok((Expr::Call { function: Function::Trim(side.unwrap_or(TrimSide::Both)), arguments }, ColumnKind::Text))
}

pub fn find_aggregate(word: &str) -> Option<Aggregate> {
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
fn parse_aggregate(
    cursor: &mut TokenCursor<'_>,
    scope: &Scope<'_>,
    function: Aggregate,
) -> Result<TypedExpr, QueryError> {
    if !scope.allows_aggregates() {
        return Err(QueryError::bad_parameter(format!("{function:?} is only allowed in SELECT, HAVING and ORDER BY")));
    }
    cursor.expect_sign("(")?;
    let distinct = cursor.take_word("DISTINCT");
    let argument = scope.with_aggregates(false, || parse_operand(cursor, scope))?;
    cursor.expect_sign(")")?;
    build_aggregate(function, distinct, Scope::infer_kind(argument)?)
}

pub fn build_aggregate(function: Aggregate, distinct: bool, argument: TypedExpr) -> Result<TypedExpr, QueryError> {
    let (argument, of) = match argument {
        (text, ColumnKind::Text) if matches!(function, Aggregate::Sum | Aggregate::Avg) => {
            (call_function(Function::Number, text), ColumnKind::F64)
        }
        other => other,
    };
    let kind = infer_aggregate_kind(function, of)?;
    Ok((Expr::Aggregate { function, distinct, argument: Box::new(argument), of }, kind))
}

fn infer_aggregate_kind(function: Aggregate, of: ColumnKind) -> Result<ColumnKind, QueryError> {
    match (function, of) {
        (Aggregate::Count, _) => Ok(ColumnKind::I64),
        (Aggregate::Avg, ColumnKind::I64 | ColumnKind::F64) => Ok(ColumnKind::F64),
        (Aggregate::Sum, ColumnKind::I64 | ColumnKind::F64) => Ok(of),
        (Aggregate::Min | Aggregate::Max, kind) if !matches!(kind, ColumnKind::Entity(_) | ColumnKind::Bool) => {
            Ok(kind)
        }
        _ => Err(QueryError::bad_parameter(format!("{function:?} of {} has no meaning", describe_kind(of)))),
    }
}
