//! Lowers expressions to SQL.

use std::fmt::Write as _;

use super::SqlWriter;
use super::from_clause::FromClause;
use crate::query::statement::Param;
use crate::query::tree::{Aggregate, ArithmeticOperator, Column, ColumnKind, Expr, Function, Literal, TrimSide};

impl SqlWriter<'_> {
    /// Writes a selected expression. Computed values are cast to the type that the reader expects.
    pub fn write_column(&mut self, frame: &mut FromClause<'_>, column: &Column) -> String {
        self.is_selecting = true;
        let sql = self.write_expression(frame, &column.expr);
        self.is_selecting = false;
        match (&column.expr, column.kind) {
            (Expr::Path(_) | Expr::Aggregate { .. }, _) => sql,
            (_, ColumnKind::F64) => cast_to_double(&sql),
            (_, ColumnKind::Text) => format!("CAST({sql} AS TEXT)"),
            _ => format!("CAST({sql} AS BIGINT)"),
        }
    }

    pub fn write_expression(&mut self, frame: &mut FromClause<'_>, expr: &Expr) -> String {
        self.write_bounded(|writer| writer.write_expression_unbounded(frame, expr))
    }

    fn write_expression_unbounded(&mut self, frame: &mut FromClause<'_>, expr: &Expr) -> String {
        match expr {
            Expr::Path(path) => {
                let column = self.write_path(frame, path);
                match &self.groups {
                    Some(groups) if !groups.contains(&column) => format!("MIN({column})"),
                    _ => column,
                }
            }
            Expr::Aggregate { function, distinct, argument, argument_kind } => {
                self.aggregates += 1;
                self.can_fail |= matches!(function, Aggregate::Sum | Aggregate::Avg);
                let groups = self.groups.take();
                let argument = self.write_expression(frame, argument);
                self.groups = groups;
                let distinct = if *distinct { "DISTINCT " } else { "" };
                match (function, argument_kind) {
                    (Aggregate::Count, _) => format!("COUNT({distinct}{argument})"),
                    (Aggregate::Min, _) => format!("MIN({argument})"),
                    (Aggregate::Max, _) => format!("MAX({argument})"),
                    (Aggregate::Sum, ColumnKind::F64) => format!("CAST(SUM({distinct}{argument}) AS DOUBLE PRECISION)"),
                    (Aggregate::Sum, _) => format!("CAST(SUM({distinct}{argument}) AS BIGINT)"),
                    // As in MariaDB: four decimals for integers.
                    (Aggregate::Avg, ColumnKind::I64) => {
                        format!("CAST(ROUND(AVG({distinct}{argument}), 4) AS DOUBLE PRECISION)")
                    }
                    (Aggregate::Avg, _) => format!("CAST(AVG({distinct}{argument}) AS DOUBLE PRECISION)"),
                }
            }
            Expr::Call { function, arguments } => {
                self.can_fail |= function.can_fail();
                let arguments: Vec<String> =
                    arguments.iter().map(|argument| self.write_expression(frame, argument)).collect();
                self.write_call(*function, &arguments)
            }
            Expr::Arithmetic { left, operator, right, kind, .. } => {
                self.can_fail = true;
                let (left, right) = (self.write_expression(frame, left), self.write_expression(frame, right));
                let sql = match operator {
                    ArithmeticOperator::Add => format!("({left} + {right})"),
                    ArithmeticOperator::Subtract => format!("({left} - {right})"),
                    ArithmeticOperator::Multiply => format!("({left} * {right})"),
                    ArithmeticOperator::Divide => {
                        format!("({} / NULLIF({}, 0))", cast_to_double(&left), cast_to_double(&right))
                    }
                };
                self.require_whole_number(&sql, *kind)
            }
            Expr::Negative(inner, kind) => {
                self.can_fail = true;
                // Only PostgreSQL has a negative zero.
                let zero = if *kind == ColumnKind::F64 { "0 " } else { "" };
                let sql = format!("({zero}- {})", self.write_expression(frame, inner));
                self.require_whole_number(&sql, *kind)
            }
            Expr::Size { parent, many } => format!("({})", self.select_members(frame, "COUNT(*)", parent, many)),
            Expr::Case { branches, otherwise } => {
                let mut sql = String::from("CASE");
                for (cond, value) in branches {
                    let cond = self.write_condition(frame, cond);
                    let _ = write!(sql, " WHEN {cond} THEN {}", self.write_expression(frame, value));
                }
                format!("{sql} ELSE {} END", self.write_expression(frame, otherwise))
            }
            Expr::Select(body) => {
                let visible = self.visibility;
                if self.is_selecting {
                    // A sub-select in the SELECT list shows data, so the user's rights apply even if conditions see everything.
                    self.visibility = self.access;
                }
                let select = self.write_sub_select(body, Some(frame));
                self.visibility = visible;
                format!("({select} LIMIT 1)")
            }
            Expr::Literal(Literal::Null) => "NULL".to_owned(),
            Expr::Literal(Literal::I64(n)) => self.bind_parameter(Param::I64(*n)),
            Expr::Literal(Literal::F64(n)) => self.bind_parameter(Param::F64(*n)),
            Expr::Literal(Literal::Text(text)) => self.bind_parameter(Param::Text(text.clone())),
            Expr::User => self.bind_parameter(Param::Text(self.env.user.to_owned())),
            Expr::Now => self.bind_parameter(Param::I64(self.env.now.as_i64())),
            Expr::Today => self.bind_parameter(Param::I64(self.env.start_of_today.as_i64())),
        }
    }

    /// Makes the engine fail if an integer computation leaves the range of integers.
    fn require_whole_number(&self, sql: &str, kind: ColumnKind) -> String {
        if kind == ColumnKind::I64 { self.env.engine.whole_number(sql) } else { sql.to_owned() }
    }

    fn write_call(&mut self, function: Function, arguments: &[String]) -> String {
        let first = arguments.first().map_or("", String::as_str);
        let second = arguments.get(1).map_or("", String::as_str);
        match function {
            Function::Lower => format!("LOWER({first})"),
            Function::Upper => format!("UPPER({first})"),
            Function::Length => format!("CAST(LENGTH({first}) AS BIGINT)"),
            Function::Concat => format!("({})", arguments.join(" || ")),
            Function::Substring => {
                let length = arguments.get(2).map(|length| format!(", {}", clamp_position(length, 0)));
                format!("SUBSTR({first}, {}{})", clamp_position(second, 1), length.unwrap_or_default())
            }
            Function::Trim(side) => {
                let name = match side {
                    TrimSide::Both => "TRIM",
                    TrimSide::Leading => "LTRIM",
                    TrimSide::Trailing => "RTRIM",
                };
                format!("{name}({})", arguments.join(", "))
            }
            Function::Locate => {
                let found = self.env.engine.position_of(first, second);
                let Some(from) = arguments.get(2).map(|from| clamp_position(from, 1)) else {
                    return format!("CAST({found} AS BIGINT)");
                };
                let found = self.env.engine.position_of(first, &format!("SUBSTR({second}, {from})"));
                format!("CAST(CASE WHEN {found} = 0 THEN 0 ELSE {found} + {from} - 1 END AS BIGINT)")
            }
            Function::Abs => format!("ABS({first})"),
            Function::Sqrt => format!("(CASE WHEN {first} >= 0 THEN SQRT({}) END)", cast_to_double(first)),
            Function::Mod => format!("({first} % NULLIF({second}, 0))"),
            Function::Coalesce => format!("COALESCE({})", arguments.join(", ")),
            Function::NullIf => format!("NULLIF({})", arguments.join(", ")),
            Function::Text => format!("CAST({first} AS TEXT)"),
            Function::Number => self.env.engine.number_at_start(first),
            Function::WholeQuotient => self.env.engine.whole_number(&format!("({first} / NULLIF({second}, 0))")),
            Function::RoundedQuotient => self.env.engine.quotient_to_four_decimals(first, second),
            Function::Truncate => self.env.engine.truncated_to_whole_number(first),
        }
    }
}

fn cast_to_double(sql: &str) -> String {
    format!("CAST({sql} AS DOUBLE PRECISION)")
}

/// Clamps a position in a string to what both engines accept.
fn clamp_position(sql: &str, least: i32) -> String {
    const MAX: i32 = 1_000_000_000;
    format!("CAST(CASE WHEN {sql} < {least} THEN {least} WHEN {sql} > {MAX} THEN {MAX} ELSE {sql} END AS INTEGER)")
}
