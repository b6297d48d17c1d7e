//! Conditions as SQL.

use super::frame::Frame;
use super::{Writer, balanced, exists};
use crate::query::Param;
use crate::query::tree::{Body, Cond, Expr, Literal, Operator, Pattern};

/// Longer lists travel as one parameter.
const LONGEST_LIST: usize = 50;
/// Bytes of a pattern that no engine refuses; `SQLite` has a limit, and `PostgreSQL` a depth.
const LONGEST_PATTERN: usize = 1_000;

impl Writer<'_> {
    pub fn cond(&mut self, frame: &mut Frame<'_>, cond: &Cond) -> String {
        self.bounded(|writer| writer.write_cond(frame, cond))
    }

    fn write_cond(&mut self, frame: &mut Frame<'_>, cond: &Cond) -> String {
        match cond {
            Cond::And(parts) => self.joined(frame, parts, " AND "),
            Cond::Or(parts) => self.joined(frame, parts, " OR "),
            Cond::Not(inner) => format!("NOT ({})", self.cond(frame, inner)),
            Cond::Compare { left, operator, right } => {
                let left = self.expr(frame, left);
                format!("{left} {} {}", operator.sql(), self.expr(frame, right))
            }
            Cond::Like { left, pattern, negated } => {
                let left = self.expr(frame, left);
                format!("{left} {}LIKE {}", not(*negated), self.pattern(frame, pattern))
            }
            Cond::Between { value, low, high, negated } => {
                let value = self.expr(frame, value);
                let low = self.expr(frame, low);
                format!("{value} {}BETWEEN {low} AND {}", not(*negated), self.expr(frame, high))
            }
            Cond::In { value, list, negated } => {
                let value = self.expr(frame, value);
                format!("{value} {}IN {}", not(*negated), self.list(frame, list))
            }
            Cond::InSelect { value, select, negated } => {
                let value = self.expr(frame, value);
                format!("{value} {}IN ({})", not(*negated), self.sub_select(select, Some(frame)))
            }
            Cond::IsNull { value, negated } => format!("{} IS {}NULL", self.expr(frame, value), not(*negated)),
            Cond::IsEmpty { parent, many, negated } => {
                let exists = exists(&self.members(frame, "1", parent, many));
                if *negated { exists } else { format!("NOT {exists}") }
            }
            Cond::MemberOf { value, parent, many, negated } => {
                let value = self.expr(frame, value);
                format!("{value} {}IN ({})", not(*negated), self.members(frame, "{}.id", parent, many))
            }
            Cond::Exists { select } => exists(&self.sub_select(select, Some(frame))),
            Cond::Quantified { value, operator, all, select } => {
                let value = self.expr(frame, value);
                self.quantified(frame, &value, *operator, *all, select)
            }
        }
    }

    fn pattern(&mut self, frame: &mut Frame<'_>, pattern: &Pattern) -> String {
        match pattern {
            Pattern::Text(text) => {
                self.can_fail |= text.len() > LONGEST_PATTERN;
                format!("{} ESCAPE '\\'", self.bind(Param::Text(text.clone())))
            }
            Pattern::Computed(expr, escape) => {
                // `PostgreSQL` takes no pattern that ends with its escape character.
                self.can_fail = true;
                let pattern = self.expr(frame, expr);
                format!("{pattern} ESCAPE {}", self.bind(Param::Text(escape.to_string())))
            }
        }
    }

    /// ANY and ALL by EXISTS, because `SQLite` has neither; unknown where a comparison with a NULL decides.
    fn quantified(
        &mut self,
        frame: &mut Frame<'_>,
        value: &str,
        operator: Operator,
        all: bool,
        select: &Body,
    ) -> String {
        let mut any = |condition: &dyn Fn(&str) -> String| {
            let alias = self.new_alias();
            let select = self.sub_select(select, Some(frame));
            let compared = format!("{value} {} {alias}.v", operator.sql());
            exists(&format!("SELECT 1 FROM ({select}) {alias} WHERE {}", condition(&compared)))
        };
        let decides = any(&|compared| if all { format!("NOT ({compared})") } else { compared.to_owned() });
        let unknown = any(&|compared| format!("({compared}) IS NULL"));
        let (decided, otherwise) = if all { (0, 1) } else { (1, 0) };
        format!("CASE WHEN {decides} THEN {decided} WHEN {unknown} THEN NULL ELSE {otherwise} END = 1")
    }

    fn joined(&mut self, frame: &mut Frame<'_>, parts: &[Cond], word: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| self.cond(frame, part)).collect();
        balanced(&parts, word)
    }

    fn list(&mut self, frame: &mut Frame<'_>, list: &[Expr]) -> String {
        if list.len() > LONGEST_LIST {
            let ids = list.iter().map(|item| match item {
                Expr::Literal(Literal::I64(n)) => Some(*n),
                _ => None,
            });
            if let Some(ids) = ids.collect::<Option<Vec<i64>>>() {
                return self.id_list(&ids);
            }
            let texts = list.iter().map(|item| match item {
                Expr::Literal(Literal::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            if let Some(texts) = texts.collect::<Option<Vec<&str>>>() {
                let texts = self.bind(Param::Text(serde_json::Value::from(texts).to_string()));
                return self.env.engine.text_list(&texts);
            }
        }
        let items: Vec<String> = list.iter().map(|item| self.expr(frame, item)).collect();
        format!("({})", items.join(", "))
    }

    /// Numbers as one JSON parameter.
    pub fn id_list(&mut self, ids: &[i64]) -> String {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let list = self.bind(Param::Text(format!("[{}]", ids.join(","))));
        self.env.engine.id_list(&list)
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}
