//! Lowers conditions to SQL.

use super::from_clause::FromClause;
use super::rule_conditions::probe_condition;
use super::{SqlWriter, exists_condition, join_balanced};
use crate::query::statement::Param;
use crate::query::tree::{ComparisonOperator, Condition, Expr, LikePattern, Literal, SelectBody};

/// Longer lists are bound as one JSON parameter.
const MAX_INLINE_LIST: usize = 50;
/// Bytes of a LIKE pattern that both engines accept; `SQLite` limits its length, `PostgreSQL` its recursion.
const MAX_PATTERN_BYTES: usize = 1_000;

impl SqlWriter<'_> {
    pub fn write_condition(&mut self, frame: &mut FromClause<'_>, cond: &Condition) -> String {
        self.write_bounded(|writer| writer.write_condition_unbounded(frame, cond))
    }

    fn write_condition_unbounded(&mut self, frame: &mut FromClause<'_>, cond: &Condition) -> String {
        match cond {
            Condition::And(parts) => self.write_joined(frame, parts, " AND "),
            Condition::Or(parts) => self.write_joined(frame, parts, " OR "),
            Condition::Not(inner) => format!("NOT ({})", self.write_condition(frame, inner)),
            Condition::Compare { left, operator, right } => {
                let left = self.write_expression(frame, left);
                format!("{left} {} {}", operator.as_sql(), self.write_expression(frame, right))
            }
            Condition::Like { left, pattern, negated } => {
                let left = self.write_expression(frame, left);
                format!("{left} {}LIKE {}", not_keyword(*negated), self.write_pattern(frame, pattern))
            }
            Condition::Between { value, low, high, negated } => {
                let value = self.write_expression(frame, value);
                let low = self.write_expression(frame, low);
                format!("{value} {}BETWEEN {low} AND {}", not_keyword(*negated), self.write_expression(frame, high))
            }
            Condition::In { value, list, negated } => {
                let value = self.write_expression(frame, value);
                format!("{value} {}IN {}", not_keyword(*negated), self.write_list(frame, list))
            }
            Condition::InSelect { value, select, negated } => {
                let value = self.write_expression(frame, value);
                format!("{value} {}IN ({})", not_keyword(*negated), self.write_sub_select(select, Some(frame)))
            }
            Condition::IsNull { value, negated } => {
                format!("{} IS {}NULL", self.write_expression(frame, value), not_keyword(*negated))
            }
            Condition::IsEmpty { parent, many, negated } => {
                let exists = exists_condition(&self.select_members(frame, "1", parent, many));
                if *negated { exists } else { format!("NOT {exists}") }
            }
            Condition::MemberOf { value, parent, many, negated } => {
                let value = self.write_expression(frame, value);
                format!("{value} {}IN ({})", not_keyword(*negated), self.select_members(frame, "{}.id", parent, many))
            }
            Condition::Exists { select } => {
                let (select, can_fail) = self.track_failures(|writer| writer.write_sub_select(select, Some(frame)));
                // `PostgreSQL` would join it, and evaluate it on rows for which other conditions do not hold.
                if can_fail { probe_condition(&select) } else { exists_condition(&select) }
            }
            Condition::Quantified { value, operator, all, select } => {
                let value = self.write_expression(frame, value);
                self.write_quantified(frame, &value, *operator, *all, select)
            }
        }
    }

    fn write_pattern(&mut self, frame: &mut FromClause<'_>, pattern: &LikePattern) -> String {
        match pattern {
            LikePattern::Text(text) => {
                self.can_fail |= text.len() > MAX_PATTERN_BYTES;
                format!("{} ESCAPE '\\'", self.bind_parameter(Param::Text(text.clone())))
            }
            LikePattern::Computed(expr, escape) => {
                // `PostgreSQL` rejects a pattern that ends with its escape character.
                self.can_fail = true;
                let pattern = self.write_expression(frame, expr);
                format!("{pattern} ESCAPE {}", self.bind_parameter(Param::Text(escape.to_string())))
            }
        }
    }

    /// Writes ANY and ALL as EXISTS, because `SQLite` has neither; NULL where a comparison with NULL decides.
    fn write_quantified(
        &mut self,
        frame: &mut FromClause<'_>,
        value: &str,
        operator: ComparisonOperator,
        all: bool,
        select: &SelectBody,
    ) -> String {
        let mut any = |condition: &dyn Fn(&str) -> String| {
            let alias = self.new_alias();
            let select = self.write_sub_select(select, Some(frame));
            let compared = format!("{value} {} {alias}.v", operator.as_sql());
            exists_condition(&format!("SELECT 1 FROM ({select}) {alias} WHERE {}", condition(&compared)))
        };
        let decides = any(&|compared| if all { format!("NOT ({compared})") } else { compared.to_owned() });
        let unknown = any(&|compared| format!("({compared}) IS NULL"));
        let (decided, otherwise) = if all { (0, 1) } else { (1, 0) };
        format!("CASE WHEN {decides} THEN {decided} WHEN {unknown} THEN NULL ELSE {otherwise} END = 1")
    }

    fn write_joined(&mut self, frame: &mut FromClause<'_>, parts: &[Condition], word: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| self.write_condition(frame, part)).collect();
        join_balanced(&parts, word)
    }

    fn write_list(&mut self, frame: &mut FromClause<'_>, list: &[Expr]) -> String {
        if list.len() > MAX_INLINE_LIST {
            let ids = list.iter().map(|item| match item {
                Expr::Literal(Literal::I64(n)) => Some(*n),
                _ => None,
            });
            if let Some(ids) = ids.collect::<Option<Vec<i64>>>() {
                return self.write_id_list(&ids);
            }
            let texts = list.iter().map(|item| match item {
                Expr::Literal(Literal::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            if let Some(texts) = texts.collect::<Option<Vec<&str>>>() {
                let texts = self.bind_parameter(Param::Text(serde_json::Value::from(texts).to_string()));
                return self.env.engine.text_list(&texts);
            }
        }
        let items: Vec<String> = list.iter().map(|item| self.write_expression(frame, item)).collect();
        format!("({})", items.join(", "))
    }

    /// Binds ids as one JSON parameter.
    pub fn write_id_list(&mut self, ids: &[i64]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let list = self.bind_parameter(Param::Text(format!("[{}]", ids.join(","))));
        self.env.engine.id_list(&list)
    }
}

fn not_keyword(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}
